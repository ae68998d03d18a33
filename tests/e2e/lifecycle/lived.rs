//! The story of a log that has lived: policies that were changed, keys that ended, files that
//! were taken back.

use log_client::offline_index;
use log_core::artifact::{ProjectName, Version};
use log_io::clock;
use log_io::fetch::{FetchError, Http};
use serde_json::Value;

use super::{envelope, kind, next_second, verify};
use crate::harness::{Scene, Server};

/// The scene after the story, with the log running.
pub(crate) struct Lived {
    pub(crate) scene: Scene,
    pub(crate) server: Server,
    /// A wheel, its metadata and its sdist.
    pub(super) packages: Vec<String>,
}

impl Lived {
    /// Tells the story.
    pub(crate) fn new() -> Self {
        let scene = Scene::empty();
        for name in ["root", "root2", "root3", "team", "second", "old", "other", "mallory"] {
            scene.ok("wheeltap", &["keygen", &format!("{name}.example"), &format!("{name}.key")]);
        }
        let init = ["init", "--dir", "log", "--origin", "log.example", "--root", "root.key.pub"];
        let log_key = scene.ok("wheeltap-log", &init);
        scene.write("log.pub", log_key.as_bytes());
        let mut init = vec!["policy", "init", "--log-key", "log.pub", "--root", "root.key.pub"];
        init.extend(["--publisher", "team.key.pub", "nova", "--may-withdraw", "team.key.pub"]);
        init.extend(["--publisher", "other.key.pub", "glance", "--out", "policy-1.json"]);
        scene.ok("wheeltap", &init);
        scene.ok("wheeltap", &["policy", "sign", "--key", "root.key", "policy-1.json"]);
        let server = scene.serve("log");
        scene.trust(&server.url);
        scene.ok("wheeltap", &["policy", "submit", "policy-1.json"]);

        let mut lived = Self { scene, server, packages: Vec::new() };
        lived.release_of_real_packages();
        lived.ends_of_keys();
        lived.rotated_roots();
        lived.a_policy_that_waits();
        lived
    }

    /// A wheel with its metadata; another file later; a release that is taken back.
    fn release_of_real_packages(&mut self) {
        let scene = &self.scene;
        let project = ProjectName::parse("nova").expect("a name");
        for package in offline_index::build(&project, &Version::parse("1.0").expect("1.0")).expect("built") {
            self.packages.push(scene.write(&format!("dist/{}", package.name), &package.bytes));
            if let Some(metadata) = &package.metadata {
                self.packages.push(scene.write(&format!("dist/{}.metadata", package.name), metadata));
            }
        }
        let files: Vec<&str> =
            self.packages.iter().map(String::as_str).filter(|name| !name.ends_with(".metadata")).collect();
        let (wheels, sdists): (Vec<&str>, Vec<&str>) = files.iter().partition(|name| name.contains("-none-"));
        let (wheel, sdist) = (wheels[0], sdists[0]);
        let source = ["--source-repository", "https://example.org/nova", "--source-commit"];
        let commit = "0123456789abcdef".repeat(3)[..40].to_owned();
        let append = |file, more: &[&str]| {
            let args = ["append", "--key", "team.key", "--project", "nova", "--version", "1.0", file];
            self.scene.run("wheeltap", &[&args[..], more].concat())
        };
        let first = append(sdist, &[&source[..], &[commit.as_str()]].concat());
        assert_eq!(first.code, Some(0), "{first:?}");
        // The wheel alone would leave the sdist out.
        let alone = append(wheel, &[]);
        assert_eq!(alone.code, Some(1), "{alone:?}");
        assert!(alone.stderr.contains("has further files of this version: nova-1.0.tar.gz"), "{alone:?}");
        assert!(alone.stderr.contains("--with-logged"), "{alone:?}");
        let both = append(wheel, &["--with-logged"]);
        assert_eq!(both.code, Some(0), "{both:?}");
        // Each of the two jobs may run again.
        for (again, entry) in [
            (append(sdist, &[&source[..], &[commit.as_str()]].concat()), 2),
            (append(wheel, &["--with-logged"]), 4),
        ] {
            assert_eq!(again.code, Some(0), "{again:?}");
            assert!(again.stderr.contains(&format!("nova 1.0 was already entry {entry}")), "{again:?}");
        }

        scene.append("1.1");
        let withdraw = |key, more: &[&str]| {
            let args = ["withdraw", "--key", key, "--project", "nova", "--version", "1.1"];
            let why = ["--reason", "compromised", "--text", "the build host was taken over"];
            scene.run("wheeltap", &[&args[..], &why[..], more].concat())
        };
        let alone = withdraw("team.key", &["--all"]);
        assert_eq!(alone.code, Some(2), "nobody confirms: {alone:?}");
        let stranger = withdraw("mallory.key", &["--all", "--yes"]);
        assert_eq!(stranger.code, Some(1), "{stranger:?}");
        assert!(stranger.stderr.contains("knows no such key"), "{stranger:?}");
        let unknown = withdraw("team.key", &["--yes", "nova-1.1-py3-none-any.whl"]);
        assert_eq!(unknown.code, Some(10), "{unknown:?}");
        for says in ["is entry", "was already entry"] {
            let done = withdraw("team.key", &["--all", "--yes"]);
            assert_eq!(done.code, Some(0), "{done:?}");
            assert!(done.stderr.contains(says), "{done:?}");
        }
        // It cannot be released again.
        let again = scene.sdist("1.1", "official bytes");
        let zip = scene.write("dist/nova-1.1.zip", b"another file of the version");
        let args = ["append", "--key", "team.key", "--project", "nova", "--version", "1.1", &again, &zip];
        let again = scene.run("wheeltap", &args);
        assert_eq!(again.code, Some(14), "{again:?}");
        assert!(again.stderr.contains("was withdrawn by entry 8 (compromised)"), "{again:?}");
        std::fs::remove_file(scene.path(&zip)).expect("removed");
        let glance = scene.write("dist/glance-1.0.tar.gz", b"official bytes");
        let args = ["append", "--key", "other.key", "--project", "glance", "--version", "1.0", &glance];
        scene.ok("wheeltap", &args);
    }

