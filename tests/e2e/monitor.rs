//! `wheeltap monitor`: what is new, whose it is, and a place that nothing is skipped by.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::{Ended, Scene, has, missing};

fn monitor(scene: &Scene, more: &[&str]) -> Ended {
    let args = [&["monitor", "--project", "nova", "--format", "json"], more].concat();
    scene.run("wheeltap", &args)
}

/// Index, kind, and whether it is mine.
fn said(ended: &Ended) -> Vec<(u64, String, bool)> {
    let event = |line: &str| {
        let event: Value = serde_json::from_str(line).expect("a line of JSON");
        assert_eq!((&event["schema"], &event["log"]), (&Value::from(1), &Value::from("log.example")));
        let kind = event["kind"].as_str().expect("a kind").to_owned();
        (event["index"].as_u64().expect("an index"), kind, event["mine"].as_bool().expect("a flag"))
    };
    ended.stdout.lines().map(event).collect()
}

fn place(scene: &Scene) -> String {
    let entries = fs::read_dir(scene.path("state/monitor")).expect("a directory");
    let mut paths = entries.map(|entry| entry.expect("an entry").path());
    let path = paths.find(|path| path.extension().is_some()).expect("a place");
    path.to_str().expect("UTF-8").to_owned()
}

#[test]
fn what_is_new_is_reported_once() {
    let (scene, server) = Scene::with_server();
    scene.append("1.0");
    let mine = ["--key", "team.key.pub"];
    // What cannot be printed is not lost.
    let full = fs::File::options().write(true).open("/dev/full").expect("it is there");
    let lost = scene.command("wheeltap", &["monitor", "--project", "nova"]).stdout(full).output();
    assert_eq!(lost.expect("it runs").status.code(), Some(1));
    let ended = monitor(&scene, &mine);
    assert_eq!(said(&ended), [(0, "policy".to_owned(), false), (2, "release".to_owned(), true)], "{ended:?}");
    assert_eq!(ended.code, Some(20), "the policy is not mine");
    let ended = monitor(&scene, &mine);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "nothing is new");
    for version in ["1.1", "1.2"] {
        scene.append(version);
    }
    let ended = monitor(&scene, &mine);
    assert_eq!(said(&ended), [(4, "release".to_owned(), true), (6, "release".to_owned(), true)]);
    assert_eq!(ended.code, Some(0));
    // Whoever else signs, it is not mine.
    scene.append("1.3");
    let text = scene.run("wheeltap", &["monitor", "--project", "no*", "--since", "now"]);
    assert_eq!((text.code, text.stdout.as_str()), (Some(0), ""), "another set of projects, from now on");
    scene.append("1.4");
    let text = scene.run("wheeltap", &["monitor", "--project", "no*", "--since", "now"]);
    assert_eq!(text.code, Some(20));
    assert!(text.stdout.contains("release  nova 1.4  signed by team.example+"), "{}", text.stdout);
    assert!(text.stdout.contains("(NOT MINE)") && text.stdout.lines().count() >= 2, "{}", text.stdout);
    // From a mirror that a static server could have, it goes on at the same place.
    let public = scene.path("log/public");
    scene.trust(&format!("file://{}", public.display()));
    let ended = monitor(&scene, &mine);
    assert_eq!(said(&ended).iter().map(|event| event.0).collect::<Vec<_>>(), [8, 10], "{ended:?}");
    drop(server);
}

#[test]
fn a_place_that_is_not_the_logs_is_noticed_and_a_webhook_gets_all() {
    let (scene, server) = Scene::with_server();
    scene.append("1.0");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let hook = format!("http://{}/hook", listener.local_addr().expect("an address"));
    // Nobody takes it: the place does not move.
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let ended = monitor(&scene, &["--webhook", &format!("http://{closed}/")]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("webhook"), "{}", ended.stderr);
    let receive = std::thread::spawn(move || receive(&listener));
    let ended = monitor(&scene, &["--webhook", &hook]);
    assert_eq!(ended.code, Some(20), "{ended:?}");
    let sent: Value = serde_json::from_slice(&receive.join().expect("received").1).expect("JSON");
    let indices: Vec<u64> = sent["events"]
        .as_array()
        .expect("events")
        .iter()
        .filter_map(|event| event["index"].as_u64())
        .collect();
    assert_eq!(indices, [0, 2], "again, since it was not delivered before");
    // A place of another history, or a damaged one, is not gone on from.
    let path = place(&scene);
    let good = fs::read_to_string(&path).expect("readable");
    let at = good.find("\"root\": \"").expect("a root") + 9;
    let mut other = good.clone();
    other.replace_range(at..at + 4, if &good[at..at + 4] == "0000" { "1111" } else { "0000" });
    fs::write(&path, other).expect("written");
    let ended = monitor(&scene, &[]);
    assert_eq!(ended.code, Some(11), "{ended:?}");
    fs::write(&path, &good[..good.len() / 2]).expect("written");
    let ended = monitor(&scene, &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("is damaged") && ended.stderr.contains("hint: move that file away"),
        "{}",
        ended.stderr
    );
    drop(server);
}

