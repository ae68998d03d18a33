//! A log that has witnesses: what it publishes is cosigned, what is not cosigned is not
//! published and not lost, and an old copy of it does not start.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use log_core::api::Receipt;
use log_core::checkpoint::OpenCheckpoint;
use log_core::cosignature;
use log_core::dsse::Envelope;
use log_core::hash::digest;
use log_core::key::{KeyName, SignerKey, VerifierKey};
use log_core::proof::verify_consistency;
use log_core::testing::release;
use log_core::witness_api::AddCheckpoint;
use log_io::fetch::Http;

use crate::harness::Scene;

/// A small witness for one log, as C2SP tlog-witness has it.
pub(crate) struct Witness {
    key: SignerKey,
    log: VerifierKey,
    /// The newest checkpoint that was cosigned, and its size and root.
    state: Mutex<Option<(OpenCheckpoint, String)>>,
    asleep: AtomicBool,
    port: u16,
}

impl Witness {
    pub(crate) fn start(log: VerifierKey) -> Arc<Self> {
        let name = KeyName::parse("witness.example").expect("a name");
        let key = SignerKey::from_seed(name, &[7; 32]);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (state, asleep) = (Mutex::new(None), AtomicBool::new(false));
        let witness = Arc::new(Self { key, log, state, asleep, port });
        let serving = Arc::clone(&witness);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let witness = Arc::clone(&serving);
                std::thread::spawn(move || witness.serve(&stream));
            }
        });
        witness
    }

    /// A C2SP tlog-policy that asks for this witness.
    pub(crate) fn policy(&self) -> String {
        let (log, own) = (self.log.to_vkey(), self.key.cosigner().to_vkey());
        format!("log {log}\nwitness w {own} http://127.0.0.1:{}/\nquorum w\n", self.port)
    }

    /// Makes the trust file ask for its cosignature.
    pub(crate) fn trust_in(&self, scene: &Scene) {
        let policy = self.policy();
        let (_, own_lines) = policy.split_once('\n').expect("lines");
        let trust = scene.read("trust.toml").replace("quorum none\n", own_lines);
        scene.write("trust.toml", trust.as_bytes());
    }

    fn serve(&self, mut stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        if reader.read_line(&mut line).is_err() {
            return;
        }
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        for header in (&mut reader).lines().map_while(Result::ok).take_while(|line| !line.is_empty()) {
            if let Some((name, value)) = header.split_once(": ") {
                headers.insert(name.to_ascii_lowercase(), value.to_owned());
            }
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        let (status, answer) = match reader.read_exact(&mut body) {
            Err(_) => return,
            Ok(()) if self.asleep.load(Ordering::Relaxed) => (503, "asleep".to_owned()),
            Ok(()) if line.starts_with("POST /add-checkpoint ") => self.add_checkpoint(&body),
            Ok(()) => self.show(&line),
        };
        let head =
            format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
        let _ = stream.write_all(format!("{head}{answer}").as_bytes());
    }

    fn add_checkpoint(&self, body: &[u8]) -> (u16, String) {
        let Ok(request) = AddCheckpoint::parse(body) else { return (400, String::new()) };
        let Ok(new) = OpenCheckpoint::open(request.checkpoint.as_bytes(), &self.log) else {
            return (403, String::new());
        };
        let mut state = self.state.lock().expect("not poisoned");
        let known = state.as_ref().map_or(0, |(old, _)| old.size());
        if request.old != known {
            return (409, format!("{known}\n"));
        }
        if let Some((old, _)) = state.as_ref() {
            let proven = verify_consistency(old.size(), old.root(), new.size(), new.root(), &request.proof);
            if proven.is_err() {
                return (422, String::new());
            }
        }
        let line = cosignature::sign(&self.key, new.note().text(), log_io::clock::now());
        let mut note = new.note().clone();
        note.push(line.clone());
        *state = Some((new, note.to_string()));
        (200, line.to_string())
    }

    fn show(&self, line: &str) -> (u16, String) {
        let id = digest(&[self.log.name().as_str().as_bytes()]).to_hex();
        match &*self.state.lock().expect("not poisoned") {
            Some((_, note)) if line.starts_with(&format!("GET /{id}/checkpoint ")) => (200, note.clone()),
            _ => (404, String::new()),
        }
    }

    fn size(&self) -> u64 {
        self.state.lock().expect("not poisoned").as_ref().map_or(0, |(open, _)| open.size())
    }
}

#[test]
fn a_log_is_published_with_cosignatures_and_never_from_an_old_copy() {
    let scene = Scene::with_log();
    let log = VerifierKey::parse(scene.read("log.pub").trim_end()).expect("a key");
    let witness = Witness::start(log.clone());
    let config = format!("[witnesses]\ntimeout = \"1s\"\npolicy = '''\n{}'''\n", witness.policy());
    scene.write("log/wheeltap-log.toml", config.as_bytes());
    let server = scene.serve("log");
    scene.trust(&server.url);
    scene.ok("wheeltap", &["policy", "submit", "policy.json"]);
    let file = scene.append("1.0");
    assert_eq!(witness.size(), 4);

    // Whoever trusts the witness believes the log.
    witness.trust_in(&scene);
    scene.ok("wheeltap", &["verify", &file]);

    // An entry that the witness does not cosign is committed, and not shown to anybody.
    witness.asleep.store(true, Ordering::Relaxed);
    let key = SignerKey::parse(scene.read("team.key").trim_end()).expect("a key");
    let mut envelope = Envelope::unsigned(release("nova", "2.0", "a").to_payload());
    envelope.sign(&key);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let http = Http::new("test").expect("a client");
    let url = format!("{}api/v1/statements", server.url);
    let send = || runtime.block_on(http.post(&url, envelope.to_canonical(), 1 << 20)).expect("an answer");
    let before = scene.read("log/public/checkpoint");
    let (status, body) = send();
    assert_eq!((status.as_u16(), String::from_utf8_lossy(&body).as_ref()), (202, "{\"index\":4}"));
    assert_eq!(scene.read("log/public/checkpoint"), before);
    // It goes out when the witness is back, without anybody asking.
    witness.asleep.store(false, Ordering::Relaxed);
    for _ in 0..200 {
        if witness.size() == 6 && scene.read("log/public/checkpoint") != before {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let (status, body) = send();
    let receipt: Receipt = serde_json::from_slice(&body).expect("a receipt");
    assert_eq!((status.as_u16(), receipt.index), (200, 4));
    server.kill();

    // A copy from before the next entry: the witness has seen more.
    let copied = Command::new("cp").args(["-r", "log", "old"]).current_dir(scene.path("")).status();
    assert!(copied.expect("cp runs").success());
    let server = scene.serve("log");
    scene.trust(&server.url);
    scene.append("3.0");
    server.kill();
    let listen = ["--listen", "127.0.0.1:0", "--private-listen", "127.0.0.1:0"];
    let ended = scene.run("wheeltap-log", &[&["serve", "--dir", "old"], listen.as_slice()].concat());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("witness witness.example has seen this log at size 8"), "{}", ended.stderr);
    assert!(ended.stderr.contains("old copy"), "{}", ended.stderr);
}