    /// A key that is retired, and one that was stolen.
    fn ends_of_keys(&self) {
        let scene = &self.scene;
        let keys =
            ["--add-key", "team.example", "old.key.pub", "--add-key", "team.example", "second.key.pub"];
        self.change(2, &keys, &["root.key"]);
        let stolen_at = clock::now();
        self.release("old.key", "2.0", 0);
        self.release("second.key", "3.0", 0);
        self.release("second.key", "4.0", 0);
        // What is signed in the very second in which a key ends is signed too late.
        next_second();
        let ends = self.change(3, &["--end-key", "old.key.pub"], &["root.key"]);
        assert!(ends.contains("is retired at"), "{ends}");
        // A release job with a retired key may run again, and not make anything new.
        self.release("old.key", "2.0", 0);
        let refused = self.release("old.key", "2.1", 1);
        assert!(refused.contains("does not count at the log's time"), "{refused}");
        std::fs::remove_file(scene.path("dist/nova-2.1.tar.gz")).expect("removed");

        self.verify("dist/nova-4.0.tar.gz", 0, "verified");
        let at = stolen_at.to_string();
        let ends = self.change(4, &["--end-key", "second.key.pub", "--at", &at], &["root.key"]);
        assert!(ends.contains("revoked from"), "{ends}");
        self.verify("dist/nova-3.0.tar.gz", 11, "revoked-key");
        self.verify("dist/nova-4.0.tar.gz", 11, "revoked-key");
        // The same statement, signed once more by another key, is an entry of its own.
        let again = self.release("team.key", "4.0", 0);
        assert!(again.contains("nova 4.0 is entry"), "{again}");
        self.verify("dist/nova-4.0.tar.gz", 0, "verified");
    }

