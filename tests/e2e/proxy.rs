//! `wheeltap proxy` itself, byte by byte: pages, files, parts of files, and what it does when
//! something is wrong with the index, the log, or the disk. Real installers: `clients`; who
//! is told which password: `proxy_credentials`.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::clients::stage;
use crate::harness::{Scene, Server};
use crate::hostile::{Index, Listed, Page, Shelf, sha256};

/// An answer as it came.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The reason phrase.
    pub(crate) reason: String,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// `GET`, or another method, of a path of a server, with more headers.
pub(crate) fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask_in("1.1", server, method, path, headers)
}

/// The same in a version of HTTP.
fn ask_in(version: &str, server: &Server, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let host = server.url.trim_start_matches("http://").split('/').next().expect("a host");
    let mut stream = TcpStream::connect(host).expect("it listens");
    let mut request = format!("{method} {path} HTTP/{version}\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        write!(request, "{name}: {value}\r\n").expect("a string");
    }
    stream.write_all(format!("{request}\r\n").as_bytes()).expect("sent");
    let mut bytes = Vec::new();
    // A body that is cut off ends like one that is whole.
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8(bytes[..end].to_vec()).expect("text");
    let line = head.lines().next().expect("a status line");
    let mut words = line.splitn(3, ' ').skip(1);
    let status = words.next().expect("a status").parse().expect("a number");
    let reason = words.next().unwrap_or_default().to_owned();
    Answer { status, reason, head: head.clone(), body: bytes[end + 4..].to_vec() }
}

pub(crate) const JSON: (&str, &str) = ("Accept", "application/vnd.pypi.simple.v1+json");

/// The page of a project, in JSON.
fn page(proxy: &Server, project: &str) -> Value {
    let answer = ask(proxy, "GET", &format!("/simple/{project}/"), &[JSON]);
    assert_eq!(answer.status, 200, "{}", answer.reason);
    answer.json()
}

/// Where the proxy has the file whose name ends so.
fn path(page: &Value, end: &str) -> String {
    let files = page["files"].as_array().expect("files");
    let file = files.iter().find(|file| file["filename"].as_str().is_some_and(|name| name.ends_with(end)));
    let url = file.unwrap_or_else(|| panic!("no {end} in {page}"))["url"].as_str().expect("a URL");
    url.strip_prefix("../..").expect("relative to the page").to_owned()
}

fn wheel_1_1() -> Listed {
    stage::wheel(&stage::official("tap-lib", "1.1"))
}

