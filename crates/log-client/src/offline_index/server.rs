//! The HTTP side of the index, on a free port of 127.0.0.1.
//!
//! | path | answer |
//! |---|---|
//! | `/simple/` | the projects |
//! | `/simple/{project}/` | the project's files |
//! | `/files/{project}/{file}` | a file, or a wheel's `.metadata` |
//!
//! Invariant: names reach HTML escaped and URLs percent-encoded. Digests are
//! stated as the packages have them: an index that lies is one with a package
//! whose `sha256` is not that of its bytes.
//!
//! Left out: ranges, entity tags, yanked files, and PEP 740 provenance. All files
//! are in memory, since they are small; a large one is a block many times over.
//!
//! Specification: PEP 503 and PEP 691 (pages, content negotiation), PEP 658 and
//! PEP 714 (metadata), PEP 700 (versions and sizes).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context as _;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream;
use log_core::artifact::{FileName, ProjectName, Version, version_of};
use log_core::hash::{Hash, StreamDigest, digest};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::Package;

/// When every file claims to have been uploaded.
const UPLOAD_TIME: &str = "2026-01-01T00:00:00Z";

/// A running index. It stops when dropped.
#[derive(Debug)]
pub struct OfflineIndex {
    address: SocketAddr,
    projects: Arc<Projects>,
    _stop: oneshot::Sender<()>,
}

/// What is published: the files of each project by name.
type Projects = RwLock<BTreeMap<ProjectName, BTreeMap<FileName, Stored>>>;

/// A file, which is served without a copy of its bytes.
#[derive(Debug)]
struct Stored {
    name: FileName,
    sha256: Hash,
    metadata: Option<Bytes>,
    block: Bytes,
    /// How many of the blocks it is.
    times: u64,
}

impl From<Package> for Stored {
    fn from(package: Package) -> Self {
        let Package { name, bytes, sha256, metadata } = package;
        Self { name, sha256, metadata: metadata.map(Bytes::from), block: bytes.into(), times: 1 }
    }
}

impl OfflineIndex {
    /// Starts serving these packages.
    pub async fn start(packages: Vec<(ProjectName, Vec<Package>)>) -> anyhow::Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("cannot listen on 127.0.0.1")?;
        let address = listener.local_addr()?;
        let projects = Arc::new(Projects::default());
        let router = Router::new()
            .route("/simple/", get(list_projects))
            .route("/simple/{project}", get(add_slash))
            .route("/simple/{project}/", get(list_files))
            .route("/files/{project}/{file}", get(file))
            .with_state(Arc::clone(&projects));
        let (stop, stopped) = oneshot::channel();
        let serve = axum::serve(listener, router).with_graceful_shutdown(async {
            // Never sent: dropping the sender ends the wait, too.
            let _: Result<(), _> = stopped.await;
        });
        tokio::spawn(async { serve.await });

        let index = Self { address, projects, _stop: stop };
        for (project, packages) in packages {
            index.add(project, packages);
        }
        Ok(index)
    }

    /// What to pass as `--index-url`.
    pub fn url(&self) -> String {
        format!("http://{}/simple/", self.address)
    }

    /// Publishes more files. One of the same name is replaced, which `PyPI` would
    /// refuse and a compromised index would not.
    pub fn add(&self, project: ProjectName, packages: Vec<Package>) {
        let mut projects = self.projects.write().unwrap_or_else(PoisonError::into_inner);
        let files = projects.entry(project).or_default();
        files.extend(packages.into_iter().map(|package| (package.name.clone(), package.into())));
    }

    /// Publishes a large file, which is a block many times over; gives its digest.
    pub fn add_large(&self, project: ProjectName, name: FileName, block: Vec<u8>, times: u64) -> Hash {
        let mut stream = StreamDigest::default();
        (0..times).for_each(|_| stream.update(&block));
        let (sha256, _) = stream.finish();
        let stored = Stored { name: name.clone(), sha256, metadata: None, block: block.into(), times };
        let mut projects = self.projects.write().unwrap_or_else(PoisonError::into_inner);
        projects.entry(project).or_default().insert(name, stored);
        sha256
    }
}