    /// New roots, and more of them; the old one has nothing to say any more.
    fn rotated_roots(&self) {
        let scene = &self.scene;
        let rotate = ["--add-root", "root2.key.pub", "--add-root", "root3.key.pub", "--remove-root"];
        let rotate = [&rotate[..], &["root.example", "--threshold", "2"]].concat();
        let out = self.edit(5, &rotate);
        let sign = |key, code| {
            let ended = scene.run("wheeltap", &["policy", "sign", "--key", key, &out, "--yes"]);
            assert_eq!(ended.code, Some(code), "{ended:?}");
            ended.stderr
        };
        assert!(sign("mallory.key", 2).contains("root key neither of this policy nor of the one"));
        let said = sign("root2.key", 0);
        assert!(said.contains("0 of 1 of the replaced policy's roots, 1 of 2 of its own"), "{said}");
        let submit = || scene.run("wheeltap", &["policy", "submit", &out]);
        assert!(submit().stderr.contains("0 of the 1 signatures it needs of the replaced policy's"));
        let said = sign("root.key", 0);
        assert!(said.contains("1 of 1 of the replaced policy's roots, 1 of 2 of its own"), "{said}");
        let early = submit();
        assert_eq!(early.code, Some(1), "{early:?}");
        assert!(early.stderr.contains("1 of the 2 signatures it needs of its own"), "{early:?}");
        assert!(sign("root3.key", 0).contains("2 of 2 of its own"));
        assert_eq!(submit().code, Some(0));

        // The old root alone, even for a policy that would bring it back.
        let back = ["--add-root", "root.key.pub", "--threshold", "1"];
        let out = self.edit(6, &back);
        scene.ok("wheeltap", &["policy", "sign", "--key", "root.key", &out, "--yes"]);
        let ended = scene.run("wheeltap", &["policy", "submit", &out]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(
            ended.stderr.contains("0 of the 2 signatures it needs of the replaced policy's"),
            "{ended:?}"
        );
        // Nor does the log take it from somebody who does not ask first.
        let problem = self.post(&envelope(scene, &out)).expect_err("a refusal");
        assert_eq!(kind(&problem), "too-few-root-signatures");
        std::fs::remove_file(scene.path(&out)).expect("removed");
        self.change(6, &["--cool-down", "3"], &["root2.key", "root3.key"]);
    }

    /// Somebody has stolen the roots; the others stop that in time.
    fn a_policy_that_waits(&self) {
        let scene = &self.scene;
        let stolen = ["--add-publisher", "mallory.key.pub", "*"];
        let printed = self.change(7, &stolen, &["root2.key", "root3.key"]);
        assert!(printed.contains("it waits for 3s"), "{printed}");
        let refused = self.release("mallory.key", "6.0", 1);
        assert!(refused.contains("knows no such key"), "{refused}");
        // Made from the policy in force, not from the one that waits.
        let leave = ["--in-force", "--leave", "glance<2"];
        let printed = self.change(8, &leave, &["root2.key", "root3.key"]);
        assert!(printed.contains("version 7 (entry") && printed.contains("is cancelled"), "{printed}");
        let show = || scene.ok("wheeltap", &["policy", "show", "--all"]);
        let shown = show();
        assert!(shown.contains("version 7  entry") && shown.contains("cancelled by entry"), "{shown}");
        assert!(shown.contains("waits until"), "{shown}");
        let in_force =
            || show().lines().any(|line| line.starts_with("version 8 ") && line.ends_with("in force"));
        let waited = (0..300).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(200));
            in_force()
        });
        assert!(waited, "version 8 is not in force: {}", show());
        let refused = self.release("mallory.key", "6.0", 1);
        assert!(refused.contains("knows no such key"), "{refused}");
        std::fs::remove_file(scene.path("dist/nova-6.0.tar.gz")).expect("removed");
        // Files that nobody logged.
        scene.sdist("9.9", "an intruder's bytes");
        scene.write("dist/glance-2.0.tar.gz", b"somebody else's bytes");
        scene.write("other/nova-1.0.tar.gz", b"an intruder's bytes");
    }

    /// Makes, signs and submits the next version; gives what was said.
    pub(super) fn change(&self, version: u64, edit: &[&str], keys: &[&str]) -> String {
        let out = format!("policy-{version}.json");
        let args = [&["policy", "edit", "--from-log", "--out", &out], edit].concat();
        let mut said = self.run_ok(&args);
        for key in keys {
            said += &self.run_ok(&["policy", "sign", "--key", key, &out, "--yes"]);
        }
        said + &self.run_ok(&["policy", "submit", &out])
    }

    pub(super) fn edit(&self, version: u64, edit: &[&str]) -> String {
        let out = format!("policy-{version}.json");
        self.run_ok(&[&["policy", "edit", "--from-log", "--out", &out], edit].concat());
        out
    }

    pub(super) fn run_ok(&self, args: &[&str]) -> String {
        let ended = self.scene.run("wheeltap", args);
        assert_eq!(ended.code, Some(0), "{args:?}: {ended:?}");
        ended.stdout + &ended.stderr
    }

    /// Appends `nova` in a version; gives what was said.
    pub(super) fn release(&self, key: &str, version: &str, code: i32) -> String {
        let file = self.scene.sdist(version, "official bytes");
        let args = ["append", "--key", key, "--project", "nova", "--version", version, &file];
        let ended = self.scene.run("wheeltap", &args);
        assert_eq!(ended.code, Some(code), "{args:?}: {ended:?}");
        ended.stderr
    }

    pub(super) fn verify(&self, file: &str, code: i32, verdict: &str) -> Value {
        verify(&self.scene, &[file], code, verdict)
    }

    /// Sends an envelope as anybody can.
    pub(super) fn post(&self, envelope: &[u8]) -> Result<Vec<u8>, FetchError> {
        let http = Http::new("test").expect("a client");
        let url = format!("{}api/v1/statements", self.server.url);
        let sent = http.post(&url, envelope.to_vec(), 1 << 24);
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(sent).map(|(_, answer)| answer)
    }
}
