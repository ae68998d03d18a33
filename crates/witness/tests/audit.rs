//! The binary against a log in a directory and an index on loopback.
//!
//! Each test says what is logged and what the index answers, and checks exit
//! code, stdout and stderr of a whole run.

mod world;

use serde_json::{Value, json};
use world::{Answer, Logged, World, page, sha256};

const NOVA_1: Logged<'_> = ("nova", "1.0", &["nova-1.0.tar.gz", "nova-1.0-py3-none-any.whl"]);

fn nova_1() -> Answer {
    page(
        "nova",
        &[("nova-1.0.tar.gz", "nova-1.0.tar.gz"), ("nova-1.0-py3-none-any.whl", "nova-1.0-py3-none-any.whl")],
    )
}

#[test]
fn an_index_that_has_what_the_log_has_is_fine() {
    let world = World::new(&[NOVA_1], &[("nova", nova_1())]);
    let run = world.audit(&["--project", "Nova", "--project", "nova"]);
    assert_eq!((run.exit, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    assert_eq!(
        run.stderr,
        "audited 1 project, 2 files on the index, 2 logged, against checkpoint size 3 (log time \
         2025-10-09T08:53:20Z): 0 findings\n"
    );
    assert_eq!(world.requests(), ["/simple/nova/"], "each page is asked for once");
    // The same checkpoint again, now remembered.
    assert_eq!(world.audit(&["--project", "nova"]).exit, 0);
}

#[test]
fn findings_are_printed_and_exit_20() {
    let files = [
        ("nova-1.0.tar.gz", "nova-1.0.tar.gz"),
        ("nova-1.0-py3-none-any.whl", "evil"),
        ("nova-1.0-1-py3-none-any.whl", "evil"),
        ("nova-1.0.post1.tar.gz", "evil"),
        ("nova\u{1b}[2J.tar.gz", "evil"),
    ];
    let world =
        World::new(&[NOVA_1, ("glance", "3.0", &["glance-3.0.tar.gz"])], &[("nova", page("nova", &files))]);
    let run = world.audit(&["--project", "nova", "--project", "glance"]);
    assert_eq!(run.exit, 20, "{}", run.stderr);
    let (logged, evil) = (sha256("nova-1.0-py3-none-any.whl").to_hex(), sha256("evil").to_hex());
    assert_eq!(
        run.stdout.lines().collect::<Vec<_>>(),
        [
            "missing-file   glance  3.0        glance-3.0.tar.gz            \
             logged in entry 2, the index has no such project",
            "extra-release  nova    1.0.post1  -                            \
             nothing is logged of this version; the index has nova-1.0.post1.tar.gz",
            "extra-file     nova    -          nova\\u{1b}[2J.tar.gz         \
             not logged, and not a valid file name (escaped here)",
            "extra-file     nova    1.0        nova-1.0-1-py3-none-any.whl  \
             not among the files of entry 1",
            &format!(
                "hash-mismatch  nova    1.0        nova-1.0-py3-none-any.whl    \
                 logged with sha256 {logged} in entry 1, the index has {evil}"
            ),
        ]
    );
    assert!(run.stderr.starts_with("glance: the index has no such project\naudited 2 projects, 5 files"));
}

#[test]
fn json_carries_findings_and_failures() {
    let world =
        World::new(&[NOVA_1], &[("nova", page("nova", &[])), ("glance", Answer::status(500, "\u{1b}"))]);
    let run = world.audit(&["--project", "nova", "--project", "glance", "--format", "json"]);
    assert_eq!(run.exit, 1, "a failure is not hidden by findings");
    let json: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(json["schema"], 1);
    assert_eq!(json["log"]["origin"], "log.example");
    assert_eq!(json["log"]["size"], 3);
    assert_eq!(json["index"], world.index_url());
    let error = json["projects"][0]["error"].as_str().expect("an error");
    assert!(error.contains("answered 500"), "{error}");
    assert_eq!(json["projects"][1], json!({"project": "nova", "files_on_index": 0, "files_logged": 2}));
    assert_eq!(json["findings"].as_array().expect("findings").len(), 2);
    assert_eq!(json["findings"][0]["logged_sha256"], sha256("nova-1.0-py3-none-any.whl").to_hex());
    assert!(
        run.stderr.contains("glance: no verdict: ") && run.stderr.contains("1 of 2 projects"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_project_without_a_verdict_is_a_failure() {
    let problem = r#"{"type":"x","title":"x","status":406,"detail":"\u001b[2J","next_step":"x"}"#;
    let html = Answer::status(200, "<!DOCTYPE html><html></html>");
    for (project, answer, says) in [
        ("nova", html, "does not speak Simple JSON (PEP 691)"),
        ("nova", Answer::status(406, problem), "answered 406 Not Acceptable: \\u{1b}[2J"),
        ("nova", page("glance", &[]), "that of project \"glance\""),
        (
            "other",
            page("other", &[("other-1.tar.gz", "x")]),
            "policy does not cover it, and nothing is logged",
        ),
        ("oslo-typo", Answer::status(404, ""), "the index has no such project, and nothing is logged"),
    ] {
        let world = World::new(&[NOVA_1], &[(project, answer)]);
        let run = world.audit(&["--project", project]);
        assert_eq!((run.exit, run.stdout.as_str()), (1, ""), "{}", run.stderr);
        assert!(run.stderr.contains(says), "{} should say {says}", run.stderr);
        assert!(!run.stderr.contains('\u{1b}'), "{}", run.stderr);
    }
    let world = World::new(&[NOVA_1], &[]);
    let run = world.audit(&["--project", "nova", "--index-url", "http://127.0.0.1:1/simple"]);
    assert!(run.exit == 1 && run.stderr.contains("cannot reach"), "{}", run.stderr);
}

#[test]
fn what_is_logged_is_compared_without_coverage() {
    // Covered are glance, nova and oslo-*; `left` was logged all the same.
    let logged: Logged<'_> = ("left", "1.0", &["left-1.0.tar.gz"]);
    let own = ("left-1.0.tar.gz", "left-1.0.tar.gz");
    let world = World::new(&[logged], &[("left", page("left", &[own, ("left-2.0.tar.gz", "x")]))]);
    let run = world.audit(&["--project", "left"]);
    assert_eq!((run.exit, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    assert!(run.stderr.starts_with("left: the policy does not cover it: only what is logged was compared\n"));
}

#[test]
fn a_missing_index_is_told_from_a_missing_project() {
    let world = World::new(&[NOVA_1], &[]);
    let run = world.audit(&["--project", "nova"]);
    assert_eq!((run.exit, run.stdout.lines().count()), (20, 2), "{}", run.stderr);
    assert!(run.stderr.contains("the index has none of the projects; check --index-url"), "{}", run.stderr);
}

#[test]
fn without_a_log_to_believe_the_index_is_not_asked() {
    let world = World::new(&[NOVA_1], &[("nova", nova_1())]);
    let note = world.read("checkpoint");
    world.write("checkpoint", note.replace("\n3\n", "\n4\n"));
    let run = world.audit(&["--project", "nova"]);
    assert_eq!((run.exit, run.stdout.as_str()), (11, ""), "{}", run.stderr);
    assert!(world.requests().is_empty());
    world.write("checkpoint", note);
    world.write("tile/entries/000.p/3", String::new());
    let run = world.audit(&["--project", "nova"]);
    assert_eq!((run.exit, run.stdout.as_str()), (1, ""), "{}", run.stderr);
}

#[test]
fn what_is_released_while_the_index_is_asked_is_not_extra() {
    let late: Logged<'_> = ("glance", "3.0", &["glance-3.0.tar.gz"]);
    let glance = page("glance", &[("glance-3.0.tar.gz", "glance-3.0.tar.gz")]);
    let world = World::with_late_releases(&[NOVA_1], &[late], &[("glance", glance)]);
    let run = world.audit(&["--project", "glance"]);
    assert_eq!((run.exit, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    assert!(run.stderr.contains("against checkpoint size 5 "), "{}", run.stderr);
}

#[test]
fn usage_and_help() {
    let world = World::new(&[NOVA_1], &[]);
    assert_eq!(world.audit(&[]).exit, 2);
    assert_eq!(world.audit(&["--project", "a b"]).exit, 2);
    let help = world.audit(&["--help"]);
    assert_eq!(help.exit, 0);
    for word in ["Example:", "Exit codes:", "  20  ", "extra-release", "--index-url"] {
        assert!(help.stdout.contains(word), "{word} in {}", help.stdout);
    }
}
