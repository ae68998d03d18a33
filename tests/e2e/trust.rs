//! `wheeltap trust`: a log is looked at, shown, and added; what is wrong with it is said
//! before anything is written.

use std::process::{Command, Stdio};

use crate::harness::{Ended, Scene, binary, has, missing};

/// `trust add` without a trust file yet.
fn add(scene: &Scene, url: &str, more: &[&str]) -> Ended {
    scene.run("wheeltap", &[&["trust", "add", url, "--trust", "new.toml"], more].concat())
}

/// Another log, `other` in the directory of the same name, whose policy lets `team`
/// publish `oslo-*`; running, its policy submitted.
fn other_log(scene: &Scene) -> crate::harness::Server {
    let init = ["init", "--dir", "other", "--origin", "other.example", "--root", "root.key.pub"];
    let key = scene.ok("wheeltap-log", &init);
    scene.write("other.pub", key.as_bytes());
    let policy = [
        "policy",
        "init",
        "--log-key",
        "other.pub",
        "--root",
        "root.key.pub",
        "--publisher",
        "team.key.pub",
        "oslo-*",
        "--cover",
        "oslo-*",
        "--out",
        "other.json",
    ];
    scene.ok("wheeltap", &policy);
    scene.ok("wheeltap", &["policy", "sign", "--key", "root.key", "other.json"]);
    let server = scene.serve("other");
    scene.write("other.toml", scene.trust_text(&server.url, "other.pub", "root.key.pub").as_bytes());
    scene.ok("wheeltap", &["policy", "submit", "other.json", "--trust", "other.toml"]);
    server
}

#[test]
fn a_log_is_looked_at_and_added() {
    let (scene, server) = Scene::with_server();
    scene.append("1.0");
    let root = ["--root", "root.key.pub"];
    // Nobody can be asked: it is shown, and nothing is written.
    let ended = add(&scene, &server.url, &root);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("give --yes"), "{ended:?}");
    let log_key = scene.read("log.pub");
    for part in [
        "log         log.example\n",
        log_key.trim_end(),
        "served by the log, and named in the policy that the roots signed",
        "size        4 entries; the newest at 20",
        "witnesses   none",
        "asked about all projects",
        "publisher   team.example: nova",
        "covers      *",
    ] {
        assert!(ended.stderr.contains(part), "{part:?} is missing in {}", ended.stderr);
    }
    assert!(!scene.path("new.toml").exists());

    let ended = add(&scene, &server.url, &[&root[..], &["--yes", "--project", "nova"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("added log.example to new.toml"), "{ended:?}");
    scene.ok("wheeltap", &["verify", "dist/nova-1.0.tar.gz", "--trust", "new.toml"]);
    let again = add(&scene, &server.url, &[&root[..], &["--yes"]].concat());
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.stderr.contains("a log called log.example already"), "{again:?}");
    // What was seen before is what it must go on from.
    let shown = scene.ok("wheeltap", &["trust", "show", "--trust", "new.toml"]);
    assert!(shown.contains("last seen   at size 4"), "{shown}");
    server.kill();
}

/// Runs a command on a terminal of its own and types when it is asked.
const TYPE: &str = r#"
import os, pty, sys
answer, command = sys.argv[1].encode().decode("unicode_escape"), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execv(command[0], command)
seen, typed = b"", False
while True:
    try:
        more = os.read(terminal, 4096)
    except OSError:
        break
    if not more:
        break
    seen += more
    if not typed and b"to go on: " in seen:
        os.write(terminal, answer.encode())
        typed = True
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) % 256)
"#;

