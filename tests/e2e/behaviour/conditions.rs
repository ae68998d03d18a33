//! The conditions: what is wrong, and which commands end well nevertheless.

use std::fs;
use std::net::TcpListener;
use std::sync::atomic::Ordering;

use log_core::checkpoint::{Checkpoint, OpenCheckpoint};
use log_core::hash::EMPTY_ROOT;
use log_core::key::VerifierKey;
use log_io::key_file;
use serde_json::Value;

use super::page::Row;
use super::stage::{Ask, Machine, Stage};
use crate::harness::{Scene, free_port};
use crate::stub;
use crate::stub_witness::Witness;

/// A section of the page.
pub(super) struct Condition {
    pub(super) title: &'static str,
    pub(super) text: &'static str,
    /// The commands that do what they are asked to.
    pub(super) well: &'static [&'static str],
    /// Whether the machine must let itself be given other disks and networks.
    pub(super) needs_namespaces: bool,
    pub(super) ask: fn() -> Vec<Row>,
    /// Whether what ends well is told.
    pub(super) is_first: bool,
}

/// All commands.
pub(super) const ALL: &[&str] =
    &["verify", "verify --offline", "lock", "proxy", "run", "monitor", "doctor", "trust add", "append"];
const OFFLINE: &[&str] = &["verify --offline"];

impl Condition {
    fn new(
        title: &'static str,
        text: &'static str,
        well: &'static [&'static str],
        ask: fn() -> Vec<Row>,
    ) -> Self {
        Self { title, text, well, needs_namespaces: false, ask, is_first: false }
    }

    fn in_namespaces(self) -> Self {
        Self { needs_namespaces: true, ..self }
    }
}

pub(super) fn all() -> Vec<Condition> {
    [cold_and_warm(), of_networks_and_logs(), of_clocks_and_disks(), of_the_state()]
        .into_iter()
        .flatten()
        .collect()
}

fn cold_and_warm() -> Vec<Condition> {
    let first = Condition::new(
        "Cold start: first contact with a log",
        "There is no state directory. It is made, and the log's checkpoint is where its memory begins. This is what is \
         said when nothing is wrong.",
        ALL,
        first_contact,
    );
    vec![
        Condition::new(
            "Cold start: no trust file",
            "Nothing is believed, so nothing is asked.",
            &["trust add"],
            no_trust,
        ),
        Condition { is_first: true, ..first },
        Condition::new(
            "Warm",
            "The log was seen before. Of a log that has not grown nothing is asked but the answer itself, and nothing \
             is written. A proxy takes files from its cache, also after a restart; the index's pages it has in memory, and \
             uses them for an hour when the index does not answer. Without one it says nothing of a project (502).",
            ALL,
            warm,
        ),
    ]
}

fn of_networks_and_logs() -> Vec<Condition> {
    vec![
        Condition::new(
            "Offline",
            "The machine has no network. A proof beside the file, or saved answers (`--proofs`), are all that is needed.",
            &["verify --offline", "verify --offline (--proofs)"],
            offline,
        )
        .in_namespaces(),
        Condition::new(
            "The log is down",
            "Nothing listens at its address. It is tried four times.",
            OFFLINE,
            refused,
        ),
        Condition::new(
            "The log hangs",
            "It takes the connection and says nothing. A request ends after 30 seconds and is not sent again; a proxy \
             waits for 10 seconds in all.",
            OFFLINE,
            hangs,
        ),
        Condition::new("The log is overloaded", "It answers 503, four times.", OFFLINE, overloaded),
        Condition::new(
            "The log answers rubbish",
            "Such as the page of a captive portal, with status 200.",
            OFFLINE,
            rubbish,
        ),
        Condition::new(
            "One log of several is down",
            "Only the logs of the projects at hand are asked. What another log has is judged; `oslo-log` is a project of \
             the one that is down.",
            &["lock (nova)", "proxy (nova)", "run (nova)", "append (nova)"],
            one_of_two,
        ),
    ]
}

fn of_clocks_and_disks() -> Vec<Condition> {
    vec![
        Condition::new(
            "The clock is behind",
            "The log was cosigned a day after now, and the trust file has `max_age`. Without witnesses and `max_age` \
             only `doctor` notices.",
            OFFLINE,
            clock_behind,
        ),
        Condition::new(
            "The clock is ahead, or the log stands still; first contact",
            "The log was cosigned two days ago, the trust file allows one, and there is no state directory.",
            OFFLINE,
            clock_ahead,
        ),
        Condition::new(
            "The disk of the state directory is full",
            "The log has grown, and its newest checkpoint cannot be remembered: so it is not believed.",
            OFFLINE,
            state_full,
        )
        .in_namespaces(),
        Condition::new(
            "Another disk is full",
            "That of the file that is to be written, or of the cache. A file that cannot be kept in the cache is \
             verified and served all the same.",
            &["proxy (cache)", "run (cache)"],
            others_full,
        )
        .in_namespaces(),
    ]
}