type Shared = State<Arc<Projects>>;

async fn list_projects(State(projects): Shared, headers: HeaderMap) -> Response {
    let projects = projects.read().unwrap_or_else(PoisonError::into_inner);
    let names: Vec<Value> = projects.keys().map(|name| json!({ "name": name })).collect();
    let links: Vec<String> =
        projects.keys().map(|name| format!("<a href=\"{name}/\">{name}</a><br>\n")).collect();
    page(&headers, &json!({ "meta": { "api-version": "1.1" }, "projects": names }), "Projects", &links)
}

async fn add_slash(Path(project): Path<String>) -> Result<Response, StatusCode> {
    ProjectName::normalise(&project).map(|project| moved_to(&project)).map_err(|_| StatusCode::NOT_FOUND)
}

async fn list_files(
    State(projects): Shared,
    Path(raw): Path<String>,
    headers: HeaderMap,
) -> Result<Response, StatusCode> {
    let project = ProjectName::normalise(&raw).map_err(|_| StatusCode::NOT_FOUND)?;
    if project.as_str() != raw {
        return Ok(moved_to(&project));
    }
    let projects = projects.read().unwrap_or_else(PoisonError::into_inner);
    let packages = projects.get(&project).ok_or(StatusCode::NOT_FOUND)?;
    let versions: BTreeSet<Version> =
        packages.keys().filter_map(|name| version_of(name, &project).ok()).collect();
    let files: Vec<Value> = packages.values().map(|package| file_json(&project, package)).collect();
    let links: Vec<String> = packages.values().map(|package| file_link(&project, package)).collect();
    let json = json!({
        "meta": { "api-version": "1.1" },
        "name": project,
        "versions": versions,
        "files": files,
    });
    Ok(page(&headers, &json, &format!("Links for {project}"), &links))
}

fn moved_to(project: &ProjectName) -> Response {
    (StatusCode::MOVED_PERMANENTLY, [(LOCATION, format!("/simple/{project}/"))]).into_response()
}

fn file_json(project: &ProjectName, package: &Stored) -> Value {
    let mut file = json!({
        "filename": package.name,
        "url": file_url(project, &package.name),
        "hashes": { "sha256": package.sha256.to_hex() },
        "size": package.block.len() as u64 * package.times,
        "upload-time": UPLOAD_TIME,
    });
    if let Some(sha256) = metadata_digest(package) {
        file["core-metadata"] = json!({ "sha256": sha256.to_hex() });
    }
    file
}

fn file_link(project: &ProjectName, package: &Stored) -> String {
    let metadata = metadata_digest(package)
        .map(|sha256| format!(" data-core-metadata=\"sha256={}\"", sha256.to_hex()))
        .unwrap_or_default();
    format!(
        "<a href=\"{}#sha256={}\"{metadata}>{}</a><br>\n",
        file_url(project, &package.name),
        package.sha256.to_hex(),
        escape(package.name.as_str())
    )
}

/// The digest of the file served beside a wheel.
fn metadata_digest(package: &Stored) -> Option<Hash> {
    package.metadata.as_ref().map(|metadata| digest(&[metadata]))
}

/// Where a file is, seen from its project's page.
fn file_url(project: &ProjectName, name: &FileName) -> String {
    let mut url = format!("../../files/{project}/");
    for byte in name.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            url.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url
}

fn escape(text: &str) -> String {
    let pairs = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#39;")];
    pairs.iter().fold(text.to_owned(), |text, &(char, entity)| text.replace(char, entity))
}

