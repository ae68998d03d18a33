//! An evil log, and somebody who uses it.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use log_core::api::LookupRequest;
use log_core::cosignature;
use log_core::dsse::Envelope;
use log_core::entry::SignedStatement;
use log_core::note::Note;
use log_core::testing::{SmallLog, genesis, key};
use log_io::key_file;
use log_io::trust_file::TrustedLog;

use super::lies::Lie;
use crate::harness::{Ended, Scene};
use crate::stub::{self, Answer};

/// What a command is to end with, and whether evidence is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    With(i32),
    /// With 13, and evidence that convinces others.
    WithEvidence,
}

use Ends::{With, WithEvidence};

/// What is answered to a statement that was logged as this entry.
pub(super) type MakeReceipt = fn(&SmallLog, u64) -> Answer;

/// An evil log and somebody who uses it.
pub(super) struct World {
    pub(super) scene: Scene,
    pub(super) log: Arc<Mutex<SmallLog>>,
    pub(super) lie: Arc<Mutex<Lie>>,
    /// When a witness cosigned what it shows.
    pub(super) cosigned: Arc<Mutex<Option<u64>>>,
    pub(super) receipt: Arc<Mutex<MakeReceipt>>,
}

impl World {
    pub(super) fn new(log: SmallLog, lie: Lie) -> Self {
        let scene = Scene::empty();
        let log = Arc::new(Mutex::new(log));
        let cosigned = Arc::new(Mutex::new(None));
        let receipt: fn(&SmallLog, u64) -> Answer = |log, index| json(&log.receipt(index));
        let receipt = Arc::new(Mutex::new(receipt));
        let lie = Arc::new(Mutex::new(lie));
        let (served, at, receipts) = (Arc::clone(&log), Arc::clone(&cosigned), Arc::clone(&receipt));
        let lies = Arc::clone(&lie);
        let url = stub::serve(move |_, path, body| {
            let mut log = served.lock().expect("not poisoned");
            let at = *at.lock().expect("not poisoned");
            match path {
                "/api/v1/lookup" => {
                    let request: LookupRequest = serde_json::from_slice(body).expect("a look-up");
                    let lie = *lies.lock().expect("not poisoned");
                    let mut answer = lie(&log, &request.keys);
                    answer.checkpoint = cosign(&answer.checkpoint, at);
                    json(&answer)
                }
                "/api/v1/statements" => {
                    let envelope = Envelope::parse(body).expect("an envelope");
                    let index = log.position(&envelope).unwrap_or_else(|| {
                        let index = log.size();
                        log.round(5_000, &[SignedStatement::new(envelope).expect("a statement")]);
                        index
                    });
                    let receipt = *receipts.lock().expect("not poisoned");
                    receipt(&log, index)
                }
                "/checkpoint" => (200, cosign(&log.checkpoint(), at).into_bytes()),
                path => match log.file(path.trim_start_matches('/')) {
                    Some(bytes) => (200, bytes),
                    None => (404, Vec::new()),
                },
            }
        });
        let trust = TrustedLog::to_text(&url, &genesis().log, &genesis().roots).expect("a trust file");
        scene.write("trust.toml", trust.as_bytes());
        key_file::create(&scene.path("team.key"), &key("team")).expect("a key file");
        Self { scene, log, lie, cosigned, receipt }
    }

    /// The sdist of `nova` in this version, as it is released.
    pub(super) fn file(&self, version: &str) -> String {
        let name = format!("nova-{version}.tar.gz");
        self.scene.write(&format!("dist/{name}"), format!("{name} a").as_bytes())
    }

    /// What is remembered of the log, in the directory `state`.
    pub(super) fn state(&self) -> PathBuf {
        let states = fs::read_dir(self.scene.path("state")).expect("a directory").flatten();
        let state = states.map(|entry| entry.path()).find(|path| path.join("checkpoint").exists());
        state.expect("the log's")
    }

    pub(super) fn run(&self, args: &[&str]) -> Ended {
        self.scene.run("wheeltap", args)
    }

    /// Runs a command and checks how it ends; evidence must convince somebody else.
    pub(super) fn check(&self, what: &str, args: &[&str], ends: Ends) -> Ended {
        let ended = self.run(args);
        let code = match ends {
            With(code) => code,
            WithEvidence => 13,
        };
        assert_eq!(ended.code, Some(code), "{what}: {args:?}: {ended:?}");
        let kept = ended.stderr.split_once("evidence: ").or(ended.stdout.split_once("evidence: "));
        match kept {
            None => assert_ne!(ends, WithEvidence, "{what}: {ended:?}"),
            Some((_, path)) => {
                assert_eq!(ends, WithEvidence, "{what}: {ended:?}");
                let path = path.lines().next().unwrap_or_default().trim_end_matches(')');
                self.convinces_others(what, path);
            }
        }
        ended
    }

    /// In another directory, with nothing but the trust file and the evidence.
    pub(super) fn convinces_others(&self, what: &str, evidence: &str) {
        let elsewhere = Scene::empty();
        for (from, to) in [("trust.toml", "trust.toml"), (evidence, "evidence.json")] {
            fs::copy(self.scene.path(from), elsewhere.path(to)).expect("copied");
        }
        let ended = elsewhere.run("wheeltap", &["evidence", "evidence.json"]);
        assert_eq!(ended.code, Some(13), "{what}: {ended:?}");
        // Not about another log.
        let other = fs::read_to_string(self.scene.path("trust.toml")).expect("a trust file");
        let other = other.replace(&genesis().log.to_vkey(), &key("other.example").public().to_vkey());
        elsewhere.write("trust.toml", other.as_bytes());
        assert_eq!(elsewhere.run("wheeltap", &["evidence", "evidence.json"]).code, Some(1), "{what}");
    }
}

pub(super) fn cosign(checkpoint: &str, at: Option<u64>) -> String {
    let Some(at) = at else { return checkpoint.to_owned() };
    let Ok(mut note) = Note::parse(checkpoint.as_bytes()) else { return checkpoint.to_owned() };
    note.push(cosignature::sign(&key("w.example"), note.text(), at));
    note.to_string()
}

pub(super) fn json(value: &impl serde::Serialize) -> Answer {
    (200, serde_json::to_vec(value).expect("JSON"))
}