#[test]
fn who_is_asked_on_a_terminal_has_to_say_yes() {
    if missing("python3", has("python3", "--version")) {
        return;
    }
    let (scene, server) = Scene::with_server();
    let wheeltap = binary("wheeltap");
    let answer = |typed: &str| {
        let add = ["trust", "add", &server.url, "--root", "root.key.pub", "--trust", "new.toml"];
        let mut python = Command::new("python3");
        python.args(["-c", TYPE, typed]).arg(&wheeltap).args(add).current_dir(scene.path(""));
        Ended::from(python.env("WHEELTAP_STATE", "state").output().expect("Python runs"))
    };
    // Enter alone, an end of input, anything else.
    for no in ["\\n", "\\x04", "y\\n", "YES\\n", "no\\n", "yes please\\n"] {
        let ended = answer(no);
        assert_eq!(ended.code, Some(1), "{no}: {ended:?}");
        assert!(ended.stdout.contains("nothing was done"), "{no}: {ended:?}");
        assert!(!scene.path("new.toml").exists(), "{no}");
    }
    let ended = answer("yes\\n");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (shown, after) = ended.stdout.split_once("Trust this log, in new.toml?").expect("it asks");
    assert!(shown.contains("log         log.example"), "what is to be trusted is shown before: {shown}");
    assert!(after.contains("added log.example to new.toml"), "{after}");
    scene.ok("wheeltap", &["trust", "show", "--trust", "new.toml"]);
}

