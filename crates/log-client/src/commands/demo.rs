//! `wheeltap demo`: the whole story on one machine, with real processes.
//!
//! It runs the three binaries as a person would, prints every command, and checks
//! that each ends as the story says; so it is a test of the product, too.
//! `demo/stage.rs` has what runs commands; this file is the story.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::Args;
use log_core::artifact::{self, FileName, ProjectName, Version};
use log_core::simple_index::{self, Page};
use log_io::fetch::{self, Http};
use log_io::outcome::{Exit, Failure, Outcome, note, print};

use crate::cli;
use crate::offline_index::{self, OfflineIndex};

mod stage;

use stage::Stage;

/// Longest file that the demo downloads.
const MAX_DOWNLOAD_BYTES: usize = 64 << 20;

/// The project that `--offline` makes, and its versions; the last is the intruder's.
const OFFLINE_PROJECT: &str = "wheeltap-demo";
const OFFLINE_VERSIONS: [&str; 4] = ["1.0", "1.1", "2.0", "2.0.post1"];

/// Arguments of `wheeltap demo`.
#[derive(Debug, Args)]
#[command(after_help = "\
It starts a log in a fresh directory, records every release of the project but the newest, and shows \
that the audit finds exactly that one, that an official file verifies, online and offline, and that the \
left-out file and a file with one changed byte do not. Nothing outside the directory is changed.")]
pub struct DemoArgs {
    /// A project on the index
    #[arg(long, value_parser = cli::project, default_value = "debtcollector")]
    project: ProjectName,
    /// The index's Simple API
    #[arg(long, value_name = "URL", default_value = "https://pypi.org/simple/")]
    index_url: String,
    /// Use no network but loopback: packages made here, on an index made here
    #[arg(long, conflicts_with_all = ["project", "index_url"])]
    offline: bool,
    /// Leave the log running, and the directory where it is
    #[arg(long)]
    keep: bool,
    /// Where to work; must be missing or empty [default: a temporary directory]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// What the demo is about.
struct Cast {
    index_url: String,
    project: ProjectName,
    /// An official version and one of its files, with its URL.
    official: (Version, FileName, String),
    /// The version that is not recorded, and one of its files.
    left_out: (Version, FileName, String),
}

/// Runs the demo.
pub async fn run(args: &DemoArgs) -> Outcome {
    let http = Http::new("wheeltap")?;
    let index = if args.offline { Some(start_offline_index().await?) } else { None };
    let (index_url, project) = match &index {
        Some(index) => (index.url(), ProjectName::parse(OFFLINE_PROJECT).map_err(anyhow::Error::from)?),
        None => (args.index_url.clone(), args.project.clone()),
    };
    let cast = cast(&http, index_url, project).await?;
    let mut stage = Stage::new(args.dir.as_deref())?;
    match tell(&mut stage, &cast, &http, args.keep).await {
        Ok(()) if args.keep => {
            stage.keep();
            if args.offline {
                note("the index of --offline ends with this command; the log goes on");
            }
            Ok(Exit::Ok)
        }
        Ok(()) => Ok(Exit::Ok),
        Err(error) => Err(Failure::new(format!("the demo went wrong: {error:#}"))
            .hint("run it with --dir DIR to keep what it made, and look at DIR/log.stderr")),
    }
}

async fn tell(stage: &mut Stage, cast: &Cast, http: &Http, keep: bool) -> anyhow::Result<()> {
    let project = cast.project.as_str();
    let (left_out, intruder, intruder_url) = &cast.left_out;
    let (official, file, file_url) = &cast.official;
    let except = left_out.to_string();

    stage.chapter("Somebody signs policies (root), somebody signs releases (team). Each has a key.");
    stage.run(0, "wheeltap", &["keygen", "root.example", "root.key"])?;
    stage.run(0, "wheeltap", &["keygen", "team.example", "team.key"])?;

    stage.chapter("An organisation makes a log. Its public key is all that others need.");
    let init = ["init", "--dir", "log", "--origin", "log.example", "--root", "root.key.pub"];
    stage.run_into("log.pub", "wheeltap-log", &init)?;

    stage.chapter("The policy says who may record which projects. It will be the log's first entry.");
    stage.run(
        0,
        "wheeltap",
        &[
            "policy",
            "init",
            "--log-key",
            "log.pub",
            "--root",
            "root.key.pub",
            "--publisher",
            "team.key.pub",
            project,
            "--out",
            "policy.json",
        ],
    )?;
    stage.run(0, "wheeltap", &["policy", "sign", "--key", "root.key", "policy.json"])?;
    let url = stage.serve(&[
        "serve",
        "--dir",
        "log",
        "--listen",
        "127.0.0.1:0",
        "--private-listen",
        "127.0.0.1:0",
    ])?;

    stage.chapter("Whoever uses the log pins its key and the root key in a trust file.");
    let trust = ["trust", "add", &url, "--log-key", "log.pub", "--root", "root.key.pub", "--yes"];
    stage.run(0, "wheeltap", &trust)?;
    stage.run(0, "wheeltap", &["policy", "submit", "policy.json"])?;

    stage.chapter(&format!("The team records every release of {project}, but not {left_out}."));
    stage.run(
        0,
        "wheeltap",
        &[
            "import",
            "--key",
            "team.key",
            "--project",
            project,
            "--index-url",
            &cast.index_url,
            "--except",
            &except,
            "--proofs",
            "downloads",
        ],
    )?;

    stage.chapter("A witness compares the index with the log. It finds the release nobody recorded.");
    let audit = ["audit", "--project", project, "--index-url", &cast.index_url];
    let findings = stage.run(20, "wheeltap-witness", &audit)?;
    let findings: Vec<&str> = findings.lines().filter(|line| !line.trim().is_empty()).collect();
    ensure!(
        matches!(findings.as_slice(), [one] if one.contains("extra-release") && one.contains(&except)),
        "the audit should find {project} {left_out} and nothing else, but found {findings:?}"
    );

    stage.chapter(&format!("A user downloads an official file, of {project} {official}, and verifies it."));
    let file_path = stage.download(http, file_url, file, MAX_DOWNLOAD_BYTES).await?;
    stage.run(0, "wheeltap", &["verify", &file_path])?;

    stage.chapter("The proof beside the file does without the network.");
    stage.run(0, "wheeltap", &["verify", "--offline", &file_path])?;

    stage.chapter("The file of the release that was not recorded is refused: exit code 10.");
    let intruder_path = stage.download(http, intruder_url, intruder, MAX_DOWNLOAD_BYTES).await?;
    stage.run(10, "wheeltap", &["verify", &intruder_path])?;

    stage.chapter("So is an official file in which one byte was changed: exit code 11.");
    let tampered = stage.tamper(&file_path, file)?;
    stage.run(11, "wheeltap", &["verify", &tampered])?;

    // Unless it is kept, it ends with this command.
    let has = if keep { "has" } else { "had" };
    print(format_args!(
        "\nDone. The log at {url} {has} every release of {project} but {left_out}; the audit found exactly \
         that one, the official file was verified, the two others were refused."
    ));
    Ok(())
}

/// Chooses the parts: the newest version is left out, the one before is official.
async fn cast(http: &Http, index_url: String, project: ProjectName) -> Result<Cast, Failure> {
    let url = simple_index::project_url(&index_url, &project);
    let page = http.get_as(&url, Some(simple_index::MEDIA_TYPE), simple_index::MAX_PAGE_BYTES).await;
    let page = page
        .map_err(|error| {
            Failure::new(error.to_string()).hint("without a network, try `wheeltap demo --offline`")
        })?
        .ok_or_else(|| {
            Failure::new(format!("the index has no project {project}"))
                .hint("choose another one with --project, or look at --index-url")
        })?;
    let page = Page::parse(&project, &page).map_err(|error| Failure::new(format!("{url}: {error}")))?;
    // The smallest file of each version, to be gentle with the index.
    let mut versions: std::collections::BTreeMap<Version, (u64, FileName, String)> =
        std::collections::BTreeMap::new();
    for (name, file) in &page.files {
        let Ok(version) = artifact::version_of(name, &project) else { continue };
        let size = file.size.unwrap_or(u64::MAX);
        let file_url = fetch::join(&url, &file.url)
            .ok_or_else(|| Failure::new(format!("the index gives {name} the URL {:?}", file.url)))?;
        let smallest = versions.get(&version).is_none_or(|(other, ..)| size < *other);
        if smallest {
            versions.insert(version, (size, name.clone(), file_url));
        }
    }
    let mut newest = versions.into_iter().rev();
    match (newest.next(), newest.next()) {
        (Some((left_out, (_, intruder, intruder_url))), Some((official, (_, file, file_url)))) => Ok(Cast {
            index_url,
            project,
            official: (official, file, file_url),
            left_out: (left_out, intruder, intruder_url),
        }),
        _ => Err(Failure::new(format!("{project} needs two releases for this story, and has fewer"))
            .hint("choose another one with --project")),
    }
}

async fn start_offline_index() -> anyhow::Result<OfflineIndex> {
    let project = ProjectName::parse(OFFLINE_PROJECT)?;
    let mut packages = Vec::new();
    for version in OFFLINE_VERSIONS {
        packages.extend(offline_index::build(&project, &Version::parse(version)?)?);
    }
    OfflineIndex::start(vec![(project, packages)]).await.context("cannot start the index")
}