/// A page in the form the client likes best. Clients must ask each time, or they
/// would not see what [`OfflineIndex::add`] adds.
fn page(headers: &HeaderMap, json: &Value, title: &str, links: &[String]) -> Response {
    let accept: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let media_type = negotiate(&accept.join(","));
    let body = if media_type == JSON {
        json.to_string()
    } else {
        format!(
            "<!DOCTYPE html>\n<html>\n<head>\n<meta name=\"pypi:repository-version\" content=\"1.1\">\n\
             <title>{title}</title>\n</head>\n<body>\n{}</body>\n</html>\n",
            links.concat()
        )
    };
    ([(CONTENT_TYPE, media_type), (VARY, "Accept"), (CACHE_CONTROL, "no-cache")], body).into_response()
}

const JSON: &str = "application/vnd.pypi.simple.v1+json";
const HTML: &str = "application/vnd.pypi.simple.v1+html";
const TEXT_HTML: &str = "text/html; charset=utf-8";

/// The media type to answer with: the one of highest quality, the first of
/// equals, and what `PyPI` falls back to if there is none.
fn negotiate(accept: &str) -> &'static str {
    let mut best = (0.0, TEXT_HTML);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let media_type = match parts.next() {
            Some("application/vnd.pypi.simple.v1+json" | "application/vnd.pypi.simple.latest+json") => JSON,
            Some("application/vnd.pypi.simple.v1+html" | "application/vnd.pypi.simple.latest+html") => HTML,
            Some("text/html" | "text/*" | "*/*") => TEXT_HTML,
            _ => continue,
        };
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse);
        if let Ok(quality) = quality
            && quality > best.0
        {
            best = (quality, media_type);
        }
    }
    best.1
}

/// The content of a file, as octets, whatever it is.
async fn file(
    State(projects): Shared,
    Path((project, name)): Path<(String, String)>,
) -> Result<Response, StatusCode> {
    let projects = projects.read().unwrap_or_else(PoisonError::into_inner);
    let content = || {
        let packages = projects.get(&ProjectName::parse(&project).ok()?)?;
        let name = FileName::parse(&name).ok()?;
        match name.metadata_of() {
            Some(wheel) => Some((packages.get(&wheel)?.metadata.clone()?, 1)),
            None => packages.get(&name).map(|stored| (stored.block.clone(), stored.times)),
        }
    };
    let (block, times) = content().ok_or(StatusCode::NOT_FOUND)?;
    if times == 1 {
        return Ok(block.into_response());
    }
    let length = block.len() as u64 * times;
    let blocks = (0..times).map(move |_| Ok::<_, std::convert::Infallible>(block.clone()));
    let body = Body::from_stream(stream::iter(blocks));
    let octets = (CONTENT_TYPE, "application/octet-stream".to_owned());
    Ok(([(CONTENT_LENGTH, length.to_string()), octets], body).into_response())
}

#[cfg(test)]
mod tests {
    use reqwest::{Client, redirect};

    use super::super::build;
    use super::*;

    fn release(project: &str, version: &str) -> (ProjectName, Vec<Package>) {
        let project = ProjectName::parse(project).expect("a project");
        let packages = build(&project, &Version::parse(version).expect("a version")).expect("packages");
        (project, packages)
    }

    /// A file that an upload form would refuse.
    fn odd(name: &str) -> Package {
        let name = FileName::parse(name).expect("a file name");
        Package { name, bytes: b"odd".to_vec(), sha256: digest(&[b"odd"]), metadata: None }
    }

    struct Answer {
        status: StatusCode,
        headers: HeaderMap,
        body: Vec<u8>,
    }

    impl Answer {
        fn header(&self, name: &str) -> &str {
            self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
        }

        fn text(&self) -> &str {
            str::from_utf8(&self.body).expect("text")
        }

        fn json(&self) -> Value {
            serde_json::from_slice(&self.body).expect("JSON")
        }
    }

    async fn fetch(url: &str, accept: &str) -> Answer {
        let client = Client::builder().redirect(redirect::Policy::none()).build().expect("a client");
        let answer = client.get(url).header(ACCEPT, accept).send().await.expect("an answer");
        let (status, headers) = (answer.status(), answer.headers().clone());
        Answer { status, headers, body: answer.bytes().await.expect("a body").to_vec() }
    }

