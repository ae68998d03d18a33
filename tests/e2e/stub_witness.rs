//! A witness that a test owns: it can fall asleep, and its clock can be wrong.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use log_core::checkpoint::OpenCheckpoint;
use log_core::cosignature;
use log_core::hash::digest;
use log_core::key::{KeyName, SignerKey, VerifierKey};
use log_core::proof::verify_consistency;
use log_core::witness_api::AddCheckpoint;

/// A small witness for one log, as C2SP tlog-witness has it.
pub(crate) struct Witness {
    key: SignerKey,
    log: VerifierKey,
    /// The newest checkpoint that was cosigned, and its size and root.
    state: Mutex<Option<(OpenCheckpoint, String)>>,
    pub(crate) asleep: AtomicBool,
    /// Seconds by which its clock is ahead.
    pub(crate) ahead: AtomicI64,
    port: u16,
}

impl Witness {
    pub(crate) fn start(log: VerifierKey) -> Arc<Self> {
        let name = KeyName::parse("witness.example").expect("a name");
        let key = SignerKey::from_seed(name, &[7; 32]);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (state, asleep, ahead) = (Mutex::new(None), AtomicBool::new(false), AtomicI64::new(0));
        let witness = Arc::new(Self { key, log, state, asleep, ahead, port });
        let serving = Arc::clone(&witness);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let witness = Arc::clone(&serving);
                std::thread::spawn(move || witness.serve(&stream));
            }
        });
        witness
    }

    /// The configuration of its log.
    pub(crate) fn log_config(&self) -> String {
        let log = self.log.to_vkey();
        format!("[witnesses]\ntimeout = \"1s\"\npolicy = '''\nlog {log}\n{}'''\n", self.policy_lines())
    }

    /// A trust file without witnesses, which now trusts this one.
    pub(crate) fn trusted_in(&self, trust: &str) -> String {
        trust.replace("quorum none\n", &self.policy_lines())
    }

    fn policy_lines(&self) -> String {
        format!("witness w {} http://127.0.0.1:{}/\nquorum w\n", self.vkey(), self.port)
    }

    pub(crate) fn vkey(&self) -> String {
        self.key.cosigner().to_vkey()
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
        let time = log_io::clock::now().saturating_add_signed(self.ahead.load(Ordering::Relaxed));
        let line = cosignature::sign(&self.key, new.note().text(), time);
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

    pub(crate) fn size(&self) -> u64 {
        self.state.lock().expect("not poisoned").as_ref().map_or(0, |(open, _)| open.size())
    }
}
