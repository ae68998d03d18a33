//! Several processes with one state directory, processes that are killed, and what is not
//! asked for twice.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::Duration;

use log_io::clock::Stopwatch;

use super::stage::{Machine, Stage, left_in};
use crate::harness::{Ended, has, missing};
use crate::hostile::{Index, Page, Shelf};
use crate::stub;

/// How often a command is killed.
const KILLS: u64 = 50;

const MONITOR: [&str; 7] = ["monitor", "--project", "nova", "--since", "now", "--key", "team.key.pub"];

/// The same numbers in each run of the test.
struct Numbers(u64);

impl Numbers {
    /// The next one, below `end`.
    fn next(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end.max(1)
    }
}

fn copy(stage: &Stage, from: &str, to: &str) {
    let script = format!("rm -rf {to} && cp -r {from} {to}");
    let done = Command::new("sh").args(["-c", &script]).current_dir(stage.scene.path("")).status();
    assert!(done.expect("sh runs").success());
}

fn start(stage: &Stage, args: &[&str]) -> Child {
    let mut command = stage.scene.command("wheeltap", args);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
}

/// At whatever moment it is killed, what is remembered is the old or the new, whole; and the
/// next one goes on, and takes away what was left.
#[test]
fn a_killed_client_leaves_a_state_that_can_be_read() {
    let stage = Stage::new();
    let scene = &stage.scene;
    let verify = ["verify", "dist/nova-1.0.tar.gz"];
    for args in [&verify[..], &MONITOR] {
        scene.ok("wheeltap", &[args, &["--state", "state.before"]].concat());
    }
    let (seen, old) = (stage.seen(), scene.read(&stage.seen()));
    scene.append("1.1");
    let new = scene.read(&seen.replace("state.before", "state"));
    assert_ne!(old, new);
    copy(&stage, "state.before", "state");
    let watch = Stopwatch::start();
    scene.ok("wheeltap", &verify);
    let mut whole = u64::try_from(watch.elapsed().as_micros()).expect("less than a century");
    let mut numbers = Numbers(7);
    let mut killed = 0;
    for round in 0..KILLS {
        let args = if round % 2 == 0 { &verify[..] } else { &MONITOR };
        copy(&stage, "state.before", "state");
        let mut child = start(&stage, args);
        sleep(Duration::from_micros(numbers.next(whole + whole / 4)));
        let is_running = child.try_wait().expect("a child").is_none();
        killed += u64::from(is_running);
        // The machine is not always as fast: most are to be killed, and some near their end.
        whole = if is_running { whole * 11 / 10 } else { whole * 8 / 10 };
        child.kill().expect("killed");
        child.wait().expect("ended");
        let found = scene.read(&seen.replace("state.before", "state"));
        assert!(found == old || found == new, "round {round}: {found}");
        let next = scene.run("wheeltap", args);
        assert_eq!(next.code, Some(0), "round {round}: {next:?}");
        assert_eq!(left_in(&scene.path("state")), [] as [&str; 0], "round {round}");
    }
    assert!(killed > KILLS / 5, "{killed} were killed before their end");
}

#[test]
fn many_at_once_share_a_state_directory() {
    let stage = Stage::new();
    let commands = [
        &["verify", "dist/nova-1.0.tar.gz"][..],
        &["lock", "-r", "requirements.txt"],
        &MONITOR,
        &["verify", "--offline", "dist/nova-1.0.tar.gz"],
    ];
    for round in 0..3 {
        let start = |args: &&[&str]| {
            let mut command = stage.scene.command("wheeltap", args);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
        };
        let children: Vec<Child> = commands.iter().cycle().take(12).map(start).collect();
        for child in children {
            let ended = Ended::from(child.wait_with_output().expect("it ends"));
            assert_eq!(ended.code, Some(0), "round {round}: {ended:?}");
        }
        assert!(left_in(&stage.scene.path("state")).is_empty());
        stage.scene.append(&format!("2.{round}"));
    }
}

/// The run's directories below the cache.
fn runs(stage: &Stage, cache: &str) -> Vec<String> {
    let mut runs = left_in(&stage.scene.path(cache));
    runs.sort();
    runs
}

fn is_there(path: &Path) -> bool {
    for _ in 0..600 {
        if path.exists() {
            return true;
        }
        sleep(Duration::from_millis(50));
    }
    false
}