    /// The content of the file that a page of `project` calls `url`.
    async fn follow(index: &OfflineIndex, project: &str, url: &str) -> Answer {
        let page = reqwest::Url::parse(&format!("{}{project}/", index.url())).expect("a URL");
        fetch(page.join(url).expect("a URL").as_str(), "*/*").await
    }

    #[tokio::test]
    async fn json_page_leads_to_the_files() {
        let (project, packages) = release("foo-bar", "1.0");
        let index = OfflineIndex::start(vec![(project, packages.clone())]).await.expect("it starts");
        let page = fetch(&format!("{}foo-bar/", index.url()), JSON).await;
        assert_eq!(page.status, StatusCode::OK);
        assert_eq!((page.header("content-type"), page.header("vary")), (JSON, "Accept"));
        let page = page.json();
        assert_eq!(page["meta"]["api-version"], "1.1");
        assert_eq!((&page["name"], &page["versions"]), (&json!("foo-bar"), &json!(["1.0"])));
        let files = page["files"].as_array().expect("files");
        assert_eq!(files.len(), packages.len());
        for package in packages {
            let file = files.iter().find(|file| file["filename"] == package.name.as_str()).expect("listed");
            assert_eq!(file["hashes"]["sha256"], package.sha256.to_hex());
            assert_eq!(file["size"], package.bytes.len());
            assert_eq!(file["upload-time"], UPLOAD_TIME);
            let url = file["url"].as_str().expect("a URL");
            assert_eq!(follow(&index, "foo-bar", url).await.body, package.bytes);
            let metadata = follow(&index, "foo-bar", &format!("{url}.metadata")).await;
            if let Some(expected) = package.metadata {
                assert_eq!(file["core-metadata"]["sha256"], digest(&[&expected]).to_hex());
                assert_eq!(metadata.body, expected);
            } else {
                assert!(file.get("core-metadata").is_none());
                assert_eq!(metadata.status, StatusCode::NOT_FOUND);
            }
        }
    }

    #[tokio::test]
    async fn a_large_file_is_a_block_many_times() {
        let index = OfflineIndex::start(Vec::new()).await.expect("it starts");
        let (project, name) = (ProjectName::parse("foo"), FileName::parse("foo-1.0.tar.gz"));
        let sha256 = index.add_large(project.expect("a project"), name.expect("a name"), b"abc".to_vec(), 3);
        let file = fetch(&format!("{}foo/", index.url()), JSON).await.json()["files"][0].clone();
        assert_eq!((&file["size"], &file["hashes"]["sha256"]), (&json!(9), &json!(sha256.to_hex())));
        let answer = follow(&index, "foo", file["url"].as_str().expect("a URL")).await;
        assert_eq!((answer.text(), answer.header("content-length")), ("abcabcabc", "9"));
        assert_eq!(digest(&[&answer.body]), sha256);
    }

    #[tokio::test]
    async fn html_page_escapes_names() {
        let (project, mut packages) = release("foo", "1!1.0");
        packages.push(odd("foo-1.0<b>&\"'#?%41.zip"));
        let index = OfflineIndex::start(vec![(project, packages.clone())]).await.expect("it starts");
        let page = fetch(&format!("{}foo/", index.url()), "text/html").await;
        assert_eq!((page.header("content-type"), page.header("vary")), (TEXT_HTML, "Accept"));
        let links: Vec<&str> = page.text().lines().filter(|line| line.starts_with("<a ")).collect();
        assert_eq!(links.len(), 3);
        let sha256 = digest(&[b"odd"]).to_hex();
        let expected = format!(
            "<a href=\"../../files/foo/foo-1.0%3Cb%3E%26%22%27%23%3F%2541.zip#sha256={sha256}\">\
             foo-1.0&lt;b&gt;&amp;&quot;&#39;#?%41.zip</a><br>"
        );
        assert!(links.contains(&expected.as_str()), "{links:?}");
        let metadata = packages[1].metadata.as_ref().map(|bytes| digest(&[bytes]).to_hex()).expect("a wheel");
        assert!(page.text().contains(&format!("data-core-metadata=\"sha256={metadata}\">foo-1!1.0-py3")));
        for link in links {
            let url = link.split('"').nth(1).expect("a link");
            assert_eq!(follow(&index, "foo", url).await.status, StatusCode::OK, "{url}");
        }
    }