#[test]
fn what_is_wrong_with_it_is_said_and_nothing_is_written() {
    let (scene, server) = Scene::with_server();
    scene.append("1.0");
    let cases: [(&[&str], i32, &str); 6] = [
        (&["--root", "mallory.key.pub"], 11, "not signed as --root and --threshold say"),
        (&["--root", "root.key.pub", "--root", "mallory.key.pub", "--threshold", "2"], 11, "not signed"),
        (&["--root", "root.key.pub", "--log-key", "mallory.key.pub"], 11, "is not signed by the log key"),
        (&["--root", "root.key.pub", "--witness", "mallory.key.pub"], 2, "no witness's key"),
        (&["--root", "root.key.pub", "--quorum", "1"], 2, "--witness"),
        (&["--root", "root.key.pub", "--project", "No Name"], 2, "No Name"),
    ];
    for (args, code, says) in cases {
        let ended = add(&scene, &server.url, &[args, &["--yes"]].concat());
        assert_eq!(ended.code, Some(code), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(says), "{says:?} is missing in {}", ended.stderr);
        assert!(!scene.path("new.toml").exists());
    }
    // There is no trust file yet that the next step could be about.
    let other_key = ["--root", "root.key.pub", "--log-key", "mallory.key.pub", "--yes"];
    let ended = add(&scene, &server.url, &other_key);
    assert!(
        ended.stderr.contains("hint: what answers there is not the log with the key that was given"),
        "{ended:?}"
    );
    // A witness that has not cosigned.
    let witness = log_core::testing::key("w.example").cosigner().to_vkey();
    let ended = add(&scene, &server.url, &["--root", "root.key.pub", "--witness", &witness, "--yes"]);
    assert_eq!(ended.code, Some(12), "{ended:?}");
    // Plain files do not say the log's key; given by hand, they will do.
    let files = format!("file://{}", scene.path("log/public").display());
    let ended = add(&scene, &files, &["--root", "root.key.pub", "--yes"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("give its key with --log-key"), "{ended:?}");
    let ended = add(&scene, &files, &["--root", "root.key.pub", "--log-key", "log.pub", "--yes"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ended = scene.run("wheeltap", &["trust", "add", &server.url, "--root", "root.key.pub", "--yes"]);
    assert_eq!(ended.code, Some(2), "it is in the file already, {ended:?}");
}

/// An impostor serves the real log's entries with a key of its own, or an own log of the
/// same name.
#[test]
fn another_log_of_the_same_name_is_not_taken_for_it() {
    let (scene, server) = Scene::with_server();
    server.kill();
    let init = ["init", "--dir", "impostor", "--origin", "log.example", "--root", "mallory.key.pub"];
    scene.ok("wheeltap-log", &init);
    let impostor = scene.serve("impostor");
    let ended = add(&scene, &impostor.url, &["--root", "root.key.pub", "--yes"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("no policy says that the key served with it is its own"), "{ended:?}");
    // The first policy of the real one, which names another key.
    let ended = add(&scene, &impostor.url, &["--root", "root.key.pub", "--log-key", "log.pub", "--yes"]);
    assert_eq!(ended.code, Some(11), "{ended:?}");
    assert!(!scene.path("new.toml").exists());
}

#[test]
fn each_project_is_asked_about_in_its_own_log() {
    let (scene, server) = Scene::with_server();
    let other = other_log(&scene);
    let trust = |more: &[&str]| scene.run("wheeltap", &[&["trust"], more].concat());
    let of_oslo = ["add", &other.url, "--root", "root.key.pub", "--project", "oslo-*", "--yes"];
    // The first log is asked about all projects, so the second would never be.
    let ended = trust(&of_oslo);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("other.example would never be asked"), "{ended:?}");
    let before = format!("# whom we believe\nuncovered = \"refuse\"\n\n# ours\n{}", scene.read("trust.toml"));
    scene.write("trust.toml", before.as_bytes());
    let ended = trust(&[&of_oslo[..], &["--first"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let text = scene.read("trust.toml");
    assert!(text.starts_with("# whom we believe\nuncovered = \"refuse\"\n\n[[log]]\n"), "{text}");
    assert!(text.contains("\n# ours\n[[log]]\n"), "{text}");

    // Where a project is given its log is found; else one has to be named.
    scene.append("1.0");
    let oslo = scene.write("dist/oslo_log-1.0.tar.gz", b"oslo");
    let append = ["append", "--key", "team.key", "--project", "oslo-log", "--version", "1.0", &oslo];
    scene.ok("wheeltap", &append);
    for (project, log) in [("nova", "log.example"), ("oslo-log", "other.example")] {
        let ended = scene.run("wheeltap", &["lookup", "--project", project]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stderr.contains(&format!("proven against {log}")), "{ended:?}");
    }
    let file = scene.run("wheeltap", &["lookup", "--file", "nova-1.0.tar.gz"]);
    assert!(file.stderr.contains("proven against log.example"), "{file:?}");
    let withdraw = [
        "withdraw",
        "--key",
        "team.key",
        "--project",
        "oslo-log",
        "--version",
        "1.0",
        "--all",
        "--reason",
        "mistake",
        "--text",
        "x",
        "--yes",
    ];
    let ended = scene.run("wheeltap", &withdraw);
    assert!(ended.stderr.contains("may not withdraw"), "its own log was asked: {ended:?}");
    for args in [&["policy", "show"][..], &["lookup", "--policy"], &["lookup", "--digest", &"0".repeat(64)]] {
        let ended = scene.run("wheeltap", args);
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        for part in ["several logs (other.example, log.example)", "--log ORIGIN"] {
            assert!(ended.stderr.contains(part), "{part:?} is missing in {}", ended.stderr);
        }
        let named = [args, &["--log", "other.example"]].concat();
        let ended = scene.run("wheeltap", &named);
        assert!([Some(0), Some(10)].contains(&ended.code), "{named:?}: {ended:?}");
    }

    let shown: serde_json::Value =
        serde_json::from_str(&scene.ok("wheeltap", &["trust", "show", "--format", "json"])).expect("JSON");
    assert_eq!((&shown["schema"], &shown["uncovered"]), (&1.into(), &"refuse".into()));
    assert_eq!(shown["logs"][0]["origin"], "other.example");
    assert_eq!(shown["logs"][0]["projects"], serde_json::json!(["oslo-*"]));
    assert_eq!(shown["logs"][1]["last_seen_size"], 4);

    let ended = trust(&["remove", "other.example"]);
    assert_eq!(ended.code, Some(2), "nobody was asked: {ended:?}");
    assert_eq!(trust(&["remove", "other.example", "--yes"]).code, Some(0));
    assert_eq!(scene.read("trust.toml").trim_end(), before.trim_end());
    let last = trust(&["remove", "log.example", "--yes"]);
    assert_eq!(last.code, Some(2), "{last:?}");
    assert!(last.stderr.contains("delete the file"), "{last:?}");
    drop((server, other));
}

/// Two at the same time: both logs are there afterwards.
#[test]
fn two_who_add_at_once_do_not_lose_one_another() {
    let (scene, server) = Scene::with_server();
    let other = other_log(&scene);
    let start = |url: &str, project: &str| {
        let args = [
            "trust",
            "add",
            url,
            "--root",
            "root.key.pub",
            "--project",
            project,
            "--yes",
            "--trust",
            "new.toml",
        ];
        let mut command: Command = scene.command("wheeltap", &args);
        command.stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let children = [start(&server.url, "nova"), start(&other.url, "oslo-*")];
    for child in children {
        let ended = child.wait_with_output().expect("it ends");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
    let text = scene.read("new.toml");
    assert!(text.contains("log log.example+") && text.contains("log other.example+"), "{text}");
}