fn of_the_state() -> Vec<Condition> {
    vec![
        Condition::new(
            "The state directory cannot be written to, and the log has grown",
            "As if its disk were full.",
            OFFLINE,
            read_only_and_grown,
        )
        .in_namespaces(),
        Condition::new(
            "The state directory cannot be written to, and the log has not grown",
            "There is nothing to write, but for what `monitor` and `proxy` keep.",
            &["verify", "verify --offline", "lock", "doctor", "trust add"],
            read_only,
        )
        .in_namespaces(),
        Condition::new(
            "The last checkpoint seen is damaged",
            "It is cut off, empty, or has other bytes; or a file is where the state directory should be. Nothing can be \
             compared with it, so nothing is believed.",
            &[],
            no_checkpoint,
        ),
        Condition::new(
            "The last checkpoint seen is another log's",
            "It is that of a log of the same name with another key.",
            &[],
            another_logs,
        ),
        Condition::new(
            "The place of `monitor` is damaged",
            "How far it has read is not known.",
            &[],
            place_damaged,
        ),
    ]
}

fn ask_all(stage: &Stage, asks: &[Ask], machine: Machine) -> Vec<Row> {
    asks.iter().map(|ask| stage.ask(ask, machine)).collect()
}

fn no_trust() -> Vec<Row> {
    let stage = Stage::new();
    fs::remove_file(stage.scene.path("trust.toml")).expect("removed");
    ask_all(&stage, &stage.all(), Machine::Well)
}

fn first_contact() -> Vec<Row> {
    let stage = Stage::new();
    ask_all(&stage, &stage.all(), Machine::Well)
}

fn warm() -> Vec<Row> {
    let stage = Stage::new();
    stage.warm();
    ask_all(&stage, &stage.all(), Machine::Well)
}

/// The trust file has the log at another URL.
fn elsewhere(url: &str) -> Vec<Row> {
    let stage = Stage::new();
    stage.warm();
    stage.scene.trust(url);
    ask_all(&stage, &stage.all_of(url), Machine::Well)
}

fn offline() -> Vec<Row> {
    let stage = Stage::new();
    stage.warm();
    let file = "dist/nova-1.0.tar.gz";
    let save = ["verify", file, "--save-proofs", "proofs.json", "--state", "state.before"];
    stage.scene.ok("wheeltap", &save);
    // An address of documentation, to which there is no way.
    let url = "http://192.0.2.1/";
    stage.scene.trust(url);
    let mut asks = stage.all_of(url);
    let proofs = ["verify", file, "--offline", "--proofs", "proofs.json"];
    asks.insert(2, Ask::new("verify --offline (--proofs)", &proofs));
    ask_all(&stage, &asks, Machine::Offline)
}

fn refused() -> Vec<Row> {
    elsewhere(&format!("http://127.0.0.1:{}/", free_port()))
}

fn hangs() -> Vec<Row> {
    // Connections are made, and wait for ever.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let first = Stage::new();
    let labels: Vec<String> = first.all().into_iter().map(|ask| ask.label).collect();
    // Each waits: so all at once, each on a stage of its own.
    std::thread::scope(|scope| {
        let url = &url;
        let asks = labels.iter().map(|label| {
            scope.spawn(move || {
                let stage = Stage::new();
                stage.warm();
                stage.scene.trust(url);
                let ask = stage.all_of(url).into_iter().find(|ask| ask.label == *label).expect("it is there");
                stage.ask(&ask, Machine::Well)
            })
        });
        let asks: Vec<_> = asks.collect();
        asks.into_iter().map(|ask| ask.join().expect("asked")).collect()
    })
}

fn overloaded() -> Vec<Row> {
    elsewhere(&stub::serve(|_, _, _| (503, b"come back later".to_vec())))
}

fn rubbish() -> Vec<Row> {
    elsewhere(&stub::serve(|_, _, _| (200, b"<html>Please log in</html>".to_vec())))
}

