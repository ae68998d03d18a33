//! A log in a directory, an index on loopback, and the binary between them.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use log_core::artifact::{FileName, ProjectName, Version};
use log_core::bundle::push_entry;
use log_core::checkpoint::Checkpoint;
use log_core::commitment::IndexCommitment;
use log_core::dsse::Envelope;
use log_core::edge::Edge;
use log_core::entry::{IndexKey, SignedStatement};
use log_core::hash::{Hash, digest, leaf_hash};
use log_core::index::VerifiableIndex;
use log_core::key::{KeyName, SignerKey};
use log_core::policy::{Coverage, Pattern, Policy, Publisher, PublisherKey, Roots};
use log_core::statement::{PolicyStatement, Release, ReleaseFile};
use log_core::tile::{Level, TileId};
use log_io::trust_file::TrustedLog;

/// The time of the log.
const TIME: u64 = 1_760_000_000;

/// Project, version and files of a release.
pub(crate) type Logged<'a> = (&'a str, &'a str, &'a [&'a str]);

pub(crate) struct World {
    directory: tempfile::TempDir,
    index: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

/// How a run ended.
pub(crate) struct Run {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// What the index answers.
#[derive(Clone)]
pub(crate) struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    pub(crate) fn status(status: u16, body: &str) -> Self {
        Self { status, body: body.to_owned() }
    }
}

/// The page of a project; files as name and bytes.
pub(crate) fn page(project: &str, files: &[(&str, &str)]) -> Answer {
    let file = |(name, bytes): &(&str, &str)| serde_json::json!({"filename": name, "hashes": {"sha256": sha256(bytes).to_hex()}});
    let files: Vec<_> = files.iter().map(file).collect();
    let page = serde_json::json!({"meta": {"api-version": "1.1"}, "name": project, "files": files});
    Answer::status(200, &page.to_string())
}

pub(crate) fn sha256(bytes: &str) -> Hash {
    digest(&[bytes.as_bytes()])
}

impl World {
    /// A log of these releases (the bytes of a file are its name), and an index
    /// with these pages; any other is 404.
    pub(crate) fn new(releases: &[Logged<'_>], pages: &[(&str, Answer)]) -> Self {
        Self::with_late_releases(releases, &[], pages)
    }

    /// As `new`; the log has further releases from the first request on that
    /// reaches the index.
    pub(crate) fn with_late_releases(
        releases: &[Logged<'_>],
        late: &[Logged<'_>],
        pages: &[(&str, Answer)],
    ) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let index = listener.local_addr().expect("an address");
        let pages: HashMap<String, Answer> =
            pages.iter().map(|(project, answer)| (format!("/simple/{project}/"), answer.clone())).collect();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let batches: Vec<Vec<Release>> =
            [releases, late].map(|batch| batch.iter().map(release).collect()).into();
        let path = directory.path().to_owned();
        write_log(&path, &batches[..1]);

        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if !batches[1].is_empty() {
                    write_log(&path, &batches);
                }
                let _ = serve(&stream.expect("a connection"), &pages, &seen);
            }
        });
        Self { directory, index, requests }
    }

    pub(crate) fn audit(&self, arguments: &[&str]) -> Run {
        let path = self.directory.path();
        let mut command = Command::new(env!("CARGO_BIN_EXE_wheeltap-witness"));
        command.args(["audit", "--trust"]).arg(path.join("trust.toml"));
        command.arg("--state").arg(path.join("state")).args(arguments);
        if !arguments.contains(&"--index-url") {
            command.args(["--index-url", &self.index_url()]);
        }
        command.env_clear().env("NO_PROXY", "127.0.0.1");
        let output = command.output().expect("the binary runs");
        Run {
            exit: output.status.code().expect("an exit code"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    pub(crate) fn index_url(&self) -> String {
        format!("http://{}/simple/", self.index)
    }

    /// The paths that the index was asked for.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("a lock").clone()
    }

    /// A file of the log.
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.directory.path().join("log").join(path)).expect("a file")
    }

    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        write(&self.directory.path().join("log").join(path), bytes.as_ref());
    }
}

