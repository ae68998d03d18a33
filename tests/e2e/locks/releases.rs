//! A log with releases, and lock files of every kind that name them.

use log_client::offline_index::{self, Package};
use log_core::artifact::{ProjectName, Version};
use serde_json::{Value, json};

use crate::harness::{Ended, Scene, Server};

/// A log that has nova 1.0, and nova 1.1 that was taken back. It covers nova alone.
pub(super) struct Releases {
    pub(super) scene: Scene,
    pub(super) server: Option<Server>,
    pub(super) good: Vec<Package>,
}

/// A file of a lock: its name, its URL and its hash.
pub(super) type Locked = (String, String, String);

/// The kinds of lock file, by the names of their files.
pub(super) const KINDS: [&str; 7] =
    ["requirements.txt", "uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock", "report.json"];

pub(super) const FILES: &str = "https://files.pythonhosted.org/packages/aa/bb/cc";

impl Releases {
    pub(super) fn new() -> Self {
        let scene = Scene::empty();
        for name in ["root", "team"] {
            scene.ok("wheeltap", &["keygen", &format!("{name}.example"), &format!("{name}.key")]);
        }
        let init = ["init", "--dir", "log", "--origin", "log.example", "--root", "root.key.pub"];
        scene.write("log.pub", scene.ok("wheeltap-log", &init).as_bytes());
        let mut init = vec!["policy", "init", "--log-key", "log.pub", "--root", "root.key.pub"];
        init.extend(["--publisher", "team.key.pub", "nova", "--may-withdraw", "team.key.pub"]);
        init.extend(["--cover", "nova", "--out", "policy.json"]);
        scene.ok("wheeltap", &init);
        scene.ok("wheeltap", &["policy", "sign", "--key", "root.key", "policy.json"]);
        let server = scene.serve("log");
        scene.trust(&server.url);
        scene.ok("wheeltap", &["policy", "submit", "policy.json"]);
        let mut good = Vec::new();
        for version in ["1.0", "1.1"] {
            let packages = packages(version);
            let write = |package: &Package| scene.write(&format!("dist/{}", package.name), &package.bytes);
            let files: Vec<String> = packages.iter().map(write).collect();
            let append = ["append", "--key", "team.key", "--project", "nova", "--version", version];
            let files: Vec<&str> = files.iter().map(String::as_str).collect();
            scene.ok("wheeltap", &[&append[..], &files].concat());
            if version == "1.0" {
                good = packages;
            }
        }
        let withdraw = ["withdraw", "--key", "team.key", "--project", "nova", "--version", "1.1", "--all"];
        let why = ["--reason", "compromised", "--text", "the build host was taken over", "--yes"];
        scene.ok("wheeltap", &[&withdraw[..], &why].concat());
        Self { scene, server: Some(server), good }
    }

    pub(super) fn verify(&self, args: &[&str]) -> (Ended, Value) {
        let ended = self.scene.run("wheeltap", &[&["verify", "--format", "json"], args].concat());
        let json = serde_json::from_str(&ended.stdout).unwrap_or(Value::Null);
        (ended, json)
    }

    /// Writes the lock file of a kind, and gives the verdict on its first entry.
    pub(super) fn verdict(
        &self,
        kind: &str,
        project: &str,
        version: &str,
        files: &[Locked],
    ) -> (i32, String) {
        self.scene.write(kind, lock(kind, project, version, files).as_bytes());
        let (ended, json) = self.verify(&[option(kind), kind]);
        let entry = &json["locks"][0]["entries"][0];
        let code = ended.code.expect("an exit code");
        assert_eq!(entry["exit_code"], code, "{kind}: {ended:?}");
        (code, entry["verdict"].as_str().unwrap_or_else(|| panic!("{kind}: {ended:?}")).to_owned())
    }

    pub(super) fn locked(&self) -> Vec<Locked> {
        self.good.iter().map(locked).collect()
    }
}

pub(super) fn packages(version: &str) -> Vec<Package> {
    let project = ProjectName::parse("nova").expect("a name");
    offline_index::build(&project, &Version::parse(version).expect("a version")).expect("built")
}

pub(super) fn locked(package: &Package) -> Locked {
    let name = package.name.to_string();
    (name.clone(), format!("{FILES}/{name}"), format!("sha256:{}", package.sha256.to_hex()))
}

pub(super) fn option(kind: &str) -> &'static str {
    match kind {
        "requirements.txt" => "-r",
        "report.json" => "--report",
        _ => "--lock",
    }
}

/// A lock file with one entry, in the shape that the tool writes.
pub(super) fn lock(kind: &str, project: &str, version: &str, files: &[Locked]) -> String {
    let each = |one: &dyn Fn(&Locked) -> String, between: &str| {
        files.iter().map(one).collect::<Vec<_>>().join(between)
    };
    let package = format!("[[package]]\nname = \"{project}\"\nversion = \"{version}\"\n");
    let split = |hash: &str| hash.split_once(':').map(|(name, hex)| (name.to_owned(), hex.to_owned()));
    match kind {
        "requirements.txt" => {
            let hashes = each(&|(.., hash)| format!(" \\\n    --hash={hash}"), "");
            format!("{project}==={version}{hashes}\n")
        }
        "uv.lock" => {
            let one = |(_, url, hash): &Locked| format!("{{ url = \"{url}\", hash = \"{hash}\" }}");
            let source = "source = { registry = \"https://pypi.org/simple\" }";
            format!(
                "version = 1\nrequires-python = \">=3.9\"\n\n{package}{source}\nwheels = [{}]\n",
                each(&one, ", ")
            )
        }
        "poetry.lock" | "pdm.lock" => {
            let one = |(name, _, hash): &Locked| format!("{{file = \"{name}\", hash = \"{hash}\"}}");
            let metadata = match kind {
                "pdm.lock" => "lock_version = \"4.5.0\"",
                _ => "lock-version = \"2.1\"",
            };
            format!("{package}files = [{}]\n\n[metadata]\n{metadata}\n", each(&one, ", "))
        }
        "pylock.toml" => {
            let one = |(name, url, hash): &Locked| {
                let (algorithm, hex) = split(hash).expect("a hash");
                format!("{{ name = \"{name}\", url = \"{url}\", hashes = {{ {algorithm} = \"{hex}\" }} }}")
            };
            let package = package.replace("[[package]]", "[[packages]]");
            let index = "index = \"https://pypi.org/simple\"";
            format!(
                "lock-version = \"1.0\"\ncreated-by = \"x\"\n{package}{index}\nwheels = [{}]\n",
                each(&one, ", ")
            )
        }
        "Pipfile.lock" => {
            let hashes: Vec<&str> = files.iter().map(|(.., hash)| hash.as_str()).collect();
            let entry = json!({"version": format!("=={version}"), "hashes": hashes, "index": "pypi"});
            let sources = json!([{"name": "pypi", "url": "https://pypi.org/simple", "verify_ssl": true}]);
            json!({"_meta": {"pipfile-spec": 6, "sources": sources}, "default": {project: entry}, "develop": {}})
                .to_string()
        }
        "report.json" => {
            // A plan has one file for each project; the others follow.
            let one = |(_, url, hash): &Locked| {
                let (algorithm, hex) = split(hash).expect("a hash");
                json!({
                    "download_info": {"url": url, "archive_info": {"hashes": {algorithm: hex}}},
                    "is_direct": false, "metadata": {"name": project, "version": version},
                })
            };
            let install: Vec<Value> = files.iter().rev().map(one).collect();
            json!({"version": "1", "install": install, "environment": {}}).to_string()
        }
        other => panic!("{other}"),
    }
}
