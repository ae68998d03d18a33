//! A package index that misbehaves, one way for each path below it.
//!
//! `<url>/<case>/simple/<project>/` is a page of a [`Shelf`], in Simple JSON; files are
//! where `PyPI` has them, below `<url>/<case>/packages/`. Whatever a page says of a file
//! (digests, metadata, status) is a field, so that each may be a lie.
//!
//! Left out: HTML pages and other servers' habits, which real servers bring
//! (`clients/servers.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use log_client::offline_index::Package;
use log_core::hash::digest;
use serde_json::{Value, json};

/// That installers may keep what they got, as `PyPI` says of files. pip wants a date, too.
const KEEP: &str = "date: Thu, 01 Jan 2026 00:00:00 GMT\r\ncache-control: max-age=365000000, immutable\r\n";

/// All pages of one case, by project.
pub(crate) type Shelf = BTreeMap<String, Page>;

/// What an index answers about a project.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// 200, or what the page fails with.
    pub(crate) status: u16,
    pub(crate) api_version: &'static str,
    /// `project-status` and its reason (PEP 792).
    pub(crate) project_status: Option<(&'static str, &'static str)>,
    pub(crate) files: Vec<Listed>,
}

/// A file and what the page says about it; it is an honest one until it is changed.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) name: String,
    /// The name that its URL ends in, when that is another one.
    pub(crate) link: Option<String>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) hashes: BTreeMap<&'static str, String>,
    /// `#sha256=…` at the end of the URL.
    pub(crate) fragment: Option<String>,
    /// The digest that the page gives of the metadata.
    pub(crate) metadata_sha256: Option<String>,
    /// What is served as metadata.
    pub(crate) metadata: Option<Vec<u8>>,
    pub(crate) yanked: Option<&'static str>,
    /// 200, or what the file fails with.
    pub(crate) status: u16,
    /// The connection ends in the middle, each time.
    pub(crate) truncated: bool,
    /// Its length is not said: it is over when the connection ends.
    pub(crate) lengthless: bool,
}

/// The running index; it serves until the process ends.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    url: String,
    shelves: Arc<Mutex<BTreeMap<String, Arc<Shelf>>>>,
}

impl Page {
    pub(crate) fn new(files: Vec<Listed>) -> Self {
        Self { status: 200, api_version: "1.1", project_status: None, files }
    }

    /// A file by the end of its name.
    pub(crate) fn file(&mut self, end: &str) -> &mut Listed {
        self.files.iter_mut().find(|file| file.name.ends_with(end)).expect("a file on the page")
    }
}

impl Listed {
    pub(crate) fn new(package: Package) -> Self {
        Self {
            name: package.name.to_string(),
            link: None,
            hashes: BTreeMap::from([("sha256", package.sha256.to_hex())]),
            fragment: None,
            metadata_sha256: package.metadata.as_ref().map(|metadata| sha256(metadata)),
            metadata: package.metadata,
            yanked: None,
            status: 200,
            truncated: false,
            lengthless: false,
            bytes: package.bytes,
        }
    }

    /// The URL's path below the case's, as `PyPI` makes it.
    pub(crate) fn path(&self) -> String {
        let hex = sha256(&self.bytes);
        format!(
            "packages/{}/{}/{}/{}",
            &hex[..2],
            &hex[2..4],
            &hex[4..],
            self.link.as_ref().unwrap_or(&self.name)
        )
    }

    fn json(&self) -> Value {
        let fragment = self.fragment.as_ref().map(|hex| format!("#sha256={hex}")).unwrap_or_default();
        let mut file = json!({
            "filename": self.name,
            "url": format!("../../{}{fragment}", self.path()),
            "hashes": self.hashes,
            "size": self.bytes.len(),
            "upload-time": "2026-01-01T00:00:00Z",
        });
        if let Some(sha256) = &self.metadata_sha256 {
            file["core-metadata"] = json!({ "sha256": sha256 });
        }
        if let Some(reason) = self.yanked {
            file["yanked"] = json!(reason);
        }
        file
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    digest(&[bytes]).to_hex()
}

/// MD5, by Python, which the clients need anyway.
pub(crate) fn md5(bytes: &[u8]) -> String {
    let program = "import hashlib, sys; print(hashlib.md5(sys.stdin.buffer.read()).hexdigest())";
    let mut python = Command::new("python3");
    python.args(["-c", program]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = python.spawn().expect("Python runs");
    child.stdin.take().expect("a pipe").write_all(bytes).expect("written");
    let output = child.wait_with_output().expect("it ends");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

impl Index {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let index = Self { url, shelves: Arc::default() };
        let served = index.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let served = served.clone();
                // A client that goes away is no failure.
                std::thread::spawn(move || served.answer(&stream));
            }
        });
        index
    }

    /// Serves a shelf; gives what to pass as `--index-url`.
    pub(crate) fn put(&self, case: &str, pages: Shelf) -> String {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        shelves.insert(case.to_owned(), Arc::new(pages));
        format!("{}{case}/simple/", self.url)
    }

    fn answer(&self, mut stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let headers = (&mut reader).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
        let range = headers.filter_map(|header| byte_range(&header)).last();
        let mut words = line.split(' ');
        // The only characters in a file's name that clients quote.
        let (method, path) = (words.next()?, words.next()?.replace("%21", "!").replace("%2B", "+"));
        let (case, path) = path.trim_start_matches('/').split_once('/')?;
        let pages = self.shelves.lock().ok()?.get(case).cloned();
        let answer = pages.map_or_else(Answer::not_found, |pages| Answer::of(&pages, path));
        stream.write_all(&answer.on_the_wire(method == "HEAD", range)).ok()
    }
}