fn one_of_two() -> Vec<Row> {
    let stage = Stage::new();
    let scene = &stage.scene;
    let init = ["init", "--dir", "other", "--origin", "other.example", "--root", "root.key.pub"];
    scene.write("other.pub", scene.ok("wheeltap-log", &init).as_bytes());
    let down = scene.trust_text(&format!("http://127.0.0.1:{}/", free_port()), "other.pub", "root.key.pub");
    let both = format!("{down}projects = [\"oslo-*\"]\n\n{}", scene.read("trust.toml"));
    scene.write("trust.toml", both.as_bytes());
    scene.write("dist/oslo_log-1.0.tar.gz", b"oslo");
    scene.write("both.txt", b"nova==1.0\noslo-log==1.0\n");
    let (nova, oslo) = ("dist/nova-1.0.tar.gz", "dist/oslo_log-1.0.tar.gz");
    let mut asks = vec![
        Ask::new("verify (both)", &["verify", nova, oslo]),
        Ask::new("verify -r (both)", &["verify", "-r", "both.txt"]),
        Ask::new("verify --save-proofs (both)", &["verify", nova, oslo, "--save-proofs", "out/proofs.json"]),
        Ask::new("lock (both)", &["lock", "-r", "both.txt", "-o", "out/locked.txt"]),
    ];
    for mut ask in stage.all() {
        if ["lock", "proxy", "run", "append"].contains(&ask.label.as_str()) {
            ask.label = format!("{} (nova)", ask.label);
            asks.push(ask);
        } else if ask.label == "doctor" {
            asks.push(ask);
        }
    }
    let rows = ask_all(&stage, &asks, Machine::Well);
    let json = ["verify", nova, oslo, "--format", "json"];
    let json: Value = serde_json::from_str(&scene.run("wheeltap", &json).stdout).expect("JSON");
    assert_eq!((&json["complete"], &json["summary"]["exit_code"]), (&false.into(), &1.into()));
    let both = &rows[0].ended;
    assert!(both.stdout.contains("verified    dist/nova-1.0.tar.gz"), "the other log's verdict: {both:?}");
    assert!(both.stdout.contains("no verdict  dist/oslo_log-1.0.tar.gz"), "{both:?}");
    rows
}

/// A log whose newest checkpoint was cosigned by a witness whose clock is ahead by so many
/// seconds, and a trust file that allows a day.
fn cosigned(ahead: i64) -> (Stage, String) {
    let scene = Scene::with_log();
    let key = VerifierKey::parse(scene.read("log.pub").trim_end()).expect("a key");
    let witness = Witness::start(key);
    scene.write("log/wheeltap-log.toml", witness.log_config().as_bytes());
    let log = scene.serve("log");
    scene.trust(&log.url);
    scene.ok("wheeltap", &["policy", "submit", "policy.json"]);
    scene.append("1.0");
    let trust = format!("{}max_age = 86400\n", witness.trusted_in(&scene.read("trust.toml")));
    witness.ahead.store(ahead, Ordering::Relaxed);
    scene.append("1.1");
    scene.write("trust.toml", trust.as_bytes());
    (Stage::of(scene, log), witness.vkey())
}

fn all_with_witness(stage: &Stage, witness: &str) -> Vec<Row> {
    let with_witness = |ask: Ask| match ask.label.as_str() {
        "trust add" => ask.and(&["--witness", witness]),
        _ => ask,
    };
    let asks: Vec<Ask> = stage.all().into_iter().map(with_witness).collect();
    ask_all(stage, &asks, Machine::Well)
}

fn clock_behind() -> Vec<Row> {
    let (stage, witness) = cosigned(86_400);
    all_with_witness(&stage, &witness)
}

fn clock_ahead() -> Vec<Row> {
    let (stage, witness) = cosigned(-2 * 86_400);
    all_with_witness(&stage, &witness)
}

/// A state directory that has seen less than the log has now.
fn grown() -> Stage {
    let stage = Stage::new();
    stage.warm();
    stage.scene.append("1.1");
    fs::remove_dir_all(stage.scene.path("state")).expect("removed");
    stage
}

fn state_full() -> Vec<Row> {
    let stage = grown();
    ask_all(&stage, &stage.all(), Machine::Full("state"))
}

fn read_only_and_grown() -> Vec<Row> {
    let stage = grown();
    ask_all(&stage, &stage.all(), Machine::ReadOnly("state"))
}

fn read_only() -> Vec<Row> {
    let stage = Stage::new();
    stage.warm();
    let asks: Vec<Ask> = stage.all().into_iter().filter(|ask| ask.label != "append").collect();
    ask_all(&stage, &asks, Machine::ReadOnly("state"))
}

