//! `wheeltap proxy` before an index, compared with that index alone, in the same run.
//!
//! ```text
//! this process: load ─┬─► index ◄─┐            index: offline_index, in memory
//!                     └─► proxy ──┤            proxy, log: processes of their own
//!                                 └─► log
//! ```
//!
//! Invariant: every answer is compared with what it must be, those of the proxy and those of
//! the index; a wrong one ends the bench. All of it is on loopback.
//!
//! Left out: installers, whose own work hides most of the difference, and a network, which
//! hides the rest.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hyper::body::Bytes;
use log_core::artifact::{FileName, ProjectName, Version};
use log_core::hash::digest;
use log_core::statement::{Release, ReleaseFile};
use log_io::outcome::{Failure, note};

use super::http::{Message, Target};
use super::measure::peak_resident_bytes;
use super::own_log::OwnLog;
use crate::offline_index::{self, OfflineIndex, Package};

mod load;
mod process;
pub(crate) mod report;

use load::{Ask, Ends, Large, Right, Side};
use process::ProxyProcess;
use report::{ProxyReport, Row};

/// What a large file is made of.
const BLOCK_BYTES: u64 = 1 << 20;

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Small projects, of one release each.
    pub(crate) packages: u16,
    /// Connections at once for them.
    pub(crate) connections: u16,
    /// Seconds for each of four measurements.
    pub(crate) seconds: u32,
    /// Large files, which are fetched at once.
    pub(crate) streams: u8,
    /// Bytes of each.
    pub(crate) large_bytes: u64,
}

/// The stage: an index, a log that has what it has, and what must come of asking.
struct Stage {
    index: OfflineIndex,
    /// Ends with this.
    _log: OwnLog,
    pages: Arc<[Ask]>,
    files: Arc<[Ask]>,
    large: Vec<Large>,
}

/// Measures in an empty directory.
pub(crate) async fn run(directory: &Path, size: Size) -> Result<ProxyReport, Failure> {
    note(format_args!("making an index and a log with {} projects", size.packages));
    let stage = Stage::new(directory, size).await?;
    let mut rows = Vec::new();
    let proxy = ProxyProcess::start(directory, "small", &stage.index.url())?;
    let (direct, through) = (root(&stage.index.url())?, root(&proxy.url)?);
    let first = Load { connections: 1, ends: Ends::Once };
    let time = Duration::from_secs(size.seconds.into());
    let warm = Load { connections: size.connections.into(), ends: Ends::After(time) };
    for (key, name, asks, load) in [
        ("pages_cold", "pages, asked for the first time, one after the other", &stage.pages, first),
        ("files_cold", "small files, asked for the first time, one after the other", &stage.files, first),
        ("pages_warm", "pages, again", &stage.pages, warm),
        ("files_warm", "small files, again", &stage.files, warm),
    ] {
        note(format_args!("measuring {name}"));
        let direct = load::drive(&direct, asks, load.connections, load.ends).await?;
        let proxy = load::drive(&through, asks, load.connections, load.ends).await?;
        let unit = if key.starts_with("pages") { "pages" } else { "files" };
        rows.push(Row { key, name: name.to_owned(), unit, direct, proxy });
    }
    drop(proxy);
    let peak = large(directory, &stage, &mut rows).await?;
    Ok(ProxyReport { size, rows, peak_resident_bytes: peak })
}

/// Large files, all at once, through a proxy that has seen nothing before; gives its largest
/// resident memory.
async fn large(directory: &Path, stage: &Stage, rows: &mut Vec<Row>) -> Result<Option<u64>, Failure> {
    let proxy = ProxyProcess::start(directory, "large", &stage.index.url())?;
    let (direct, through) = (root(&stage.index.url())?, root(&proxy.url)?);
    let what = format!("{} files of {} MiB at once", stage.large.len(), stage.large_mib());
    let mut peak = None;
    for (key, name) in [("large_cold", "the first time"), ("large_warm", "again")] {
        let name = format!("{what}, {name}");
        note(format_args!("measuring {name}"));
        let direct: Side = load::stream(&direct, &stage.large).await?;
        let proxy_side = load::stream(&through, &stage.large).await?;
        peak = peak.or_else(|| peak_resident_bytes(proxy.id()));
        rows.push(Row { key, name, unit: "MB", direct, proxy: proxy_side });
    }
    Ok(peak)
}