/// `bytes=first-last`, `bytes=first-`, or `bytes=-count`.
#[derive(Clone, Copy, Debug)]
struct ByteRange(Option<usize>, Option<usize>);

fn byte_range(header: &str) -> Option<ByteRange> {
    let (name, value) = header.split_once(':')?;
    let (first, last) = value.trim().strip_prefix("bytes=")?.split_once('-')?;
    name.eq_ignore_ascii_case("range").then_some(ByteRange(first.parse().ok(), last.parse().ok()))
}

struct Answer {
    status: u16,
    media_type: &'static str,
    body: Vec<u8>,
    truncated: bool,
    lengthless: bool,
}

impl Answer {
    fn not_found() -> Self {
        Self {
            status: 404,
            media_type: "text/plain",
            body: b"Not Found".to_vec(),
            truncated: false,
            lengthless: false,
        }
    }

    fn of(shelf: &Shelf, path: &str) -> Self {
        Self::page(shelf, path).or_else(|| Self::file(shelf, path)).unwrap_or_else(Self::not_found)
    }

    fn page(shelf: &Shelf, path: &str) -> Option<Self> {
        let name = path.strip_prefix("simple/")?.strip_suffix('/')?;
        let page = shelf.get(name)?;
        // The last component of a stem, as in `tap_lib-1.0.tar.gz` and wheels.
        let versions: BTreeSet<&str> = page
            .files
            .iter()
            .filter_map(|file| file.name.trim_end_matches(".tar.gz").split('-').nth(1))
            .collect();
        let mut body = json!({
            "meta": { "api-version": page.api_version },
            "name": name,
            "versions": versions,
            "files": page.files.iter().map(Listed::json).collect::<Vec<_>>(),
        });
        if let Some((status, reason)) = page.project_status {
            body["project-status"] = json!({ "status": status, "reason": reason });
        }
        Some(Self {
            status: page.status,
            media_type: "application/vnd.pypi.simple.v1+json",
            body: body.to_string().into_bytes(),
            truncated: false,
            lengthless: false,
        })
    }

    fn file(shelf: &Shelf, path: &str) -> Option<Self> {
        let wanted = path.strip_suffix(".metadata");
        let mut files = shelf.values().flat_map(|page| &page.files);
        let file = files.find(|file| file.path() == wanted.unwrap_or(path))?;
        let body = if wanted.is_some() { file.metadata.clone()? } else { file.bytes.clone() };
        let truncated = file.truncated && wanted.is_none();
        let status = if wanted.is_some() { 200 } else { file.status };
        let lengthless = file.lengthless && wanted.is_none();
        Some(Self { status, media_type: "application/octet-stream", body, truncated, lengthless })
    }

    fn on_the_wire(self, head_only: bool, range: Option<ByteRange>) -> Vec<u8> {
        let Self { mut status, media_type, mut body, truncated, lengthless } = self;
        let mut more = String::new();
        if let Some(ByteRange(first, last)) = range.filter(|_| status == 200) {
            let end = body.len();
            let (first, after) = match (first, last) {
                (Some(first), last) => (first, last.map_or(end, |last| end.min(last + 1))),
                (None, count) => (end.saturating_sub(count.unwrap_or(0)), end),
            };
            if first < after {
                status = 206;
                more = format!("content-range: bytes {first}-{}/{end}\r\n", after - 1);
                body = body[first..after].to_vec();
            }
        }
        let length = body.len();
        if truncated {
            body.truncate(length / 2);
        }
        if !lengthless {
            write!(more, "content-length: {length}\r\n").expect("a string");
        }
        let mut wire = format!(
            "HTTP/1.1 {status} upstream says {status}\r\ncontent-type: {media_type}\r\n\
             accept-ranges: bytes\r\n{KEEP}{more}connection: close\r\n\r\n"
        )
        .into_bytes();
        if !head_only {
            wire.extend(body);
        }
        wire
    }
}