/// Takes one request; gives its headers, names in small letters, and its body.
fn receive(listener: &TcpListener) -> (BTreeMap<String, String>, Vec<u8>) {
    let (mut stream, _) = listener.accept().expect("a connection");
    let mut reader = BufReader::new(stream.try_clone().expect("a copy"));
    let mut headers = BTreeMap::new();
    for line in (&mut reader).lines().map_while(Result::ok).take_while(|line| !line.is_empty()) {
        if let Some((name, value)) = line.split_once(": ") {
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
    }
    let length = headers.get("content-length").expect("a length").parse().expect("a number");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").expect("answered");
    (headers, body)
}

/// What `docs/monitor.md` tells receivers to do.
fn verifies(secret: &str, headers: &BTreeMap<String, String>, body: &[u8]) -> bool {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/monitor.md");
    let page = fs::read_to_string(page).expect("the page");
    let (_, example) = page.split_once("```python\n").expect("an example");
    let (example, _) = example.split_once("```").expect("its end");
    let program = format!(
        "{example}\nimport json, sys\nprint(verify(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3].encode()))"
    );
    let headers = serde_json::to_string(headers).expect("JSON");
    let body = str::from_utf8(body).expect("text");
    let output = Command::new("python3").args(["-c", &program, secret, &headers, body]).output();
    let output = output.expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout == b"True\n"
}

#[test]
fn a_signed_webhook_is_verified_as_the_page_says() {
    if missing("Python 3", has("python3", "--version")) {
        return;
    }
    let (scene, server) = Scene::with_server();
    scene.append("1.0");
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";
    scene.write("webhook.secret", secret.as_bytes());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let hook = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let signed = ["--webhook", &hook, "--webhook-secret", "webhook.secret"];
    let ended = monitor(&scene, &signed);
    assert_eq!(ended.code, Some(2), "others may read it: {ended:?}");
    fs::set_permissions(scene.path("webhook.secret"), fs::Permissions::from_mode(0o600)).expect("changed");
    let received = std::thread::spawn(move || receive(&listener));
    let ended = monitor(&scene, &signed);
    assert_eq!(ended.code, Some(20), "{ended:?}");
    let (mut headers, body) = received.join().expect("received");
    assert!(verifies(secret, &headers, &body), "{headers:?}");
    let changed = String::from_utf8(body.clone()).expect("text").replace("nova", "nove").into_bytes();
    assert!(!verifies(secret, &headers, &changed), "another body");
    assert!(!verifies("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &headers, &body), "another secret");
    headers.insert("webhook-timestamp".to_owned(), "1600000000".to_owned());
    assert!(!verifies(secret, &headers, &body), "another time");
    assert!(!format!("{}{}", ended.stdout, ended.stderr).contains("MfKQ9r8G"));
    // It is for a webhook.
    assert_eq!(monitor(&scene, &["--webhook-secret", "webhook.secret"]).code, Some(2));
    drop(server);
}

#[test]
fn following_goes_on_until_it_is_stopped() {
    let (scene, server) = Scene::with_server();
    let args = ["monitor", "--project", "nova", "--since", "now", "--follow", "--interval", "1"];
    let mut child =
        scene.command("wheeltap", &args).stdout(std::process::Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    // It has its place as soon as that is written.
    for _ in 0..600 {
        if scene.path("state/monitor").is_dir()
            && fs::read_dir(scene.path("state/monitor")).is_ok_and(|mut all| {
                all.any(|entry| entry.is_ok_and(|entry| entry.path().extension().is_some()))
            })
        {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    scene.append("1.0");
    let line = lines.next().expect("a line").expect("readable");
    assert!(line.contains("release  nova 1.0"), "{line}");
    let stopped = Command::new("kill").arg(child.id().to_string()).status();
    assert!(stopped.expect("kill runs").success());
    child.wait().expect("ended");
    drop(server);
}
