//! What is written of a page reads as the same page; and what servers send.

use proptest::prelude::*;

use super::negotiate::{Form, form_of, negotiate};
use super::offer::Digests;
use super::*;

const SHA: &str = "278a45608cf16e79c0ae10851d869185c6b78f86610df8f27a451a18c1fec732";

fn project() -> ProjectName {
    ProjectName::parse("tap-lib").expect("a name")
}

fn text() -> impl Strategy<Value = String> {
    // What has to be escaped somewhere, and what has not.
    "[a-z<>&\"'= \u{e9};/%]{1,12}"
        .prop_map(|text| text.trim().to_owned())
        .prop_filter("some", |text| !text.is_empty())
}

fn file() -> impl Strategy<Value = Offered> {
    let digests = prop_oneof![Just(vec![]), Just(vec![("sha256".to_owned(), SHA.to_owned())])];
    let metadata = prop::option::of(digests.clone());
    (
        ("[a-z]{1,8}-[0-9][.][0-9][.]whl", digests, prop::option::of(text()), prop::option::of(any::<u32>())),
        (prop::option::of(prop_oneof![Just(String::new()), text()]), metadata, prop::option::of(text())),
    )
        .prop_map(
            |((name, digests, requires_python, size), (yanked, metadata, provenance)): (
                _,
                (_, Option<Digests>, _),
            )| {
                Offered {
                    url: format!("https://files.example/a%20b/{name}"),
                    name,
                    digests,
                    requires_python,
                    size: size.map(u64::from),
                    upload_time: None,
                    yanked,
                    metadata,
                    provenance,
                }
            },
        )
}

fn offer() -> impl Strategy<Value = Offer> {
    let status = prop::option::of((text(), prop::option::of(text())));
    let versions = prop::option::of(prop::collection::vec(text(), 0..3));
    (prop::collection::vec(file(), 0..4), status, versions).prop_map(|(files, status, versions)| Offer {
        minor: 4,
        base: None,
        status: status.map(|(status, reason)| ProjectStatus { status, reason }),
        versions,
        files,
    })
}

proptest! {
    #[test]
    fn json_says_all(offer in offer()) {
        let mut read = json::parse(&project(), write::to_json(&project(), &offer).as_bytes()).expect("a page");
        // 1.1 and later are claimed only with all sizes and versions.
        let whole = offer.versions.is_some() && offer.files.iter().all(|file| file.size.is_some());
        prop_assert_eq!(read.minor, if whole { 4 } else { 0 });
        read.minor = offer.minor;
        prop_assert_eq!(read, offer);
    }

    #[test]
    fn html_says_all_that_it_can(offer in offer()) {
        let mut read = html::parse(write::to_html(&project(), &offer).as_bytes()).expect("a page");
        read.minor = offer.minor;
        let mut expected = offer;
        expected.versions = None;
        for file in &mut expected.files {
            file.size = None;
        }
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn no_page_takes_long_or_panics(page in "[<>a-z \"'=&#;!/-]{0,200}") {
        let _ = html::parse(page.as_bytes());
    }
}

#[test]
fn html_of_old_servers() {
    let page = "<!DOCTYPE html><html><head><base href='/root/'><title>x <a href=\"no.whl\"></title></head><body>
        <!-- <a href=\"comment.whl\">c</a> -->
        <A HREF=\"../../packages/tap_lib-1.0.tar.gz#md5=0123&sha256=SHA\" rel=internal>tap_lib-1.0.tar.gz</A>
        <a href='tap_lib-1.0-py3-none-any.whl' data-requires-python='&gt;=3.9' data-yanked data-dist-info-metadata=true>w</a>
        <a href=\"../other/\">not a file</a><a>neither</a></body>"
        .replace("SHA", SHA);
    let offer = html::parse(page.as_bytes()).expect("a page");
    assert_eq!(offer.base.as_deref(), Some("/root/"));
    let names: Vec<&str> = offer.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["tap_lib-1.0.tar.gz", "tap_lib-1.0-py3-none-any.whl"]);
    assert_eq!(offer.files[0].sha256().len(), 1);
    let wheel = &offer.files[1];
    assert_eq!((wheel.requires_python.as_deref(), wheel.yanked.as_deref()), (Some(">=3.9"), Some("")));
    assert_eq!(wheel.metadata, Some(vec![]));
    let newer = "<meta name=\"pypi:repository-version\" content=\"2.0\">";
    assert!(html::parse(newer.as_bytes()).is_err(), "another major version");
}

#[test]
fn forms() {
    let pip =
        "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01";
    assert_eq!(negotiate(pip), Form::Json);
    assert_eq!(negotiate("text/html"), Form::TextHtml);
    assert_eq!(negotiate("application/vnd.pypi.simple.v1+html"), Form::Html);
    assert_eq!(negotiate("application/vnd.pypi.simple.latest+json;q=0.5, text/html;q=0.4"), Form::Json);
    assert_eq!(negotiate("application/vnd.pypi.simple.v1+json;q=0"), Form::TextHtml);
    assert_eq!(negotiate(""), Form::TextHtml);
    assert_eq!(form_of("text/html; charset=utf-8"), Some(Form::TextHtml));
    assert_eq!(form_of("application/octet-stream"), None);
}
