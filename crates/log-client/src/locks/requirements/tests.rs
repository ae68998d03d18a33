use proptest::prelude::*;

use log_core::artifact::ProjectName;

use super::super::{Digest, Origin, Pin};
use super::*;

const EXPORTED: &[u8] = include_bytes!("../fixtures/requirements.txt");

fn wanted(text: &str) -> Vec<Wanted> {
    parse(text.as_bytes()).expect(text).iter().filter_map(Line::wanted).collect()
}

fn error(text: &str) -> String {
    parse(text.as_bytes()).expect_err(text).to_string()
}

fn hash(digit: char) -> String {
    digit.to_string().repeat(64)
}

#[test]
fn reads_what_uv_exported() {
    let lines = parse(EXPORTED).expect("a file");
    let wanted: Vec<Wanted> = lines.iter().filter_map(Line::wanted).collect();
    let titles: Vec<String> = wanted.iter().map(Wanted::title).collect();
    assert_eq!(titles, ["iniconfig 2.0.0", "six 1.16.0"]);
    assert!(wanted.iter().all(|wanted| wanted.permits.len() == 2));
}

#[test]
fn requirements_in_all_their_forms() {
    for (line, title, origin) in [
        ("nova", "nova", Origin::Index(None)),
        ("Nova_API == 27.0.0", "nova-api 27.0.0", Origin::Index(None)),
        ("nova[a, b]===27.0.0;python_version>'3'", "nova 27.0.0", Origin::Index(None)),
        ("nova (==27.0)", "nova 27.0", Origin::Index(None)),
        ("nova>=1,<2", "nova", Origin::Index(None)),
        ("nova==1,>=0", "nova", Origin::Index(None)),
        ("nova==1.*", "nova", Origin::Index(None)),
        ("nova===odd_one", "nova odd_one", Origin::Index(None)),
        ("nova @ https://f.example/nova-1.0.zip ; x > '1'", "nova", Origin::Archive),
        ("https://f.example/nova-1.0.zip#egg=nova", "nova", Origin::Archive),
        ("https://f.example/nova-1.0.zip", "https://f.example/nova-1.0.zip", Origin::Archive),
        ("nova-1.0.zip", "nova-1.0.zip", Origin::Archive),
        ("./dist/nova-1.0.zip", "./dist/nova-1.0.zip", Origin::Archive),
        (
            "nova @ git+https://g.example/nova@main",
            "nova",
            Origin::Repository("git+https://g.example/nova@main".into()),
        ),
        ("-e .", ".", Origin::Directory(".".into())),
        ("-e.", ".", Origin::Directory(".".into())),
        ("--editable=./x[y]", "./x[y]", Origin::Directory("./x[y]".into())),
        (
            "-e git+https://g.example/nova#egg=nova",
            "nova",
            Origin::Repository("git+https://g.example/nova#egg=nova".into()),
        ),
        ("./nova[x]", "./nova[x]", Origin::Directory("./nova[x]".into())),
    ] {
        let wanted = wanted(line);
        assert_eq!(wanted.len(), 1, "{line}");
        assert_eq!((wanted[0].title(), &wanted[0].origin), (title.to_owned(), &origin), "{line}");
    }
}

#[test]
fn lines_are_joined_and_comments_taken_away_as_pip_does_it() {
    let text = format!(
        "# first\nnova==1.0 \\\r\n    --hash=sha256:{} \\\n    --hash sha256:{}  # last # of all\n\n  # indented \\\nglance==2#not-a-comment\n",
        hash('1'),
        hash('2')
    );
    let text = text.replace("glance==2#not-a-comment", "glance @ https://f.example/g-2.zip#egg=glance");
    let lines = parse(text.as_bytes()).expect("a file");
    let numbers: Vec<usize> = lines.iter().map(|line| line.number).collect();
    assert_eq!(numbers, [1, 2, 5, 6, 7]);
    assert_eq!(lines[1].comment, Comment(Some("# last # of all".to_owned())));
    assert_eq!(lines[1].wanted().expect("nova").permits.len(), 2);
    assert_eq!(lines[3].content, Content::Nothing, "a comment is not continued");
    assert_eq!(lines[4].wanted().expect("glance").title(), "glance");
    // A comment in the middle hides what follows it on the logical line.
    let hidden = format!("nova==1.0 # why \\\n  --hash=sha256:{}\n", hash('1'));
    assert_eq!(wanted(&hidden)[0].permits, []);
    let joined = format!("nova==1.0 \\\n# why\n--hash=sha256:{}\n", hash('1'));
    assert!(error(&joined).contains("--hash"), "the comment ended the line");
}

