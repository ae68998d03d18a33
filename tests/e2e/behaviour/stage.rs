//! Where commands are asked: a log with one release of `nova`, an index that has its file,
//! and what is wrong with the machine.
//!
//! Each command finds everything as the condition wants it, whatever the one before did.
//! What is wrong with disks and networks is wrong in a namespace of the command's own, and
//! gone with it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use log_client::offline_index::Package;
use log_core::artifact::FileName;
use log_core::hash::digest;

use super::page::Row;
use crate::harness::{Ended, Scene, Server, binary};
use crate::hostile::{Index, Listed, Page, Shelf};

/// What asks a proxy for the file.
pub(super) const ASK: &str = include_str!("ask.py");

/// Mounts a small disk over a directory, with what is in `<directory>.before`, and makes it
/// full (or read-only); what the command leaves of temporary files there is listed.
const ON_A_DISK: &str = r#"
what=$1; disk=$2; shift 2
mkdir -p "$disk" && mount -t tmpfs -o size=256k tmpfs "$disk" || exit 99
if [ -d "$disk.before" ]; then cp -r "$disk.before/." "$disk"; fi
if [ "$what" = full ]; then cat /dev/zero > "$disk/zeros" 2>/dev/null; else mount -o remount,ro "$disk"; fi
"$@"
code=$?
find "$disk" -name '.tmp-*' >> leftovers
exit $code
"#;

/// No network but the machine's own.
const WITHOUT_A_NETWORK: &str = "ip link set lo up && exec \"$@\"";

/// What is wrong with the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Machine {
    Well,
    Offline,
    /// The disk below this directory is full.
    Full(&'static str),
    /// It cannot be written to.
    ReadOnly(&'static str),
}

/// A command to ask.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) label: String,
    args: Vec<String>,
}

pub(super) struct Stage {
    pub(super) scene: Scene,
    pub(super) log: Server,
    /// An index that has the file.
    pub(super) index: String,
    /// The page on it.
    pub(super) page: Page,
}

impl Ask {
    pub(super) fn new(label: &str, args: &[&str]) -> Self {
        Self { label: label.to_owned(), args: args.iter().map(ToString::to_string).collect() }
    }

    pub(super) fn is_proxy(&self) -> bool {
        self.args[0] == "proxy"
    }

    pub(super) fn and(mut self, more: &[&str]) -> Self {
        self.args.extend(more.iter().map(ToString::to_string));
        self
    }
}

impl Stage {
    /// With a log that has `nova` 1.0.
    pub(super) fn new() -> Self {
        let (scene, log) = Scene::with_server();
        scene.append("1.0");
        Self::of(scene, log)
    }

    pub(super) fn of(scene: Scene, log: Server) -> Self {
        let name = FileName::parse("nova-1.0.tar.gz").expect("a name");
        let bytes = scene.read("dist/nova-1.0.tar.gz").into_bytes();
        let file = Listed::new(Package { sha256: digest(&[&bytes]), name, bytes, metadata: None });
        let page = Page::new(vec![file]);
        let index = Index::start().put("index", Shelf::from([("nova".to_owned(), page.clone())]));
        scene.sdist("2.0", "official bytes");
        scene.write("requirements.txt", b"nova==1.0\n");
        scene.write("ask.py", ASK.as_bytes());
        for directory in ["empty", "home"] {
            fs::create_dir(scene.path(directory)).expect("a directory");
        }
        fs::remove_dir_all(scene.path("state")).expect("removed");
        Self { scene, log, index, page }
    }

    /// All commands, in the order in which they are asked.
    pub(super) fn all(&self) -> Vec<Ask> {
        self.all_of(&self.log.url)
    }