fn others_full() -> Vec<Row> {
    let stage = Stage::new();
    stage.warm();
    let scene = &stage.scene;
    fs::create_dir(scene.path("dist.before")).expect("a directory");
    fs::copy(scene.path("dist/nova-2.0.tar.gz"), scene.path("dist.before/nova-2.0.tar.gz")).expect("copied");
    let file = "dist/nova-1.0.tar.gz";
    let all = stage.all();
    let standard = |label: &str, disk: &'static str| {
        let mut ask = all.iter().find(|ask| ask.label == label).expect("it is there").clone();
        ask.label = format!("{label} ({})", if disk == "out" { "output" } else { disk });
        (ask, disk)
    };
    let save =
        Ask::new("verify --save-proofs (output)", &["verify", file, "--save-proofs", "out/proofs.json"]);
    let asks = [
        (save, "out"),
        standard("lock", "out"),
        standard("trust add", "out"),
        standard("proxy", "cache"),
        standard("run", "cache"),
        standard("append", "dist"),
    ];
    let mut rows: Vec<Row> = asks.iter().map(|(ask, disk)| stage.ask(ask, Machine::Full(disk))).collect();
    // What was seen is another tree of the log.
    let stage = Stage::new();
    stage.warm();
    let log = key_file::load(&stage.scene.path("log/private/log.key")).expect("the log's key");
    let seen = fs::read(stage.scene.path(&stage.seen())).expect("it is there");
    let size = OpenCheckpoint::open(&seen, log.public()).expect("a checkpoint").size();
    let (origin, root) = ("log.example".to_owned(), EMPTY_ROOT);
    let other = Checkpoint { origin, size, root, extensions: Vec::new() }.sign(&log);
    stage.scene.write(&stage.seen(), other.to_string().as_bytes());
    rows.push(stage.ask(&Ask::new("verify (evidence)", &["verify", file]), Machine::Full("state")));
    rows
}

/// What was last seen is something else.
fn damaged(damage: impl Fn(&Scene, &str)) -> Vec<Row> {
    let stage = Stage::new();
    stage.warm();
    damage(&stage.scene, &stage.seen());
    let rows = ask_all(&stage, &stage.all(), Machine::Well);
    // What a person may want to look at stays.
    assert_eq!(
        fs::read(stage.scene.path(&stage.seen())).expect("it is there"),
        fs::read(stage.scene.path(&stage.seen().replace("state.before", "state"))).expect("it is there"),
    );
    rows
}

fn no_checkpoint() -> Vec<Row> {
    let mut rows = damaged(|scene, seen| {
        let text = scene.read(seen);
        scene.write(seen, &text.as_bytes()[..text.len() / 2]);
    });
    for (what, bytes) in [("empty", &[][..]), ("other bytes", &[0xff; 300])] {
        let others = damaged(|scene, seen| {
            scene.write(seen, bytes);
        });
        rows.extend(others.into_iter().filter(|row| row.label == "verify").map(|row| row.of(what)));
    }
    let stage = Stage::new();
    stage.scene.write("file", b"");
    let file = ["verify", "dist/nova-1.0.tar.gz", "--state", "file"];
    rows.push(stage.ask(&Ask::new("verify (a file)", &file), Machine::Well));
    rows
}

fn another_logs() -> Vec<Row> {
    damaged(|scene, seen| {
        let init = ["init", "--dir", "impostor", "--origin", "log.example", "--root", "mallory.key.pub"];
        scene.ok("wheeltap-log", &init);
        scene.serve("impostor").kill();
        scene.write(seen, scene.read("impostor/public/checkpoint").as_bytes());
    })
}

fn place_damaged() -> Vec<Row> {
    let stage = Stage::new();
    let monitor = stage.all().into_iter().find(|ask| ask.label == "monitor").expect("it is there");
    stage
        .scene
        .ok("wheeltap", &["monitor", "--project", "nova", "--since", "now", "--state", "state.before"]);
    let places = fs::read_dir(stage.scene.path("state.before/monitor")).expect("a directory");
    let mut paths = places.map(|entry| entry.expect("an entry").path());
    let place = paths.find(|path| path.extension().is_some()).expect("a place");
    let bytes = fs::read(&place).expect("readable");
    fs::write(&place, &bytes[..bytes.len() / 2]).expect("written");
    ask_all(&stage, &[monitor], Machine::Well)
}