/// A run that is killed leaves its directory, which its command may go on to use; the next
/// run takes it away when nobody does.
#[test]
fn what_a_killed_run_left_goes_with_the_next_one() {
    let stage = Stage::new();
    let scene = &stage.scene;
    let run = ["run", "--upstream", &stage.index, "--cache", "cache", "--", "sh", "-c"];
    // It has something in its cache, and waits until it is told to end.
    let script =
        "echo x > \"$PIP_CACHE_DIR-x\"; echo $$ > started; until [ -e end ]; do sleep 0.1; done; touch ended";
    let mut killed = start(&stage, &[&run[..], &[script]].concat());
    assert!(is_there(&scene.path("started")));
    let ours = runs(&stage, "cache/run");
    assert_eq!(ours.len(), 1, "{ours:?}");
    killed.kill().expect("killed");
    killed.wait().expect("ended");
    let next = |says: &str| {
        let ended = scene.run("wheeltap", &[&run[..], &["true"]].concat());
        assert_eq!(ended.code, Some(0), "{says}: {ended:?}");
        runs(&stage, "cache/run")
    };
    assert_eq!(next("its command goes on"), ours);
    assert_eq!(runs(&stage, "cache/partial").len(), 0, "that was of the killed process alone");
    scene.write("end", b"");
    assert!(is_there(&scene.path("ended")));
    // The shell ends a moment after its last command.
    let gone = (0..100).any(|_| {
        sleep(Duration::from_millis(50));
        next("nobody uses it").is_empty()
    });
    assert!(gone, "{:?}", runs(&stage, "cache/run"));
}

/// A log that counts what it is asked for.
fn counted(url: &str) -> (String, Arc<Mutex<Vec<String>>>) {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let (noted, url) = (Arc::clone(&asked), url.to_owned());
    let answer = move |method: &str, path: &str, body: &[u8]| {
        noted.lock().expect("not poisoned").push(format!("{method} {path}"));
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let client = reqwest::Client::new();
            let url = format!("{}{path}", url.trim_end_matches('/'));
            let request =
                if method == "POST" { client.post(url).body(body.to_vec()) } else { client.get(url) };
            let request = request.header("content-type", "application/json");
            let answer = request.send().await.expect("an answer");
            (answer.status().as_u16(), answer.bytes().await.expect("a body").to_vec())
        })
    };
    (stub::serve(answer), asked)
}

#[test]
fn what_is_known_is_not_asked_for_again() {
    let stage = Stage::new();
    let scene = &stage.scene;
    let (url, asked) = counted(&stage.log.url);
    let trust = scene.read("trust.toml");
    let verify = || {
        scene.trust(&url);
        scene.ok("wheeltap", &["verify", "dist/nova-1.0.tar.gz"]);
        scene.write("trust.toml", trust.as_bytes());
        std::mem::take(&mut *asked.lock().expect("not poisoned"))
    };
    assert_eq!(verify(), ["POST /api/v1/lookup"], "first contact");
    assert_eq!(verify(), ["POST /api/v1/lookup"], "it has not grown");
    scene.run("wheeltap", &["verify", "dist/nova-1.0.tar.gz", "--state", "other"]);
    scene.ok(
        "wheeltap",
        &[
            "append",
            "--key",
            "team.key",
            "--project",
            "nova",
            "--version",
            "2.0",
            "dist/nova-2.0.tar.gz",
            "--state",
            "other",
        ],
    );
    let grown = verify();
    assert_eq!(grown[0], "POST /api/v1/lookup");
    assert!(grown.len() > 1 && grown[1..].iter().all(|asked| asked.starts_with("GET /tile/")), "{grown:?}");
    assert_eq!(verify(), ["POST /api/v1/lookup"], "what it has grown by is remembered");
}

/// A proxy that was started again has its files, but no page: without the index it cannot
/// say what there is.
#[test]
fn a_warm_cache_is_used_after_a_restart() {
    if missing("python3", has("python3", "--version")) {
        return;
    }
    let stage = Stage::new();
    let ask = |index: &str, cache: &str| {
        let mut stage_of = stage.command(&Stage::proxy_of(index, cache), Machine::Well);
        Ended::from(stage_of.output().expect("it runs"))
    };
    let good = ask(&stage.index, "warm");
    assert!(good.stdout.starts_with("answer: 200 nova-1.0.tar.gz"), "{good:?}");
    // The index has the page, and no file any more.
    let index = Index::start();
    let mut page = stage.page.clone();
    page.files[0].truncated = true;
    let broken = index.put("broken", Shelf::from([("nova".to_owned(), page.clone())]));
    let cold = ask(&broken, "cold");
    assert!(cold.stdout.starts_with("answer: 504 Wheeltap: no file"), "{cold:?}");
    let warm = ask(&broken, "warm");
    assert!(warm.stdout.starts_with("answer: 200 nova-1.0.tar.gz"), "{warm:?}");
    page.status = 503;
    let down = index.put("down", Shelf::from([("nova".to_owned(), Page { ..page })]));
    let without_page = ask(&down, "warm");
    assert!(without_page.stdout.starts_with("answer: 502 Wheeltap: no page"), "{without_page:?}");
}