/// Entry 0 is the policy; then for each batch its releases and the commitment.
fn write_log(directory: &Path, batches: &[Vec<Release>]) {
    let (log, root, team) = (key("log.example"), key("root"), key("team"));
    let roots = Roots::new(1, vec![root.public().clone()]).expect("one root");
    let policy = PolicyStatement::new(log.public(), policy(roots.clone(), &team));

    let mut index = VerifiableIndex::default();
    let mut entries: Vec<Vec<u8>> = Vec::new();
    let mut add = |entries: &mut Vec<Vec<u8>>, statement: &SignedStatement| {
        index.add(entries.len() as u64, statement.index_keys().iter().map(IndexKey::hash));
        entries.push(statement.envelope.to_canonical());
        index.root()
    };
    let mut index_root = add(&mut entries, &signed(policy.to_payload(), &root));
    let mut first = 0;
    for batch in batches {
        for release in batch {
            index_root = add(&mut entries, &signed(release.to_payload(), &team));
        }
        let commitment = IndexCommitment { size: entries.len() as u64, root: index_root, time: TIME, first };
        entries.push(commitment.to_string().into_bytes());
        first = entries.len() as u64;
    }

    let (mut edge, mut bundle) = (Edge::new(), Vec::new());
    for entry in &entries {
        edge.push(leaf_hash(entry));
        push_entry(&mut bundle, entry);
    }
    let files = directory.join("log");
    let id = TileId::in_tree(Level::Entries, 0, edge.size()).expect("a bundle");
    write(&files.join(id.path()), &bundle);
    for (id, hashes) in edge.partial_tiles() {
        let bytes: Vec<u8> = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
        write(&files.join(id.path()), &bytes);
    }
    let origin = log.public().name().to_string();
    let checkpoint = Checkpoint { origin, size: edge.size(), root: edge.root(), extensions: Vec::new() };
    write(&files.join("checkpoint"), checkpoint.sign(&log).to_string().as_bytes());
    let url = format!("file://{}", files.display());
    let trust = TrustedLog::to_text(&url, log.public(), &roots).expect("a trust file");
    write(&directory.join("trust.toml"), trust.as_bytes());
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    fs::write(path, bytes).expect("a file");
}

/// Covered are glance, nova and oslo-*; the team may also publish other projects.
fn policy(roots: Roots, team: &SignerKey) -> Policy {
    let pattern = |text: &str| Pattern::parse(text).expect("a pattern");
    let coverage = |text| Coverage::all(pattern(text));
    let keys = vec![PublisherKey::always(team.public().clone())];
    let publisher = Publisher { name: "team".into(), keys, projects: vec![pattern("*")], withdraw: true };
    Policy {
        version: 1,
        roots,
        cool_down: 0,
        publishers: vec![publisher],
        projects: ["glance", "nova", "oslo-*"].map(coverage).into(),
    }
}

fn release((project, version, files): &Logged<'_>) -> Release {
    let file = |name: &&str| ReleaseFile {
        name: FileName::parse(name).expect("a file name"),
        sha256: sha256(name),
        size: None,
    };
    Release {
        project: ProjectName::parse(project).expect("a name"),
        version: Version::parse(version).expect("a version"),
        files: files.iter().map(file).collect(),
        source: None,
    }
}

fn key(name: &str) -> SignerKey {
    SignerKey::from_seed(KeyName::parse(name).expect("a name"), sha256(name).as_bytes())
}

fn signed(payload: Vec<u8>, key: &SignerKey) -> SignedStatement {
    let mut envelope = Envelope::unsigned(payload);
    envelope.sign(key);
    SignedStatement::new(envelope).expect("a statement")
}

/// Answers one request.
fn serve(
    mut stream: &TcpStream,
    pages: &HashMap<String, Answer>,
    seen: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let lines: Vec<String> =
        BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let path = lines.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
    let accepts =
        lines.iter().any(|line| line.eq_ignore_ascii_case("accept: application/vnd.pypi.simple.v1+json"));
    let none = Answer::status(if accepts { 404 } else { 406 }, "");
    let answer = pages.get(&path).filter(|_| accepts).unwrap_or(&none);
    seen.lock().expect("a lock").push(path);
    write!(
        stream,
        "HTTP/1.1 {} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
        answer.status,
        answer.body.len(),
        answer.body
    )
}
