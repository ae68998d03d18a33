//! A log that has witnesses: what it publishes is cosigned, what is not cosigned is not
//! published and not lost, and an old copy of it does not start.

use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;

use log_core::api::Receipt;
use log_core::dsse::Envelope;
use log_core::key::{SignerKey, VerifierKey};
use log_core::testing::release;
use log_io::fetch::Http;

use crate::harness::Scene;
use crate::stub_witness::Witness;

#[test]
fn a_log_is_published_with_cosignatures_and_never_from_an_old_copy() {
    let scene = Scene::with_log();
    let log = VerifierKey::parse(scene.read("log.pub").trim_end()).expect("a key");
    let witness = Witness::start(log.clone());
    scene.write("log/wheeltap-log.toml", witness.log_config().as_bytes());
    let server = scene.serve("log");
    scene.trust(&server.url);
    scene.ok("wheeltap", &["policy", "submit", "policy.json"]);
    let file = scene.append("1.0");
    assert_eq!(witness.size(), 4);

    // Whoever trusts the witness believes the log.
    scene.write("trust.toml", witness.trusted_in(&scene.read("trust.toml")).as_bytes());
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
