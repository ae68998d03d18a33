//! Who is told which secret: the name and password of the configuration are for the index
//! alone, those of a client for nobody, and neither is seen in anything that the proxy says.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use crate::clients::stage;
use crate::harness::{Scene, Server, binary, free_port};
use crate::hostile::sha256;
use crate::proxy::{Answer, JSON, ask};

const SECRET: &str = "s3cret-word";
/// `ci` and the secret, as they go over the wire.
const BASIC: &str = "Basic Y2k6czNjcmV0LXdvcmQ=";
/// What a client sends for itself.
const OWN: [(&str, &str); 3] =
    [("Authorization", "Bearer clients-own"), ("Cookie", "session=clients-own"), ("X-Own", "clients-own")];

/// A server that remembers what it is asked.
struct Recorder {
    /// `host:port`.
    host: String,
    heads: Arc<Mutex<Vec<String>>>,
}

/// What it answers: from the path and the head to status, more headers, and body.
type Answering = dyn Fn(&str, &str) -> (String, String, Vec<u8>) + Send + Sync;

impl Recorder {
    fn start(listener: TcpListener, answering: Box<Answering>) -> Self {
        let host = listener.local_addr().expect("an address").to_string();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let recorded = Arc::clone(&heads);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let lines: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                let head = lines.join("\n");
                recorded.lock().unwrap_or_else(PoisonError::into_inner).push(head.clone());
                let path = head.split(' ').nth(1).unwrap_or_default();
                let (status, more, body) = answering(path, &head);
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{more}connection: close\r\n\r\n",
                    body.len()
                );
                // A client that goes away is no failure.
                let _ = stream.write_all(&[head.as_bytes(), &body].concat());
            }
        });
        Self { host, heads }
    }

    /// The heads of requests so far, in small letters.
    fn heads(&self) -> Vec<String> {
        let heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        heads.iter().map(|head| head.to_ascii_lowercase()).collect()
    }

    /// What was asked for.
    fn paths(&self) -> Vec<String> {
        self.heads().iter().filter_map(|head| Some(head.split(' ').nth(1)?.to_owned())).collect()
    }
}

/// The versions of `free-lib` and the directories that their files are in.
const FILES: [(&str, &str); 6] = [
    ("1.0", "/own"),
    ("1.1", "http://{files}/listed"),
    ("1.2", "/moved"),
    ("1.3", "http://ci:s3cret-word@127.0.0.1:9/unlisted"),
    ("1.4", "/astray"),
    ("1.5", "/refused"),
];

/// The bytes of a file: its name.
fn name_in(path: &str) -> Vec<u8> {
    path.rsplit('/').next().unwrap_or_default().as_bytes().to_vec()
}

/// An index that wants a password, and the place with files that it links to.
fn servers() -> (Recorder, Recorder) {
    let listen = || TcpListener::bind("127.0.0.1:0").expect("a port");
    let (index, files) = (listen(), listen());
    let files_host = files.local_addr().expect("an address").to_string();
    let on = |url: &str| url.replace("{files}", &files_host);
    let links: Vec<String> = FILES
        .iter()
        .map(|(version, url)| {
            let (name, url) = (format!("free_lib-{version}.tar.gz"), on(url));
            format!("<a href=\"{url}/{name}#sha256={}\">{name}</a>", sha256(name.as_bytes()))
        })
        .collect();
    let page = links.join("\n").into_bytes();
    let elsewhere = on("location: http://{files}/after-redirect/free_lib-1.2.tar.gz\r\n");
    let astray = on("location: http://ci:s3cret-word@{files}/astray/free_lib-1.4.tar.gz\r\n");
    let html = || "content-type: text/html\r\n".to_owned();
    let ok = || "200 OK".to_owned();
    let index = Recorder::start(
        index,
        Box::new(move |path, head| match path {
            _ if !head.contains(BASIC) => ("401 no".to_owned(), String::new(), Vec::new()),
            "/simple/free-lib/" => (ok(), html(), page.clone()),
            "/own/free_lib-1.0.tar.gz" => {
                (ok(), "set-cookie: session=indexs-own\r\n".to_owned(), name_in(path))
            }
            "/simple/elsewhere/" | "/moved/free_lib-1.2.tar.gz" => {
                ("302 Found".to_owned(), elsewhere.clone(), Vec::new())
            }
            "/astray/free_lib-1.4.tar.gz" => ("302 Found".to_owned(), astray.clone(), Vec::new()),
            _ => (format!("403 not with {SECRET}"), html(), format!("not with {SECRET}").into_bytes()),
        }),
    );
    let files = Recorder::start(files, Box::new(move |path, _| (ok(), String::new(), name_in(path))));
    (index, files)
}

/// A proxy that traces all it can to `<directory>.log`.
fn proxy(scene: &Scene, directory: &str, upstream: &str, more: &[&str]) -> Server {
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let (state, cache) = (format!("{directory}/state"), format!("{directory}/cache"));
    let args = ["proxy", "--listen", &listen, "--upstream", upstream, "--state", &state, "--cache", &cache];
    let mut command = Command::new("sh");
    command.args(["-c", "log=$1; shift; exec \"$@\" 2>\"$log\"", "sh", &format!("{directory}.log")]);
    command.arg(binary("wheeltap")).args(args).args(["--access-log"]).args(more).current_dir(scene.path(""));
    command.env("WHEELTAP_TRUST", "trust.toml").env("WHEELTAP_LOG_FILTER", "trace");
    Server::spawn(&mut command, port)
}