#[test]
fn pages_and_files() {
    let (scene, log) = stage::log();
    let index = Index::start();
    let proxy = scene.proxy("p", &index.put("honest", stage::honest()), &[]);
    // Names, forms, entity tags.
    let answer = ask(&proxy, "GET", "/simple/Tap.Lib/", &[]);
    assert_eq!((answer.status, answer.header("location")), (301, Some("/simple/tap-lib/")));
    let html = ask(&proxy, "GET", "/simple/tap-lib/", &[("Accept", "text/html")]);
    assert_eq!(html.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!((html.header("vary"), html.header("cache-control")), (Some("Accept"), Some("no-cache")));
    let text = String::from_utf8(html.body.clone()).expect("text");
    let etag = html.header("etag").expect("an entity tag");
    let again = ask(&proxy, "GET", "/simple/tap-lib/", &[("Accept", "text/html"), ("If-None-Match", etag)]);
    assert_eq!((again.status, again.body.len()), (304, 0));
    let json = page(&proxy, "tap-lib");
    assert_eq!(json["files"].as_array().map(Vec::len), Some(4));
    for file in json["files"].as_array().expect("files") {
        assert!(text.contains(&format!("#sha256={}", file["hashes"]["sha256"].as_str().expect("a digest"))));
        assert_eq!(file["hashes"].as_object().map(serde_json::Map::len), Some(1), "no other digest");
    }
    assert_eq!(ask(&proxy, "GET", "/simple/no-such/", &[]).status, 404);
    // A file, its metadata, parts of it.
    let wheel = wheel_1_1();
    let at = path(&json, "1.1-py3-none-any.whl");
    assert!(at.starts_with("/files/packages/"), "{at}");
    let head = ask(&proxy, "HEAD", &at, &[]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(&*wheel.bytes.len().to_string()));
    assert_eq!(head.header("accept-ranges"), Some("bytes"));
    assert_eq!(ask(&proxy, "GET", &at, &[]).body, wheel.bytes);
    let part = ask(&proxy, "GET", &at, &[("Range", "bytes=-10")]);
    assert_eq!((part.status, &part.body[..]), (206, &wheel.bytes[wheel.bytes.len() - 10..]));
    assert!(
        part.header("content-range").is_some_and(|range| range.ends_with(&format!("/{}", wheel.bytes.len())))
    );
    assert_eq!(ask(&proxy, "GET", &at, &[("Range", "bytes=99999999-")]).status, 416);
    let metadata = ask(&proxy, "GET", &format!("{at}.metadata"), &[]);
    assert_eq!(Some(metadata.body), wheel.metadata);
    // What is on no page is not fetched.
    for bad in ["/files/packages/aa/bb/cc/tap_lib-1.1-py3-none-any.whl", "/files/tap-lib/x.whl", "/files/x"] {
        assert_eq!(ask(&proxy, "GET", bad, &[]).status, 404, "{bad}");
    }
    // What was done is told.
    let status = ask(&proxy, "GET", "/?format=json", &[]).json();
    assert_eq!(status["summary"]["verified"][0]["file"], "tap_lib-1.1-py3-none-any.whl");
    assert_eq!(status["logs"][0]["origin"], "log.example");
    let metrics = String::from_utf8(ask(&proxy, "GET", "/metrics", &[]).body).expect("text");
    assert!(metrics.contains("wheeltap_proxy_files_total{outcome=\"verified\"}"), "{metrics}");
    assert!(String::from_utf8_lossy(&ask(&proxy, "GET", "/", &[]).body).contains("1 verified"));
    assert_eq!(proxy.terminate(), Some(0), "an orderly end");
    drop(log);
}

#[test]
fn nothing_of_a_wrong_file_is_served_whole_or_in_parts() {
    let (scene, log) = stage::log();
    let index = Index::start();
    let mut shelf = stage::honest();
    let wheel = shelf.get_mut("tap-lib").expect("a page").file("1.1-py3-none-any.whl");
    wheel.bytes = stage::wheel(&stage::intruders("tap-lib", "1.1")).bytes;
    let proxy = scene.proxy("p", &index.put("hostile", shelf), &[]);
    let at = path(&page(&proxy, "tap-lib"), "1.1-py3-none-any.whl");
    for (method, headers) in [
        ("HEAD", &[][..]),
        ("GET", &[("Range", "bytes=0-9")]),
        ("GET", &[]),
        ("GET", &[("Range", "bytes=-9")]),
    ] {
        let answer = ask(&proxy, method, &at, headers);
        assert_eq!(answer.status, 403, "{method} {headers:?}");
        assert!(answer.reason.starts_with("Wheeltap: other bytes: "), "{}", answer.reason);
    }
    let gone = path(&page(&proxy, "tap-gone"), "1.1-py3-none-any.whl");
    for (method, at) in [("HEAD", gone.clone()), ("GET", format!("{gone}.metadata")), ("GET", gone)] {
        let answer = ask(&proxy, method, &at, &[]);
        assert_eq!(answer.status, 403);
        assert!(answer.reason.starts_with("Wheeltap: withdrawn: "), "{}", answer.reason);
    }
    drop((proxy, log));
}

/// A release of several megabytes, which is passed on while it comes.
fn large(scene: &Scene, shelf: &mut Shelf) -> Listed {
    let mut large = stage::wheel(&stage::intruders("tap-large", "1.0"));
    // What is behind the name does not matter to an index.
    "tap_large-1.0.tar.gz".clone_into(&mut large.name);
    large.bytes = vec![b'x'; 6 << 20];
    large.hashes.insert("sha256", sha256(&large.bytes));
    (large.metadata, large.metadata_sha256) = (None, None);
    let file = scene.write(&format!("dist/{}", large.name), &large.bytes);
    let release = ["append", "--key", "team.key", "--project", "tap-large", "--version", "1.0", &file];
    scene.ok("wheeltap", &release);
    shelf.insert("tap-large".to_owned(), Page::new(vec![large.clone()]));
    large
}

#[test]
fn a_large_file_is_cut_short_when_it_is_wrong() {
    let (scene, log) = stage::log();
    let index = Index::start();
    let mut shelf = stage::honest();
    let large = large(&scene, &mut shelf);
    let honest = scene.proxy("honest", &index.put("honest", shelf.clone()), &[]);
    let at = path(&page(&honest, "tap-large"), &large.name);
    assert_eq!(ask(&honest, "GET", &at, &[]).body, large.bytes);
    let part = ask(&honest, "GET", &at, &[("Range", "bytes=100-199")]);
    assert_eq!((part.status, &part.body[..]), (206, &large.bytes[100..200]));
    let listed = shelf.get_mut("tap-large").expect("a page").file(&large.name);
    let last = listed.bytes.last_mut().expect("bytes");
    *last ^= 1;
    let hostile = scene.proxy("hostile", &index.put("hostile", shelf), &[]);
    let at = path(&page(&hostile, "tap-large"), &large.name);
    let answer = ask(&hostile, "GET", &at, &[]);
    let said: usize = answer.header("content-length").expect("a length").parse().expect("a number");
    assert!(answer.body.len() < said, "{} of {said} bytes came", answer.body.len());
    // Who asks for the rest is told why.
    let answer = ask(&hostile, "GET", &at, &[("Range", "bytes=1000-")]);
    assert_eq!(answer.status, 403);
    assert!(answer.reason.starts_with("Wheeltap: other bytes"), "{}", answer.reason);
    drop((honest, hostile, log));
}

#[test]
fn a_file_of_unknown_length_is_verified_first() {
    let (scene, log) = stage::log();
    let index = Index::start();
    let mut shelf = stage::honest();
    let large = large(&scene, &mut shelf);
    let lengthless = |shelf: &mut Shelf| {
        for file in shelf.values_mut().flat_map(|page| &mut page.files) {
            file.lengthless = true;
        }
    };
    lengthless(&mut shelf);
    let honest = scene.proxy("honest", &index.put("honest", shelf.clone()), &[]);
    // The least cache, so that nothing is found there.
    let small = scene.proxy("small", &index.put("honest", shelf.clone()), &["--cache-size", "1MiB"]);
    let listed = shelf.get_mut("tap-large").expect("a page").file(&large.name);
    listed.bytes.truncate(5 << 20);
    let hostile = scene.proxy("hostile", &index.put("hostile", shelf), &[]);
    for version in ["1.0", "1.1"] {
        for proxy in [&honest, &small] {
            let at = path(&page(proxy, "tap-large"), &large.name);
            let answer = ask_in(version, proxy, "GET", &at, &[]);
            assert_eq!(answer.header("content-length"), Some(&*large.bytes.len().to_string()));
            assert_eq!(answer.body, large.bytes);
        }
        let at = path(&page(&hostile, "tap-large"), &large.name);
        let answer = ask_in(version, &hostile, "GET", &at, &[]);
        assert_eq!((answer.status, answer.body.len() < 1_000), (403, true), "{}", answer.reason);
        assert!(answer.reason.starts_with("Wheeltap: other bytes"), "{}", answer.reason);
    }
    drop((honest, small, hostile, log));
}

#[test]
fn a_log_that_is_down_refuses_but_in_grace() {
    let (scene, log) = stage::log();
    let index = Index::start();
    let url = index.put("honest", stage::honest());
    let with_grace = |seconds: u32| {
        let trust = scene.read("trust.toml");
        let trust = trust.split_once("[[log]]").map(|(_, rest)| rest.to_owned()).expect("a log");
        scene.write("trust.toml", format!("grace = {seconds}\n[[log]]{trust}").as_bytes());
    };
    let strict = scene.proxy("strict", &url, &["--max-age", "0"]);
    with_grace(3_600);
    let lenient = scene.proxy("lenient", &url, &["--max-age", "0"]);
    let at = path(&page(&strict, "tap-lib"), "1.1-py3-none-any.whl");
    path(&page(&lenient, "tap-lib"), "1.1-py3-none-any.whl");
    // While the page is known, a version is withdrawn: it is refused at once.
    assert_eq!(ask(&strict, "HEAD", &at, &[]).status, 200);
    stage::withdraw(&scene, "tap-lib", "1.1");
    let answer = ask(&strict, "GET", &at, &[]);
    assert_eq!(answer.status, 403);
    assert!(answer.reason.starts_with("Wheeltap: withdrawn"), "{}", answer.reason);
    log.kill();
    let older = path(&page(&strict, "tap-lib"), "1.0-py3-none-any.whl");
    let answer = ask(&strict, "GET", &older, &[]);
    assert_eq!(answer.status, 403, "{}", answer.head);
    assert!(answer.reason.starts_with("Wheeltap: no verdict: the log log.example"), "{}", answer.reason);
    // Granted: it is served, and noted to be judged later.
    assert_eq!(ask(&lenient, "GET", &older, &[]).status, 200);
    assert_eq!(ask(&lenient, "GET", &at, &[]).status, 200, "that it was withdrawn nobody says");
    let notes = scene.read("lenient/state/proxy/grace.jsonl");
    assert_eq!(notes.lines().count(), 2, "{notes}");
    // A proxy that has never heard the log grants nothing.
    let cold = scene.proxy("cold", &url, &[]);
    assert_eq!(ask(&cold, "GET", &older, &[]).status, 403);
    drop((strict, lenient, cold));
}

/// A refused file must not be had under the name of a project that no log covers.
#[test]
fn a_link_to_another_projects_file_leads_nowhere() {
    let (scene, log) = stage::log();
    let mut shelf = stage::honest();
    let free = shelf.get_mut("free-lib").expect("a page").file(".whl").clone();
    let mut linked = Listed { name: "tap_lib-9.9-py3-none-any.whl".to_owned(), ..free.clone() };
    linked.link = Some(free.name.clone());
    // And a name that may be of another project.
    let odd = Listed { name: "tap-lib-3-1.tar.gz".to_owned(), link: None, ..free.clone() };
    shelf.get_mut("tap-lib").expect("a page").files.extend([linked, odd.clone()]);
    shelf.insert("tap-lib-3".to_owned(), Page::new(vec![odd]));
    let proxy = scene.proxy("p", &Index::start().put("linked", shelf), &[]);
    let json = page(&proxy, "tap-lib");
    for name in ["tap_lib-9.9-py3-none-any.whl", "tap-lib-3-1.tar.gz"] {
        let at = path(&json, name);
        let answer = ask(&proxy, "GET", &at, &[]);
        assert_eq!((at, answer.status), (format!("/files/tap-lib/{name}"), 403), "{}", answer.reason);
    }
    assert_eq!(ask(&proxy, "GET", &format!("/{}", free.path().replacen("", "files/", 1)), &[]).status, 200);
    // By a name that is not its own, nobody is answered.
    let host = proxy.url.trim_start_matches("http://").split('/').next().expect("a host");
    let mut stream = TcpStream::connect(host).expect("it listens");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 421 Wheeltap: no answer"), "{answer}");
    drop(log);
}

#[test]
fn what_no_log_covers_passes_is_refused_or_pinned() {
    let (scene, log) = stage::log();
    let index = Index::start();
    let trust = scene.read("trust.toml");
    let with = |uncovered: &str| {
        scene.write("trust.toml", format!("uncovered = \"{uncovered}\"\n{trust}").as_bytes());
    };
    with("refuse");
    let refusing = scene.proxy("refuse", &index.put("refuse", stage::honest()), &[]);
    let at = path(&page(&refusing, "free-lib"), ".whl");
    let answer = ask(&refusing, "GET", &at, &[]);
    assert_eq!(answer.status, 403);
    assert!(answer.reason.starts_with("Wheeltap: not covered"), "{}", answer.reason);
    with("pin");
    let pinning = scene.proxy("pin", &index.put("pin", stage::honest()), &[]);
    let at = path(&page(&pinning, "free-lib"), ".whl");
    assert_eq!(ask(&pinning, "GET", &at, &[]).status, 200);
    drop(pinning);
    let mut shelf = stage::honest();
    *shelf.get_mut("free-lib").expect("a page").file(".whl") =
        stage::wheel(&stage::intruders("free-lib", "1.0"));
    let pinning = scene.proxy("pin", &index.put("pin", shelf), &[]);
    let at = path(&page(&pinning, "free-lib"), ".whl");
    let answer = ask(&pinning, "GET", &at, &[]);
    assert_eq!(answer.status, 403);
    assert!(answer.reason.starts_with("Wheeltap: changed"), "{}", answer.reason);
    // Pages alone: files stay where they are, but for those that are refused.
    with("pass");
    let pages = scene.proxy("pages", &index.put("pages", stage::honest()), &["--index-only"]);
    let url = |page: &Value, end: &str| {
        let files = page["files"].as_array().expect("files").iter();
        let file =
            files.into_iter().find(|file| file["filename"].as_str().is_some_and(|name| name.ends_with(end)));
        file.expect("a file")["url"].as_str().expect("a URL").to_owned()
    };
    assert!(url(&page(&pages, "tap-lib"), "1.1.tar.gz").starts_with("http://127.0.0.1:"));
    assert!(url(&page(&pages, "tap-gone"), "1.1-py3-none-any.whl").starts_with("../../files/"));
    assert!(url(&page(&pages, "free-lib"), ".whl").starts_with("http://127.0.0.1:"));
    // But for those, too, that are noted when they are first served.
    with("pin");
    let noting = scene.proxy("noting", &index.put("noting", stage::honest()), &["--index-only"]);
    assert!(url(&page(&noting, "free-lib"), ".whl").starts_with("../../files/"));
    drop((refusing, pages, noting, log));
}
