use proptest::prelude::*;

use super::*;

const SHA: &str = "278a45608cf16e79c0ae10851d869185c6b78f86610df8f27a451a18c1fec732";
const OTHER: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn project() -> ProjectName {
    ProjectName::parse("oslo-config").expect("a name")
}

fn page_of(files: &str) -> String {
    format!(r#"{{"meta":{{"api-version":"1.4"}},"name":"oslo-config","files":[{files}]}}"#)
}

fn parse(text: &str) -> Result<Page, PageError> {
    Page::parse(&project(), text.as_bytes())
}

/// The page of one file with these further fields: its sha256 and its metadata's.
fn parse_file(fields: &str) -> Result<(Vec<String>, Vec<String>), String> {
    let page =
        parse(&page_of(&format!(r#"{{"filename":"f.whl"{fields}}}"#))).map_err(|error| error.to_string())?;
    let (_, file) = page.files.into_iter().next().expect("a file");
    let hex = |digests: BTreeSet<Hash>| digests.into_iter().map(Hash::to_hex).collect();
    Ok((hex(file.sha256), hex(file.metadata_sha256)))
}

#[test]
fn reads_what_pypi_sends() {
    let text = r#"{
        "files": [
            {"filename": "debtcollector-3.1.0-py3-none-any.whl", "hashes": {"sha256": "SHA"},
             "requires-python": ">=3.10", "size": 23150, "upload-time": "2026-03-24T10:07:37.014313Z",
             "url": "https://files.pythonhosted.org/packages/x/debtcollector-3.1.0-py3-none-any.whl",
             "yanked": false, "core-metadata": {"sha256": "SHA"}, "data-dist-info-metadata": {"sha256": "SHA"},
             "provenance": null},
            {"filename": "debtcollector-3.1.0.tar.gz", "hashes": {"sha256": "SHA"},
             "core-metadata": false, "data-dist-info-metadata": false, "yanked": "broken"}],
        "meta": {"_last-serial": 35427498, "api-version": "1.4"},
        "name": "debtcollector", "project-status": {"status": "active"},
        "versions": ["3.1.0", "not PEP 440"]}"#
        .replace("SHA", SHA);
    let project = ProjectName::parse("debtcollector").expect("a name");
    let page = Page::parse(&project, text.as_bytes()).expect("a page");
    assert_eq!((page.len(), page.bad_names.len()), (2, 0));
    let hash = Hash::parse_hex(SHA).expect("a hash");
    for file in page.files.values() {
        assert_eq!(file.sha256, BTreeSet::from([hash]));
    }
    let metadata: Vec<usize> = page.files.values().map(|file| file.metadata_sha256.len()).collect();
    assert_eq!(metadata, [1, 0]);
}

#[test]
fn reads_what_little_others_send() {
    assert!(parse(&page_of("")).expect("a page").is_empty());
    let page = parse(&page_of(r#"{"filename":"a-1.tar.gz"}"#).replace("oslo-config", "Oslo.Config"));
    assert_eq!(page.expect("a page").len(), 1);
    assert!(parse(&format!("\r\n {}\n", page_of(""))).is_ok());
}

#[test]
fn each_sha256_an_installer_may_go_by_is_read() {
    let none: [&str; 0] = [];
    for (fields, sha256, metadata) in [
        (String::new(), vec![], vec![]),
        (r#","hashes":{}"#.to_owned(), vec![], vec![]),
        (r#","hashes":{"md5":"x","sha512":"y"}"#.to_owned(), vec![], vec![]),
        (format!(r#","hashes":{{"sha256":"{SHA}"}}"#), vec![SHA], vec![]),
        (format!(r#","url":"/f.whl#sha256={SHA}""#), vec![SHA], vec![]),
        (
            format!(r#","url":"f.whl#egg=f&sha256={OTHER}","hashes":{{"sha256":"{SHA}"}}"#),
            vec![OTHER, SHA],
            vec![],
        ),
        (r#","url":"f.whl#md5=x""#.to_owned(), vec![], vec![]),
        (format!(r#","core-metadata":{{"sha256":"{SHA}"}}"#), vec![], vec![SHA]),
        (format!(r#","dist-info-metadata":{{"sha256":"{SHA}"}}"#), vec![], vec![SHA]),
        (format!(r#","data-dist-info-metadata":{{"sha256":"{SHA}"}}"#), vec![], vec![SHA]),
        (
            format!(
                r#","core-metadata":{{"sha256":"{SHA}"}},"data-dist-info-metadata":{{"sha256":"{OTHER}"}}"#
            ),
            vec![],
            vec![OTHER, SHA],
        ),
        (r#","core-metadata":true"#.to_owned(), vec![], vec![]),
        (r#","core-metadata":null"#.to_owned(), vec![], vec![]),
        (r#","core-metadata":{"sha512":"x"}"#.to_owned(), none.to_vec(), none.to_vec()),
    ] {
        let expected = [sha256, metadata].map(|digests| digests.into_iter().map(str::to_owned).collect());
        assert_eq!(parse_file(&fields).map(|(a, b)| [a, b]), Ok(expected), "{fields}");
    }
}

#[test]
fn bad_digests_are_errors() {
    for bad in [&SHA.to_uppercase(), &SHA[1..], "", "none", &format!("sha256:{SHA}"), &format!("{SHA} ")] {
        for field in [
            format!(r#","hashes":{{"sha256":"{bad}"}}"#),
            format!(r#","core-metadata":{{"sha256":"{bad}"}}"#),
            format!(r#","url":"f.whl#sha256={bad}""#),
        ] {
            let error = parse_file(&field).expect_err(&field);
            assert!(error.contains("64 lower-case hex digits") && error.contains("f.whl"), "{error}");
        }
    }
}

#[test]
fn bad_names_are_kept() {
    let names = ["../f.whl", ".hidden", "a b", "a\\b", "", "é.whl", "new\nline"];
    let files: Vec<String> =
        names.iter().map(|name| serde_json::json!({"filename": name}).to_string()).collect();
    let page = parse(&page_of(&files.join(","))).expect("a page");
    assert_eq!((page.len(), page.files.len()), (names.len(), 0));
    assert_eq!(page.bad_names, names.map(str::to_owned).into());
}

#[test]
fn bad_pages_are_errors() {
    let good = page_of(r#"{"filename":"a-1.tar.gz","hashes":{}}"#);
    assert!(parse(&good).is_ok());
    let file = r#"{"filename":"a-1.tar.gz"}"#;
    for (bad, says) in [
        (String::new(), "EOF"),
        ("\n <!DOCTYPE html>".to_owned(), "does not speak Simple JSON (PEP 691)"),
        ("<html>".to_owned(), "HTML"),
        ("{}".to_owned(), "`meta`"),
        ("[]".to_owned(), "an object"),
        (format!("{good}x"), "trailing"),
        (good.replace("1.4", "2.0"), "API version \"2.0\", expected 1.x"),
        (good.replace("1.4", "10.0"), "API version"),
        (good.replace("1.4", "1"), "API version"),
        (good.replace("1.4", "1."), "API version"),
        (good.replace("1.4", "1.x"), "API version"),
        (good.replace("1.4", "1.4\\u001b"), "\"1.4\\u{1b}\""),
        (good.replace("\"1.4\"", "1.4"), "string"),
        (good.replace(r#"{"api-version":"1.4"}"#, r#"["1.4"]"#), "an object"),
        (good.replace("\"oslo-config\"", "\"oslo-configs\""), "that of project \"oslo-configs\""),
        (good.replace("\"oslo-config\"", "\"\""), "that of project \"\""),
        (good.replace("\"name\"", "\"project\""), "`name`"),
        (good.replace("\"name\"", "\"name\":\"x\",\"name\""), "duplicate field"),
        (good.replace("\"files\"", "\"file\""), "`files`"),
        (good.replace("\"hashes\"", "\"filename\":\"b\",\"hashes\""), "duplicate field"),
        (good.replace("\"hashes\":{}", "\"hashes\":[\"x\"]"), "an object"),
        (good.replace("\"hashes\":{}", "\"hashes\":{\"sha256\":\"x\",\"sha256\":\"y\"}"), "duplicate field"),
        (good.replace("\"hashes\":{}", "\"core-metadata\":\"yes\""), "a boolean or hashes"),
        (good.replace("\"hashes\":{}", "\"core-metadata\":[\"x\"]"), "a boolean or hashes"),
        (good.replace("{}", &"[".repeat(5_000)), "expected"),
        (good.replace("\"hashes\":{}", &format!("\"core-metadata\":{}", "[".repeat(5_000))), "recursion"),
        (good.replace("\"a-1.tar.gz\"", "1"), "string"),
        (page_of(r#"["a-1.tar.gz"]"#), "an object"),
        (page_of(r#"{"url":"a-1.tar.gz"}"#), "`filename`"),
        (page_of(&format!("{file},{file}")), "\"a-1.tar.gz\" twice"),
        (page_of(&format!("{0},{0}", file.replace("a-1", "a 1"))), "\"a 1.tar.gz\" twice"),
        (good.replace("\"name\"", &format!("\"x\":{}\"name\"", "[".repeat(5_000))), "expected"),
    ] {
        let error = parse(&bad).expect_err(&bad).to_string();
        assert!(error.contains(says), "{error} should say {says}");
        assert!(
            error.len() < 1_000 && error.is_ascii() && !error.contains(|c: char| c.is_control()),
            "{error}"
        );
    }
    let error = parse(&good.replace("oslo-config", &"\\n".repeat(10_000))).expect_err("a long name");
    assert!(error.to_string().len() < 1_000);
}

#[test]
fn the_number_of_files_and_bytes_is_bounded() {
    let many: Vec<String> = (0..=MAX_FILES).map(|i| format!(r#"{{"filename":"f{i}"}}"#)).collect();
    assert_eq!(parse(&page_of(&many[1..].join(","))).expect("a page").len(), MAX_FILES);
    let error = parse(&page_of(&many.join(","))).expect_err("one too many");
    assert!(error.to_string().contains("more than 100000 files"), "{error}");
    let long = page_of("") + &" ".repeat(MAX_PAGE_BYTES);
    assert!(parse(&long).expect_err("too long").to_string().contains("67108864 bytes"));
}

#[test]
fn escaping_keeps_texts_apart() {
    let all = |text: &str| escaped(text.chars());
    assert_eq!(all("a b'\"~"), "a b'\"~");
    assert_eq!(all("\n\\n\u{7f}é\u{202e}"), "\\n\\\\n\\u{7f}\\u{e9}\\u{202e}");
}

proptest! {
    #[test]
    fn never_panics_on_bytes(body in any::<Vec<u8>>()) {
        let _ = Page::parse(&project(), &body);
    }

    #[test]
    fn never_panics_on_damaged_pages(at in any::<prop::sample::Index>(), with in any::<Vec<u8>>(), cut in 0..9_usize) {
        let file = format!(
            r#"{{"filename":"f.whl","url":"f#sha256={SHA}","hashes":{{"sha256":"{SHA}"}},"core-metadata":true}}"#
        );
        let mut body = page_of(&file).into_bytes();
        let at = at.index(body.len());
        let end = body.len().min(at + cut);
        body.splice(at..end, with);
        let _ = Page::parse(&project(), &body);
    }

    #[test]
    fn no_file_is_lost(names in prop::collection::btree_set(any::<String>(), 0..9)) {
        let files: Vec<String> =
            names.iter().map(|name| serde_json::json!({"filename": name}).to_string()).collect();
        let page = parse(&page_of(&files.join(","))).expect("a page");
        prop_assert_eq!(page.len(), names.len());
    }
}