fn assert_kept(what: &str, text: &str) {
    let encoded = BASIC.trim_start_matches("Basic ");
    for secret in [SECRET, encoded, "clients-own", "indexs-own"] {
        assert!(!text.contains(secret), "{what} has {secret}: {text}");
    }
}

fn checked(proxy: &Server, path: &str, more: &[(&str, &str)]) -> Answer {
    let answer = ask(proxy, "GET", path, &[&OWN[..], more].concat());
    assert_kept(path, &format!("{}\n{}", answer.head, String::from_utf8_lossy(&answer.body)));
    answer
}

#[test]
fn the_index_alone_is_told_the_password_and_nobody_the_clients_own() {
    let (scene, log) = stage::log();
    let (index, files) = servers();
    let url = format!("http://{}/simple/", index.host);
    let with_name = format!("http://ci:{SECRET}@{}/simple/", index.host);
    scene.write("password", format!("{SECRET}\n").as_bytes());
    let config = "[upstream]\nusername = \"ci\"\npassword_file = \"password\"\n";
    scene.write("proxy.toml", config.as_bytes());
    let from_file: &[&str] = &["--config", "proxy.toml", "--file-host", &files.host];
    for (directory, upstream, more) in [
        ("file", &url, from_file),
        ("url", &with_name, &["--file-host", &files.host]),
        ("pages", &with_name, &["--index-only", "--file-host", &files.host]),
    ] {
        let proxy = proxy(&scene, directory, upstream, more);
        for accept in [JSON, ("Accept", "text/html")] {
            let page = checked(&proxy, "/simple/free-lib/", &[accept]);
            assert_eq!(page.status, 200, "{directory}: {}", page.reason);
        }
        assert_eq!(checked(&proxy, "/simple/elsewhere/", &[]).status, 404);
        for (version, status) in
            [("1.0", 200), ("1.1", 200), ("1.2", 200), ("1.3", 403), ("1.4", 403), ("1.5", 504)]
        {
            let path = format!("/files/free-lib/free_lib-{version}.tar.gz");
            for method in [&[][..], &[("Range", "bytes=0-1")]] {
                let answer = checked(&proxy, &path, method);
                let expected = if status == 200 && !method.is_empty() { 206 } else { status };
                assert_eq!(answer.status, expected, "{directory} {version}: {}", answer.reason);
            }
        }
        let status = checked(&proxy, "/?format=json", &[]).json();
        assert_eq!(status["upstream"], url, "without the name");
        for path in ["/", "/metrics", "/healthz"] {
            assert_eq!(checked(&proxy, path, &[]).status, 200);
        }
        assert_eq!(proxy.terminate(), Some(0));
        let said = fs::read_to_string(scene.path(&format!("{directory}.log"))).expect("a log");
        assert!(said.contains("/files/free-lib/free_lib-1.5.tar.gz"), "it traces: {said}");
        assert_kept("the log", &said);
    }
    // Who was told what.
    let own = BASIC.to_ascii_lowercase();
    for head in index.heads() {
        assert!(head.contains(&format!("\nauthorization: {own}")), "{head}");
        assert!(!head.contains("clients-own") && !head.contains("\ncookie"), "{head}");
    }
    for directory in ["/own/", "/moved/", "/refused/"] {
        assert!(index.paths().iter().any(|asked| asked.starts_with(directory)), "{:?}", index.paths());
    }
    for head in files.heads() {
        for word in ["authorization", "cookie", "clients-own", SECRET, &own, "referer"] {
            assert!(!head.contains(word), "{word}: {head}");
        }
    }
    let mut paths = files.paths();
    paths.sort();
    paths.dedup();
    assert_eq!(paths, ["/after-redirect/free_lib-1.2.tar.gz", "/listed/free_lib-1.1.tar.gz"]);
    drop(log);
}

#[test]
fn no_failure_repeats_the_password() {
    let (scene, log) = stage::log();
    // Nobody listens there.
    let port = free_port();
    let proxy = proxy(&scene, "down", &format!("http://ci:{SECRET}@127.0.0.1:{port}/simple/"), &[]);
    let answer = checked(&proxy, "/simple/free-lib/", &[]);
    assert_eq!(answer.status, 502);
    assert!(answer.reason.contains(&format!("cannot reach 127.0.0.1:{port}")), "{}", answer.reason);
    drop(proxy);
    assert_kept("the log", &fs::read_to_string(scene.path("down.log")).expect("a log"));
    for upstream in [format!("http://ci:{SECRET}@[/"), format!("ftp://ci:{SECRET}@host/")] {
        let ended = scene.run("wheeltap", &["proxy", "--listen", "127.0.0.1:0", "--upstream", &upstream]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert_kept("a failure", &ended.stderr);
    }
    for wrong in [
        format!("username = \"ci\"\npassword = {SECRET}"),
        format!("username = \"ci\"\npasswort = \"{SECRET}\""),
        format!("password = \"{SECRET}\""),
    ] {
        scene.write("wrong.toml", format!("[upstream]\n{wrong}\n").as_bytes());
        let ended = scene.run("wheeltap", &["proxy", "--listen", "127.0.0.1:0", "--config", "wrong.toml"]);
        assert!(matches!(ended.code, Some(1 | 2)), "{ended:?}");
        assert_kept("a failure", &ended.stderr);
    }
    drop(log);
}