    #[tokio::test]
    async fn adds_and_replaces_files() {
        let index = OfflineIndex::start(Vec::new()).await.expect("it starts");
        assert_eq!(fetch(&index.url(), JSON).await.json()["projects"], json!([]));
        for version in ["1.10", "1.9", "1.9"] {
            let (project, packages) = release("foo", version);
            index.add(project, packages);
        }
        let page = fetch(&format!("{}foo/", index.url()), JSON).await;
        assert_eq!(page.header("cache-control"), "no-cache");
        assert_eq!(page.json()["versions"], json!(["1.9", "1.10"]));
        assert_eq!(page.json()["files"].as_array().map(Vec::len), Some(4));
        assert_eq!(fetch(&index.url(), JSON).await.json()["projects"], json!([{ "name": "foo" }]));
        assert!(fetch(&index.url(), "text/html").await.text().contains("<a href=\"foo/\">foo</a>"));

        let evil = odd("foo-1.9.tar.gz");
        index.add(ProjectName::parse("foo").expect("a project"), vec![evil.clone()]);
        let page = fetch(&format!("{}foo/", index.url()), JSON).await.json();
        assert_eq!(page["files"].as_array().map(Vec::len), Some(4));
        assert!(page.to_string().contains(&evil.sha256.to_hex()));
    }

    #[tokio::test]
    async fn redirects_to_the_normalised_name() {
        let index = OfflineIndex::start(vec![release("foo-bar", "1.0")]).await.expect("it starts");
        for name in ["foo-bar", "Foo_Bar", "Foo_Bar/", "FOO..bar/"] {
            let answer = fetch(&format!("{}{name}", index.url()), JSON).await;
            assert_eq!(answer.status, StatusCode::MOVED_PERMANENTLY, "{name}");
            assert_eq!(answer.header("location"), "/simple/foo-bar/");
        }
        for path in ["foo/", "-/", "a%20b", "foo-bar/x", "../files/foo-bar/", "../files/foo-bar/x.whl", ".."]
        {
            let answer = fetch(&format!("{}{path}", index.url()), JSON).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn stops_when_dropped() {
        let index = OfflineIndex::start(Vec::new()).await.expect("it starts");
        let url = index.url();
        // Keeps its connection, which must not survive either.
        let client = Client::new();
        assert!(client.get(&url).send().await.is_ok());
        drop(index);
        tokio::time::timeout(std::time::Duration::from_secs(10), async {
            while client.get(&url).send().await.is_ok() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("it stops");
    }

    #[test]
    fn negotiates_the_media_type() {
        for (accept, expected) in [
            ("", TEXT_HTML),
            ("*/*", TEXT_HTML),
            ("image/png", TEXT_HTML),
            // pip, uv and devpi.
            (
                "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",
                JSON,
            ),
            (
                "application/vnd.pypi.simple.v1+json,application/vnd.pypi.simple.v1+html;q=0.2,text/html;q=0.01",
                JSON,
            ),
            ("application/vnd.pypi.simple.v1+html;q=0.2, application/vnd.pypi.simple.v1+json", JSON),
            ("application/vnd.pypi.simple.latest+json", JSON),
            ("application/vnd.pypi.simple.v1+html", HTML),
            ("text/html;q=0.5, application/vnd.pypi.simple.v1+html;q=0.6", HTML),
            ("application/vnd.pypi.simple.v1+json;q=0, text/html;q=0.1", TEXT_HTML),
            ("application/vnd.pypi.simple.v1+json;q=much", TEXT_HTML),
        ] {
            assert_eq!(negotiate(accept), expected, "{accept}");
        }
    }
}