    /// The same; the log that is to be trusted is at another URL.
    pub(super) fn all_of(&self, url: &str) -> Vec<Ask> {
        let file = "dist/nova-1.0.tar.gz";
        let release = ["--key", "team.key", "--project", "nova", "--version", "2.0", "dist/nova-2.0.tar.gz"];
        vec![
            Ask::new("verify", &["verify", file]),
            Ask::new("verify --offline", &["verify", "--offline", file]),
            Ask::new("lock", &["lock", "-r", "requirements.txt", "-o", "out/locked.txt"]),
            self.proxy(),
            self.run(),
            Ask::new("monitor", &["monitor", "--project", "nova", "--since", "now"]),
            Ask::new("doctor", &["doctor", "empty"]),
            Ask::new(
                "trust add",
                &["trust", "add", url, "--root", "root.key.pub", "--yes", "--trust", "out/trust.toml"],
            ),
            Ask::new("append", &[&["append"], &release[..]].concat()),
        ]
    }

    pub(super) fn proxy(&self) -> Ask {
        Self::proxy_of(&self.index, "cache")
    }

    pub(super) fn proxy_of(index: &str, cache: &str) -> Ask {
        Ask::new("proxy", &["proxy", "--listen", "127.0.0.1:0", "--upstream", index, "--cache", cache])
    }

    pub(super) fn run(&self) -> Ask {
        let asks = "exec python3 ask.py \"$PIP_INDEX_URL\"";
        Ask::new("run", &["run", "--upstream", &self.index, "--cache", "cache", "--", "sh", "-c", asks])
    }

    /// Makes the state directory what it is after a `verify`.
    pub(super) fn warm(&self) {
        self.scene.ok("wheeltap", &["verify", "dist/nova-1.0.tar.gz", "--state", "state.before"]);
    }

    /// Where the last checkpoint seen is, in the state that each command finds.
    pub(super) fn seen(&self) -> String {
        let mut entries = fs::read_dir(self.scene.path("state.before")).expect("a directory");
        let log = entries.next().expect("a log").expect("an entry").file_name();
        format!("state.before/{}/checkpoint", log.to_str().expect("UTF-8"))
    }

    /// Asks a command; everything is as the condition wants it before.
    pub(super) fn ask(&self, ask: &Ask, machine: Machine) -> Row {
        let scene = &self.scene;
        let reset = "rm -rf state cache out leftovers; mkdir out; \
                     if [ -d state.before ]; then cp -r state.before state; fi";
        let done = Command::new("sh").args(["-c", reset]).current_dir(scene.path("")).status();
        assert!(done.expect("sh runs").success());
        let output = self.command(ask, machine).output().expect("it runs");
        let ended = Ended::from(output);
        assert_ne!(ended.code, Some(99), "the disk was not mounted: {ended:?}");
        let leftovers = fs::read_to_string(scene.path("leftovers")).unwrap_or_default();
        let found = left_in(&scene.path(""));
        assert!(leftovers.is_empty() && found.is_empty(), "{}: {leftovers} {found:?} is left", ask.label);
        Row::new(self, ask, ended)
    }

    pub(super) fn command(&self, ask: &Ask, machine: Machine) -> Command {
        let mut line: Vec<String> = Vec::new();
        let mut unshare = |options: &str, script: &str, more: &[&str]| {
            line.extend(["unshare", options, "sh", "-c", script, "sh"].map(str::to_owned));
            line.extend(more.iter().map(ToString::to_string));
        };
        match machine {
            Machine::Well => {}
            Machine::Offline => unshare("-rn", WITHOUT_A_NETWORK, &[]),
            Machine::Full(disk) => unshare("-rm", ON_A_DISK, &["full", disk]),
            Machine::ReadOnly(disk) => unshare("-rm", ON_A_DISK, &["read-only", disk]),
        }
        if ask.is_proxy() {
            line.extend(["python3", "ask.py", "--"].map(str::to_owned));
        }
        line.push(binary("wheeltap").to_str().expect("UTF-8").to_owned());
        line.extend(ask.args.iter().cloned());
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).current_dir(self.scene.path("")).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C");
        command.env("HOME", self.scene.path("home"));
        command.env("WHEELTAP_TRUST", "trust.toml").env("WHEELTAP_STATE", "state");
        command
    }
}

/// Temporary files and directories below a directory.
pub(super) fn left_in(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(".tmp-") || name.starts_with("run-") {
            found.push(entry.path().display().to_string());
        } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(left_in(&entry.path()));
        }
    }
    found
}
