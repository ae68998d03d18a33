//! `wheeltap-log serve` as a process: configuration, TLS, the private listener, the
//! access log, and signals.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use log_core::testing::public;
use rcgen::{CertificateParams, KeyPair};
use reqwest::{Certificate, Client, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_wheeltap-log");

/// A log in a directory.
struct Log(TempDir);

/// A running server.
struct Server {
    child: Child,
    url: String,
    private: String,
    stderr: Option<JoinHandle<String>>,
}

impl Log {
    fn new() -> Self {
        let log = Self(tempfile::tempdir().expect("a directory"));
        let root = public("root1").to_vkey();
        let args = ["init", "--dir", "log", "--origin", "log.example", "--root", &root];
        let status =
            log.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).status().expect("it runs");
        assert!(status.success());
        log
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(args).current_dir(self.path()).env_remove("WHEELTAP_LOG_FILTER").stdin(Stdio::null());
        command
    }

    /// Writes the configuration; listeners take free ports.
    fn configure(&self, rest: &str) {
        let text = format!("listen = \"127.0.0.1:0\"\n{rest}\n[private]\nlisten = \"127.0.0.1:0\"\n");
        fs::write(self.path().join("log/wheeltap-log.toml"), text).expect("written");
    }

    /// A certificate for `localhost` as `c.pem` and `k.pem`; gives it.
    fn certificate(&self) -> Certificate {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["localhost".to_owned()]).expect("parameters");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        fs::write(self.path().join("log/c.pem"), &pem).expect("written");
        fs::write(self.path().join("log/k.pem"), key.serialize_pem()).expect("written");
        Certificate::from_pem(pem.as_bytes()).expect("a certificate")
    }

    fn serve(&self) -> Server {
        let mut command = self.command(&["serve", "--dir", "log"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut pipe = child.stderr.take().expect("a pipe");
        let stderr = thread::spawn(move || {
            let mut text = String::new();
            pipe.read_to_string(&mut text).expect("readable");
            text
        });
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut line = || lines.next().expect("a line").expect("readable");
        let url = line().strip_prefix("serving log.example on ").expect("the ready line").to_owned();
        let private = line().strip_prefix("metrics and health on ").expect("the second line").to_owned();
        Server { child, url, private, stderr: Some(stderr) }
    }

    /// A start, or another command, that must fail; gives what it says.
    fn refused(&self, command: &str) -> String {
        let output = self.command(&[command, "--dir", "log"]).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr).expect("UTF-8")
    }
}