#[derive(Clone, Copy)]
struct Load {
    connections: usize,
    ends: Ends,
}

impl Stage {
    async fn new(directory: &Path, size: Size) -> Result<Self, Failure> {
        let log = OwnLog::start(directory).await?;
        std::fs::write(directory.join("trust.toml"), &log.trust).context("cannot write the trust file")?;
        let index = OfflineIndex::start(Vec::new()).await?;
        let (mut pages, mut files) = (Vec::new(), Vec::new());
        for number in 0..size.packages {
            let project = project(&format!("bench-small-{number}"))?;
            let version = version("1.0")?;
            let packages = offline_index::build(&project, &version)?;
            let release =
                Release { project: project.clone(), version, files: logged(&packages)?, source: None };
            log.append(release.to_payload()).await?;
            pages.push(Ask {
                message: get(format!("simple/{project}/")),
                right: Right::Has(packages.iter().map(|package| package.sha256.to_hex()).collect()),
            });
            files.extend(packages.iter().map(|package| Ask {
                message: get(format!("files/{project}/{}", package.name)),
                right: Right::Is(Bytes::from(package.bytes.clone())),
            }));
            index.add(project, packages);
        }
        let large = add_large(&index, &log, size).await?;
        Ok(Self { index, _log: log, pages: pages.into(), files: files.into(), large })
    }

    fn large_mib(&self) -> u64 {
        self.large.first().map_or(0, |large| large.times)
    }
}

/// Large files, each a release of its own, so that no two have the same bytes.
async fn add_large(index: &OfflineIndex, log: &OwnLog, size: Size) -> Result<Vec<Large>, Failure> {
    let project = project("bench-large")?;
    let times = size.large_bytes.div_ceil(BLOCK_BYTES);
    let mut large = Vec::new();
    for number in 0..size.streams {
        let version = version(&format!("{number}.0"))?;
        let name = FileName::parse(&format!("bench_large-{version}.tar.gz")).map_err(anyhow::Error::from)?;
        let block = vec![number; usize::try_from(BLOCK_BYTES).unwrap_or_default()];
        let sha256 = index.add_large(project.clone(), name.clone(), block.clone(), times);
        let message = get(format!("files/{project}/{name}"));
        let files = vec![ReleaseFile { name, sha256, size: Some(BLOCK_BYTES * times) }];
        let release = Release { project: project.clone(), version, files, source: None };
        log.append(release.to_payload()).await?;
        large.push(Large { message, block: block.into(), times });
    }
    Ok(large)
}

/// What a log has of a release: its files, and the metadata of its wheels.
fn logged(packages: &[Package]) -> anyhow::Result<Vec<ReleaseFile>> {
    let mut files = Vec::new();
    for Package { name, bytes, sha256, metadata } in packages {
        files.push(ReleaseFile { name: name.clone(), sha256: *sha256, size: Some(bytes.len() as u64) });
        if let Some(metadata) = metadata {
            let name = FileName::parse(&format!("{name}.metadata"))?;
            files.push(ReleaseFile { name, sha256: digest(&[metadata]), size: None });
        }
    }
    Ok(files)
}

fn project(name: &str) -> anyhow::Result<ProjectName> {
    Ok(ProjectName::parse(name)?)
}

fn version(text: &str) -> anyhow::Result<Version> {
    Ok(Version::parse(text)?)
}

fn get(path: String) -> Message {
    Message { path, body: None }
}

/// The server that an index is on.
fn root(index_url: &str) -> anyhow::Result<Target> {
    Target::new(index_url.trim_end_matches("simple/"))
}
