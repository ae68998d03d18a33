//! Connections over TLS and without, and how the last ones end.

use std::sync::Arc;
use std::time::Duration;

use axum::routing::get;
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use super::*;
use crate::config;

/// A listener that runs.
struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

/// Far longer than a test takes, but for what is meant to run out.
const LONG: Duration = Duration::from_secs(60);

async fn run(router: Router, tls: Option<Arc<Tls>>, shutdown_timeout: Duration) -> Running {
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = socket.local_addr().expect("an address");
    let bounds = Bounds { connections: 4, header_timeout: LONG, connection_lifetime: LONG, shutdown_timeout };
    let (stop, stopped) = oneshot::channel::<()>();
    let listener = Listener { socket, tls, bounds };
    let ended =
        tokio::spawn(async move { listener.serve(router, None, async { drop(stopped.await) }).await });
    Running { address, stop, ended }
}

/// A certificate for `localhost`, in files; and its PEM.
fn certificate(directory: &TempDir) -> (config::Tls, String) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["localhost".to_owned()]).expect("parameters");
    let pem = params.self_signed(&key).expect("a certificate").pem();
    let files =
        config::Tls { certificate: directory.path().join("c.pem"), key: directory.path().join("k.pem") };
    std::fs::write(&files.certificate, &pem).expect("written");
    std::fs::write(&files.key, key.serialize_pem()).expect("written");
    (files, pem)
}

fn https(address: SocketAddr, root: &str) -> reqwest::Client {
    let root = reqwest::Certificate::from_pem(root.as_bytes()).expect("a certificate");
    let client = reqwest::Client::builder().tls_certs_only([root]).resolve("localhost", address);
    client.build().expect("a client")
}

#[tokio::test]
async fn requests_are_answered_over_tls_and_know_their_peer() {
    let directory = tempfile::tempdir().expect("a directory");
    let (files, pem) = certificate(&directory);
    let tls = Arc::new(Tls::load(files.clone()).expect("a certificate"));
    let peer = async |axum::Extension(Peer(address)): axum::Extension<Peer>| address.to_string();
    let running = run(Router::new().route("/", get(peer)), Some(Arc::clone(&tls)), LONG).await;
    let url = format!("https://localhost:{}/", running.address.port());
    let client = https(running.address, &pem);
    let answer = client.get(&url).send().await.expect("an answer");
    assert_eq!(answer.version(), reqwest::Version::HTTP_11);
    assert_eq!(answer.text().await.expect("text"), "127.0.0.1");

    // Plain HTTP is not taken for anything, and does no harm.
    let plain = reqwest::get(format!("http://{}/", running.address)).await;
    assert!(plain.is_err());

    // A new certificate is for new connections: an old client does not believe it.
    let (_, other) = certificate(&directory);
    tls.reload().expect("whole");
    client.get(&url).send().await.expect("the open connection goes on");
    assert!(https(running.address, &pem).get(&url).send().await.is_err());
    https(running.address, &other).get(&url).send().await.expect("the new one is believed");

    let _ = running.stop.send(());
    running.ended.await.expect("it ends");
}

#[tokio::test]
async fn a_running_request_may_end_and_a_hanging_one_is_ended() {
    let (entered, leave, held) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(()));
    let router = {
        let (entered, leave, held) = (Arc::clone(&entered), Arc::clone(&leave), Arc::clone(&held));
        let wait = async move || {
            entered.notify_one();
            leave.notified().await;
            drop(held);
            "done"
        };
        Router::new().route("/", get(wait))
    };
    for (timeout, is_let) in [(LONG, true), (Duration::from_millis(50), false)] {
        let running = run(router.clone(), None, timeout).await;
        let request = tokio::spawn(reqwest::get(format!("http://{}/", running.address)));
        entered.notified().await;
        let _ = running.stop.send(());
        if is_let {
            leave.notify_one();
        }
        running.ended.await.expect("it ends");
        let answer = request.await.expect("a task");
        assert_eq!(answer.is_ok_and(|answer| answer.status() == 200), is_let);
    }
    drop(router);
    assert_eq!(Arc::strong_count(&held), 1, "nothing of the router is left");
}

#[tokio::test]
async fn only_so_many_connections_are_taken_at_once() {
    let running = run(Router::new().route("/", get(async || "done")), None, LONG).await;
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(TcpStream::connect(running.address).await.expect("a connection"));
    }
    // The fifth waits in the backlog, until one of the four is closed.
    let mut fifth = tokio::spawn(reqwest::get(format!("http://{}/", running.address)));
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut fifth).await.is_err());
    open.pop();
    assert_eq!(fifth.await.expect("a task").expect("an answer").status(), 200);
    drop(open);
    let _ = running.stop.send(());
    running.ended.await.expect("it ends");
}

#[tokio::test]
async fn headers_without_end_are_refused() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let running = run(Router::new().route("/", get(async || "done")), None, LONG).await;
    let mut stream = TcpStream::connect(running.address).await.expect("a connection");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: ").await.expect("sent");
    // It may answer and close before all of it was sent.
    let _ = stream.write_all(&vec![b'a'; 2 * MAX_HEADER_BYTES]).await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 431");
    let _ = running.stop.send(());
    running.ended.await.expect("it ends");
}