impl Server {
    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().expect("kill runs").success());
    }

    /// The exit code and stderr, when it has ended by itself.
    fn ended(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().expect("a child").code();
        (code, self.stderr.take().expect("once").join().expect("read"))
    }

    async fn metrics(&self) -> String {
        let answer = reqwest::get(format!("{}metrics", self.private)).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        answer.text().await.expect("text")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again until the answer is as it should be; what a signal does takes a moment.
async fn eventually<F: Future<Output = bool>>(what: &str, ask: impl Fn() -> F) {
    for _ in 0..600 {
        if ask().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never happens: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_served_and_its_certificate_read_again() {
    let log = Log::new();
    let first = log.certificate();
    log.configure("[tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"");
    let server = log.serve();
    assert!(server.url.starts_with("https://127.0.0.1:"), "{}", server.url);
    let url = server.url.replace("127.0.0.1", "localhost") + "checkpoint";
    // A client of its own each time, so that no connection is used again.
    let reads = async |certificate: &Certificate| {
        let client = Client::builder().tls_certs_only([certificate.clone()]).build().expect("a client");
        client.get(&url).send().await.is_ok_and(|answer| answer.status() == StatusCode::OK)
    };
    assert!(reads(&first).await);

    let second = log.certificate();
    server.signal("HUP");
    eventually("the second certificate is in use", || reads(&second)).await;
    assert!(!reads(&first).await);
    fs::write(log.path().join("log/c.pem"), "half").expect("written");
    server.signal("HUP");
    eventually("the failure is counted", async || {
        server.metrics().await.contains("wheeltap_tls_reloads_total{result=\"failed\"} 1\n")
    })
    .await;
    assert!(reads(&second).await, "the old one is still in use");
    let metrics = server.metrics().await;
    let line =
        metrics.lines().find(|line| line.starts_with("wheeltap_tls_certificate_expiry")).expect("a line");
    assert!(
        line.rsplit_once(' ').expect("a value").1.parse::<u64>().expect("seconds") > 1_800_000_000,
        "{line}"
    );

    server.signal("TERM");
    assert_eq!(server.ended().0, Some(0));
    assert!(log.refused("serve").contains("fullchain.pem"));
    assert!(log.refused("check-config").contains("fullchain.pem"));
}

#[tokio::test]
async fn metrics_and_health_are_private() {
    let log = Log::new();
    log.configure("");
    let server = log.serve();
    for path in ["metrics", "healthz", "readyz"] {
        let answer = reqwest::get(format!("{}{path}", server.url)).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path} is for the operator alone");
        let answer = reqwest::get(format!("{}{path}", server.private)).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
    }
    let answer = reqwest::get(format!("{}checkpoint", server.private)).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let metrics = server.metrics().await;
    for line in [
        "wheeltap_http_requests_total{route=\"unmatched\",status=\"404\"} 3",
        "wheeltap_log_unavailable 0",
        "wheeltap_log_published_size 0",
        "wheeltap_http_connections_limit 768",
        "wheeltap_store_errors_total{op=\"put\"} 0",
    ] {
        assert!(metrics.contains(&format!("{line}\n")), "{line} is not in {metrics}");
    }
    assert!(!metrics.contains("wheeltap_process_resident_memory_bytes 0\n") || !cfg!(target_os = "linux"));
}

#[tokio::test]
async fn a_full_disk_is_not_ready() {
    let log = Log::new();
    log.configure("");
    let path = log.path().join("log/wheeltap-log.toml");
    let text = fs::read_to_string(&path).expect("a file") + "min_free_mib = 100000\n";
    fs::write(path, text).expect("written");
    let server = log.serve();
    let answer = reqwest::get(format!("{}readyz", server.private)).await.expect("an answer");
    let available = server.metrics().await;
    let available = available.lines().find_map(|line| line.strip_prefix("wheeltap_data_available_bytes "));
    if available.expect("a line").parse::<u64>().expect("bytes") >= 100_000 << 20 {
        return; // A disk that is never full.
    }
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body = answer.bytes().await.expect("a body");
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!((&body["status"], &body["reason"]), (&"not-ready".into(), &"disk-full".into()));
    let answer = reqwest::get(format!("{}healthz", server.private)).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK, "it lives");
}

#[tokio::test]
async fn clients_that_ask_too_often_are_told_when_to_come_back() {
    let log = Log::new();
    log.configure("[limits.reads]\nper_second = 1\nburst = 2\n[limits.posts]\nper_second = 1\nburst = 1");
    let server = log.serve();
    let client = Client::new();
    let get = async |forwarded: Option<&str>| {
        let mut request = client.get(format!("{}checkpoint", server.url));
        if let Some(forwarded) = forwarded {
            request = request.header("x-forwarded-for", forwarded);
        }
        request.send().await.expect("an answer")
    };
    for _ in 0..5 {
        assert_eq!(get(None).await.status(), StatusCode::OK, "the operator's own are not limited");
    }
    let other = "203.0.113.9, 2001:db8::1";
    for status in [StatusCode::OK, StatusCode::OK] {
        assert_eq!(get(Some(other)).await.status(), status);
    }
    // What a client claims itself, or another address of its network, does not help.
    for forwarded in [other, "198.51.100.1, 2001:db8::2"] {
        let answer = get(Some(forwarded)).await;
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(answer.headers()["retry-after"], "1");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let body = answer.bytes().await.expect("a body");
        let problem: log_core::api::Problem = serde_json::from_slice(&body).expect("a problem document");
        assert_eq!(problem.kind, "urn:wheeltap:problem:too-many-requests");
    }
    assert_eq!(get(Some("198.51.100.1")).await.status(), StatusCode::OK, "others are not held up");
    let lookup = client.post(format!("{}api/v1/lookup", server.url)).header("x-forwarded-for", other);
    assert_ne!(lookup.send().await.expect("an answer").status(), 429, "posts have their own allowance");
    assert!(server.metrics().await.contains("wheeltap_rate_limited_total{class=\"read\"} 2\n"));
}

#[tokio::test]
async fn each_request_has_one_line_that_gives_nothing_away() {
    let log = Log::new();
    log.configure("");
    let server = log.serve();
    let client = Client::new();
    let mut ids = Vec::new();
    for (method, path) in [
        ("GET", "checkpoint?token=geheim"),
        ("HEAD", "checkpoint"),
        ("GET", "geheim"),
        ("GEHEIM", "checkpoint"),
        ("POST", "api/v1/statements"),
    ] {
        let method = method.parse().expect("a method");
        let request = client.request(method, format!("{}{path}", server.url)).body("geheim");
        let answer = request.header("x-forwarded-for", "192.0.2.7").send().await.expect("an answer");
        ids.push(answer.headers()["x-request-id"].to_str().expect("text").to_owned());
        drop(answer.bytes().await.expect("a body"));
    }
    server.signal("TERM");
    let (code, stderr) = server.ended();
    assert_eq!(code, Some(0));
    assert!(!stderr.to_lowercase().contains("geheim"), "{stderr}");
    let lines: Vec<&str> = stderr.lines().filter(|line| line.contains(" access: ")).collect();
    assert_eq!(lines.len(), ids.len(), "{stderr}");
    for ((id, line), says) in ids.iter().zip(lines).zip([
        "method=\"GET\" route=\"/checkpoint\" status=200",
        "method=\"HEAD\" route=\"/checkpoint\" status=200 bytes=0",
        "method=\"GET\" route=\"unmatched\" status=404",
        "method=\"OTHER\" route=\"/checkpoint\" status=405",
        "method=\"POST\" route=\"/api/v1/statements\" status=400",
    ]) {
        assert!(line.contains(says) && line.contains("client=192.0.2.7"), "{line}");
        assert!(line.contains(&format!("request=\"{id}\"")), "{line}");
    }

    log.configure("[log]\naccess = \"off\"");
    let server = log.serve();
    client.get(format!("{}checkpoint", server.url)).send().await.expect("an answer");
    server.signal("TERM");
    let (_, stderr) = server.ended();
    assert!(!stderr.contains(" access: "), "{stderr}");
}

#[tokio::test]
async fn a_second_signal_does_not_wait() {
    use tokio::io::AsyncWriteExt as _;
    let log = Log::new();
    log.configure("[limits]\nshutdown_timeout = \"24h\"");
    let server = log.serve();
    // A request whose body never comes holds the first one up.
    let address = server.url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
    let head = format!("POST /api/v1/lookup HTTP/1.1\r\nHost: {address}\r\nContent-Length: 9\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("sent");
    eventually("the connection is counted", async || {
        server.metrics().await.contains("wheeltap_http_connections 1\n")
    })
    .await;
    server.signal("TERM");
    eventually("it takes no connections", async || reqwest::get(&server.url).await.is_err()).await;
    assert!(server.metrics().await.contains("wheeltap_http_connections 1\n"), "metrics go on to the end");
    server.signal("INT");
    let (code, stderr) = server.ended();
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("a second time"), "{stderr}");
}

#[test]
fn the_configuration_in_force_is_printed() {
    let log = Log::new();
    log.configure("[limits.posts]\nper_second = 7\nburst = 8");
    let output =
        log.command(&["check-config", "--dir", "log", "--listen", "[::1]:443"]).output().expect("it runs");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let table: toml::Table = printed.parse().expect("TOML");
    assert_eq!(table["listen"].as_str(), Some("[::1]:443"), "the flag goes before the file");
    assert_eq!(table["limits"]["posts"]["burst"].as_integer(), Some(8));
    assert_eq!(table["limits"]["header_timeout"].as_str(), Some("15s"), "what is not said is the default");

    log.configure("liste = 7");
    let error = log.refused("serve");
    assert!(error.contains("wheeltap-log.toml:2: `liste = 7`: unknown field `liste`"), "{error}");
}
