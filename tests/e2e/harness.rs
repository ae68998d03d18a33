//! What the tests stand on: the binaries, a directory with keys and a log, and
//! servers that are ended when the test ends.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::LazyLock;
use std::thread::{self, JoinHandle};

use log_core::key::VerifierKey;
use log_core::policy::Roots;
use log_io::trust_file::TrustedLog;
use tempfile::TempDir;

/// Where the binaries are. They are built here, since `cargo test` of this package
/// alone does not build those of other packages.
static BINARIES: LazyLock<PathBuf> = LazyLock::new(|| {
    let own = std::env::current_exe().expect("this program has a path");
    // target/<profile>/deps/e2e-…
    let profile = own.parent().and_then(Path::parent).expect("a target directory").to_owned();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--workspace", "--bins"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.arg("--target-dir").arg(profile.parent().expect("a target directory"));
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().expect("cargo runs").success(), "the binaries build");
    profile
});

/// A directory in which commands run.
pub(crate) struct Scene {
    directory: TempDir,
}

/// A running `wheeltap-log serve`, or another server.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    /// Where metrics and health are.
    pub(crate) private: String,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Says that a test needs something that is not there; `true` to skip it.
pub(crate) fn missing(what: &str, there: bool) -> bool {
    if there {
        return false;
    }
    let required = std::env::var("WHEELTAP_REQUIRE").is_ok_and(|value| value == "all");
    assert!(!required, "WHEELTAP_REQUIRE=all, but {what} is missing");
    // Not `eprintln!`, whose output the test runner hides when a test passes.
    writeln!(std::io::stderr(), "SKIPPED: {what} is missing").expect("stderr");
    true
}