#[test]
fn hashes_of_every_kind_are_kept() {
    let text = format!("nova==1 --hash=sha256:{} --hash=sha512:00 --hash='md5:00'", hash('A'));
    let digests: Vec<Digest> =
        wanted(&text)[0].permits.iter().flat_map(|file| file.digests.clone()).collect();
    assert!(
        matches!(&digests[..], [Digest::Sha256(_), Digest::Other(a), Digest::Other(b)] if a == "sha512" && b == "md5")
    );
    let url =
        format!("nova @ https://f.example/nova-1.zip#sha256={}&md5=0 --hash=sha256:{}", hash('1'), hash('2'));
    assert_eq!(wanted(&url)[0].permits[0].digests.len(), 3);
}

#[test]
fn options_and_other_files() {
    let content = |line: &str| parse(line.as_bytes()).expect(line).remove(0).content;
    for line in [
        "--index-url https://user:${TOKEN}@pypi.org/simple --extra-index-url=https://x.example/",
        "-i https://pypi.org/simple",
        "-fhttps://x.example/",
        "--no-binary :all:",
        "--pre",
        "--require-hashes",
    ] {
        assert_eq!(content(line), Content::Options, "{line}");
    }
    for (line, constraint) in [("-r more.txt", false), ("-c 'up per.txt'", true), ("--requirement=x", false)]
    {
        assert!(
            matches!(content(line), Content::Include { constraint: found, .. } if found == constraint),
            "{line}"
        );
    }
}

#[test]
fn what_pip_would_read_otherwise_is_an_error() {
    for (text, names) in [
        ("nova==1\x0cevil==2", "\\u{c}"),
        ("nova==1 # \u{2028}evil==2", "\\u{2028}"),
        ("nova==1 # \u{85}evil==2", "\\u{85}"),
        ("nova==1 # \revil==2", "carriage return"),
        ("# coding: utf-7\nnova==1", "encoding"),
        ("#\n# -*- coding=latin-1 -*-\n", "encoding"),
        ("nova==${VERSION}", "environment variable"),
        ("-r ${FILE}", "environment variable"),
        ("-r a.txt -r b.txt", "other options"),
        ("nova==1 --has=sha256:00", "--has"),
        ("nova==1 --index-url https://x.example/", "--index-url"),
        ("nova==1 --hash", "no value"),
        ("nova==1 --hash=sha256:00", "64 hex digits"),
        ("--no-such-option", "--no-such-option"),
        ("--pre=1", "--pre"),
        ("nova == ", "specifier"),
        ("nova 1.0", "specifier"),
        ("nova=1.0", "specifier"),
        ("nova @ ", "neither"),
        ("a @ https://f.example/x.zip#egg=b", "called a and b"),
        ("-i 'https://x", "not closed"),
        ("nova==1 ;", "no marker"),
        ("nova==1 ;# why", "no marker"),
        ("nova==1 ;-py3", "no marker"),
        ("=nova", "not valid"),
    ] {
        let error = error(text);
        assert!(error.contains(names), "{text:?}: {error} should name {names}");
    }
    assert!(error("\n\nnova==1 --what").starts_with("line 3: "));
    assert!(parse(b"# -*- coding: utf-8 -*-\nnova==1").is_ok());
    assert!(parse(b"\xff").is_err());
}

#[test]
fn pins_are_versions() {
    assert_eq!(wanted("nova==1.0-1")[0].version, Pin::of("1.0.post1"));
    assert_eq!(wanted("nova")[0].version, Pin::Open);
}

proptest! {
    /// Whatever is in it, nothing is lost: all lines come back.
    #[test]
    fn every_line_is_in_one_logical_line(text in "([a-z=1. #\\\\\n-]|nova==1){0,60}") {
        if let Ok(lines) = parse(text.as_bytes()) {
            let raw: Vec<&str> = lines.iter().flat_map(|line| line.raw.split('\n')).collect();
            prop_assert_eq!(raw, text.lines().collect::<Vec<_>>());
        }
    }

    #[test]
    fn never_panics(text in "\\PC{0,80}") {
        let _ = parse(text.as_bytes());
    }

    #[test]
    fn a_written_requirement_is_read_again(
        name in "[a-z][a-z0-9]{0,8}", version in "[0-9]{1,3}(\\.[0-9]{1,3}){0,3}", hashes in 0_usize..4, same in any::<bool>()
    ) {
        let operator = if same { "===" } else { "==" };
        let mut text = format!("{name}{operator}{version}");
        for at in 0..hashes {
            let digit = char::from(b'1' + u8::try_from(at).expect("small"));
            text = text + " \\\n  --hash=sha256:" + &hash(digit);
        }
        let wanted = wanted(&text);
        prop_assert_eq!(&wanted[0].version, &Pin::of(&version));
        prop_assert_eq!(wanted[0].project.as_ref().map(ProjectName::as_str), Some(name.as_str()));
        prop_assert_eq!(wanted[0].permits.len(), hashes);
    }
}
