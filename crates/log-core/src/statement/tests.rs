use super::*;

const SHA: &str = "278a45608cf16e79c0ae10851d869185c6b78f86610df8f27a451a18c1fec732";

fn statement(subjects: &[(&str, &str)], purl: &str) -> String {
    let subjects: Vec<String> = subjects
        .iter()
        .map(|(name, sha)| format!(r#"{{"name":"{name}","digest":{{"sha256":"{sha}"}}}}"#))
        .collect();
    format!(
        r#"{{"_type":"{STATEMENT_TYPE}","subject":[{}],"predicateType":"{RELEASE_PREDICATE}","predicate":{{"purl":"{purl}"}}}}"#,
        subjects.join(",")
    )
}

#[test]
fn a_release_round_trips() {
    let text = statement(
        &[
            ("oslo.config-9.6.0.tar.gz", SHA),
            ("oslo.config-9.6.0-py3-none-any.whl", SHA),
            ("oslo.config-9.6.0-py3-none-any.whl.metadata", SHA),
        ],
        "pkg:pypi/oslo-config@9.6.0",
    );
    let Statement::Release(release) = Statement::parse(text.as_bytes()).expect("a release") else {
        panic!("a release");
    };
    assert_eq!(release.project.as_str(), "oslo-config");
    assert_eq!(release.artifacts().count(), 2);
    assert_eq!(release.to_payload(), text.as_bytes());
}

#[test]
fn epochs_and_local_versions_are_percent_encoded() {
    let text = statement(&[("a-1!2.0+local.1.tar.gz", SHA)], "pkg:pypi/a@1%212.0%2Blocal.1");
    let Statement::Release(release) = Statement::parse(text.as_bytes()).expect("a release") else {
        panic!("a release");
    };
    assert_eq!(release.version.as_str(), "1!2.0+local.1");
    assert_eq!(release.to_payload(), text.as_bytes());
}

#[test]
fn foreign_fields_are_ignored_and_sizes_read() {
    let text = statement(&[("a-1.tar.gz", SHA)], "pkg:pypi/a@1")
        .replace("\"sha256\":", "\"blake2b\":\"x\",\"sha256\":")
        .replace("}}],", "},\"annotations\":{\"size\":7,\"by\":\"me\"}}],")
        .replace("{\"purl\"", "{\"releaseId\":\"9\",\"purl\"");
    let Statement::Release(release) = Statement::parse(text.as_bytes()).expect("a release") else {
        panic!("a release");
    };
    assert_eq!(release.files[0].size, Some(7));
}

#[test]
fn bad_statements_name_the_field() {
    let good = statement(&[("a-1.tar.gz", SHA)], "pkg:pypi/a@1");
    let many: Vec<String> = (0..=MAX_SUBJECTS).map(|i| format!("a-1-{i}-py3-none-any.whl")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), SHA)).collect();
    for (bad, names) in [
        (String::new(), "EOF"),
        (good.replace("Statement/v1", "Statement/v0.1"), "_type"),
        (good.replace("release/v0.2", "release/v9"), "predicateType"),
        (good.replace("\"subject\"", "\"subjects\""), "subject"),
        (good.replace(SHA, &SHA.to_uppercase()), "subject[0].digest.sha256"),
        (good.replace(SHA, "00"), "subject[0].digest.sha256"),
        (good.replace("\"sha256\"", "\"sha512\""), "sha256"),
        (good.replace("\"sha256\"", "\"sha256\":\"0\",\"sha256\""), "duplicate field"),
        (good.replace("\"name\"", "\"name\":\"b\",\"name\""), "duplicate field"),
        (good.replace("a-1.tar.gz", "../a-1.tar.gz"), "subject[0].name"),
        (good.replace("a-1.tar.gz", "b-1.tar.gz"), "subject[0].name"),
        (good.replace("a-1.tar.gz", "a-2.tar.gz"), "subject[0].name"),
        (good.replace("a-1.tar.gz", "a-1.txt"), "subject[0].name"),
        (good.replace("a-1.tar.gz", "a-1-py3-none-any.whl.metadata"), "subject[0].name"),
        (good.replace("pypi/a", "pypi/A"), "predicate.purl"),
        (good.replace("pypi/a", "npm/a"), "predicate.purl"),
        (good.replace("@1\"", "@01\""), "predicate.purl"),
        (good.replace("@1\"", "@1?x=y\""), "predicate.purl"),
        (good.replace("@1\"", "@1+l\""), "predicate.purl"),
        (good.replace("\"purl\"", "\"url\""), "purl"),
        (statement(&[], "pkg:pypi/a@1"), "subject"),
        (statement(&[("a-1.tar.gz", SHA), ("a-1.tar.gz", SHA)], "pkg:pypi/a@1"), "subject[1].name"),
        (statement(&many, "pkg:pypi/a@1"), "subject"),
        (good.replace(&format!(r#"{{"sha256":"{SHA}"}}"#), &format!(r#"["{SHA}"]"#)), "subject[0].digest"),
        (good.replace(r#"{"purl":"pkg:pypi/a@1"}"#, r#"["pkg:pypi/a@1"]"#), "predicate"),
        ("[".repeat(5_000), "statement"),
    ] {
        let error = Statement::parse(bad.as_bytes()).expect_err(&bad).to_string();
        assert!(error.contains(names), "{error} should name {names}");
    }
}