/// Whether a program can be run.
pub(crate) fn has(program: &str, version: &str) -> bool {
    let status = Command::new(program).arg(version).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// A port of this machine that nobody uses now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

pub(crate) fn binary(name: &str) -> PathBuf {
    BINARIES.join(name)
}

impl Scene {
    pub(crate) fn empty() -> Self {
        Self { directory: tempfile::tempdir().expect("a directory") }
    }

    /// Keys `root.key` and `team.key`, and a log in `log` whose policy lets `team`
    /// publish `nova`; the policy is signed and not submitted yet.
    pub(crate) fn with_log() -> Self {
        let scene = Self::empty();
        for name in ["root", "team", "mallory"] {
            scene.ok("wheeltap", &["keygen", &format!("{name}.example"), &format!("{name}.key")]);
        }
        let key = scene.ok(
            "wheeltap-log",
            &["init", "--dir", "log", "--origin", "log.example", "--root", "root.key.pub"],
        );
        scene.write("log.pub", key.as_bytes());
        let policy = [
            "policy",
            "init",
            "--log-key",
            "log.pub",
            "--root",
            "root.key.pub",
            "--publisher",
            "team.key.pub",
            "nova",
            "--cover",
            "*",
            "--out",
            "policy.json",
        ];
        scene.ok("wheeltap", &policy);
        scene.ok("wheeltap", &["policy", "sign", "--key", "root.key", "policy.json"]);
        scene
    }

    /// The same with the log running and the policy submitted.
    pub(crate) fn with_server() -> (Self, Server) {
        let scene = Self::with_log();
        let server = scene.serve("log");
        scene.trust(&server.url);
        scene.ok("wheeltap", &["policy", "submit", "policy.json"]);
        (scene, server)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, bytes).expect("written");
        name.to_owned()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file")
    }

    /// Writes `trust.toml` for the log at `url`, which need not be there yet.
    pub(crate) fn trust(&self, url: &str) {
        self.write("trust.toml", self.trust_text(url, "log.pub", "root.key.pub").as_bytes());
    }

    /// The text of a trust file for a log with this key and one root key, from files.
    pub(crate) fn trust_text(&self, url: &str, log: &str, root: &str) -> String {
        let key = |file: &str| VerifierKey::parse(self.read(file).trim_end()).expect("a public key");
        let roots = Roots::new(1, vec![key(root)]).expect("a root");
        TrustedLog::to_text(url, &key(log), &roots).expect("a text")
    }

    /// Logs `nova` in a version; the file is `dist/nova-<version>.tar.gz`.
    pub(crate) fn append(&self, version: &str) -> String {
        let file = self.sdist(version, "official bytes");
        self.ok(
            "wheeltap",
            &["append", "--key", "team.key", "--project", "nova", "--version", version, &file],
        );
        file
    }

    pub(crate) fn sdist(&self, version: &str, content: &str) -> String {
        self.write(&format!("dist/nova-{version}.tar.gz"), format!("{content} of {version}").as_bytes())
    }

    /// Runs a command that must succeed; gives its stdout.
    pub(crate) fn ok(&self, program: &str, args: &[&str]) -> String {
        let ended = self.run(program, args);
        assert_eq!(ended.code, Some(0), "{program} {args:?}: {ended:?}");
        ended.stdout
    }

    pub(crate) fn run(&self, program: &str, args: &[&str]) -> Ended {
        Ended::from(self.command(program, args).output().expect("it runs"))
    }

    pub(crate) fn command(&self, program: &str, args: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(binary(program));
        command
            .args(args)
            .current_dir(self.directory.path())
            .env("WHEELTAP_TRUST", "trust.toml")
            .env("WHEELTAP_STATE", "state")
            .env_remove("WHEELTAP_LOG_FILTER")
            .stdin(Stdio::null());
        command
    }

    /// Serves the log in the directory `log` on a free port.
    pub(crate) fn serve(&self, log: &str) -> Server {
        self.serve_on(log, 0)
    }

    pub(crate) fn serve_on(&self, log: &str, port: u16) -> Server {
        let listen = format!("127.0.0.1:{port}");
        let args = ["serve", "--dir", log, "--listen", &listen, "--private-listen", "127.0.0.1:0"];
        let (child, addresses) = start(&mut self.command("wheeltap-log", &args), 2);
        let [url, private] = <[String; 2]>::try_from(addresses).expect("two addresses");
        Server { child, url, private }
    }

    /// A proxy in front of an index, with a cache and a state of its own in `directory`.
    pub(crate) fn proxy(&self, directory: &str, upstream: &str, more: &[&str]) -> Server {
        let (state, cache) = (format!("{directory}/state"), format!("{directory}/cache"));
        let args = ["proxy", "--listen", "127.0.0.1:0", "--upstream", upstream];
        let args = [&args[..], &["--state", &state, "--cache", &cache], more].concat();
        let (child, addresses) = start(&mut self.command("wheeltap", &args), 1);
        let url = addresses.into_iter().next().expect("an address");
        Server { child, url, private: String::new() }
    }
}

/// Starts a server that prints its addresses first, each at the end of a line.
fn start(command: &mut Command, addresses: usize) -> (Child, Vec<String>) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let stderr = drain(child.stderr.take().expect("a pipe"));
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let printed: Vec<String> = lines
        .by_ref()
        .take(addresses)
        .filter_map(|line| Some(line.expect("readable").rsplit_once(' ')?.1.to_owned()))
        .collect();
    if printed.len() < addresses {
        child.wait().expect("it ended");
        panic!("it did not start: {}", stderr.join().expect("read"));
    }
    thread::spawn(move || lines.count());
    (child, printed)
}

/// Reads what a process writes, so that it never waits for a full pipe.
fn drain(mut pipe: ChildStderr) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("readable");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

impl Server {
    /// Any other server that is ready when its port answers.
    pub(crate) fn spawn(command: &mut Command, port: u16) -> Self {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let server = Self { child, url: format!("http://127.0.0.1:{port}/"), private: String::new() };
        for _ in 0..1_200 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return server;
            }
            thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("the server does not answer on port {port}");
    }

    /// kill -9.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// SIGTERM; gives the exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let status = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill runs");
        assert!(status.success());
        for _ in 0..1_200 {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status.code();
            }
            thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("it does not end");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}
