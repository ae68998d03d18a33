//! `wheeltap-log fsck`: is what is served what was signed, and did the log keep its
//! promises?
//!
//! ```text
//! checkpoint ─► tree (every entry, tile and the root, derived again)
//!                 ├─► copies, ladder, choose    which copy of each tile is right
//!                 └─► rules, summary            log_core::history, on its own thread
//! directory  ─► strays, private                 what only its owner sees
//!            ─► report ─► repair, and again
//! ```
//!
//! Everything about the log itself goes through the public read interface
//! (`log_io::source`), the same for a URL and a directory; a data directory's private
//! side is looked at afterwards. Invariants: no problem ends the check; nothing is
//! said of the rules that does not rest on a proven root; nothing is written without
//! `--repair`, and then only what is proven.

use std::collections::BTreeSet;

use anyhow::Context as _;
use log_core::checkpoint::OpenCheckpoint;
use log_core::limits::MAX_NOTE_BYTES;
use log_core::tile::{Level, TILE_WIDTH, TileId};
use log_core::trust_policy::{TrustError, TrustedCheckpoint};
use log_core::verdict::Distrust;
use log_io::args::Format;
use log_io::clock;
use log_io::outcome::{Exit, Failure, Outcome, note, print, shown};
use log_io::session::Session;

use self::args::Target;
use self::choose::Prefer;
use self::findings::Findings;
use self::problem::{Fault, Problem, Remedy};
use self::report::Report;
use self::rules::{Checked, Checking};
use self::tree::{Derived, Tree};
use crate::mirror::lock_copy;

pub mod args;
pub mod choose;
pub mod copies;
pub mod findings;
pub mod ladder;
pub mod private;
pub mod problem;
pub mod progress;
pub mod repair;
pub mod report;
pub mod rules;
pub mod strays;
pub mod summary;
pub mod tree;

pub use args::FsckArgs;

/// Checks, repairs if asked to, and prints what was found.
pub async fn run(args: &FsckArgs) -> Outcome {
    let target = Target::new(args)?;
    let _locks = match (&target.data, &target.public) {
        (Some(data), _) if args.repair => (Some(data.lock()?), None),
        (None, Some(copy)) if args.repair => (None, Some(lock_copy(copy)?)),
        _ => (None, None),
    };
    let mut mended = BTreeSet::new();
    let (report, checkpoint) = loop {
        let (report, checkpoint) = check(&target).await?;
        if !args.repair || !report.is_repairable() || !mend(&target, &report, &mut mended)? {
            break (report, checkpoint);
        }
    };
    if args.repair && !report.proven {
        note("nothing was written: the signed root cannot be reproduced from what is left");
    }
    let broken = match (report.broken_rule(), &checkpoint) {
        (Some(rule), Some(checkpoint)) => Some(target.session.broken_history(checkpoint, &rule).await),
        _ => None,
    };
    match args.format {
        Format::Text => report.to_text().iter().for_each(print),
        Format::Json => {
            let evidence = broken.as_ref().map(|failure| shown(&failure.to_string()));
            let mut json = report.to_json(evidence.as_deref());
            json["repaired"] = mended.iter().map(String::as_str).collect();
            print(json);
        }
    }
    report.remarks.iter().for_each(|remark| note(shown(remark)));
    match (broken, report.exit()) {
        (Some(failure), _) => Err(failure),
        (None, Exit::Ok) => remember(&target, checkpoint.as_ref()).await,
        (None, Exit::Failed) => Err(Failure::new(report.verdict()).hint("see the files or entries above")),
        (None, exit) => Ok(exit),
    }
}

/// One check of everything.
async fn check(target: &Target) -> Result<(Report, Option<TrustedCheckpoint>), Failure> {
    let mut report = Report {
        location: target.session.source.location(),
        origin: target.session.log.origin().to_owned(),
        signed: None,
        proven: false,
        intact: 0,
        findings: Findings::default(),
        remarks: Vec::new(),
        checked: None,
        distrust: None,
    };
    let Some(checkpoint) = open(target, &mut report).await? else {
        look_inside(target, &mut report).await?;
        return Ok((report, None));
    };
    let (size, root) = (checkpoint.checkpoint.size(), checkpoint.checkpoint.root());
    report.signed = Some((size, root));
    let tree = Tree { source: target.session.source.clone(), size, root, jobs: target.jobs };
    let (mut derived, mut checked) = read(&tree, &target.session).await?;
    if !derived.proven && !derived.gave_up {
        let (again, read_again) = read_preferring(Prefer::Stored, &tree, &target.session).await?;
        if again.proven {
            (derived, checked) = (again, read_again);
        }
    }
    report.proven = derived.proven;
    report.intact = derived.intact;
    report.findings = derived.findings;
    if derived.proven && derived.intact == checked.history.size() {
        report.findings.extend(checked.violations.iter().map(|broken| violation(broken, size)));
        report.checked = Some(checked);
    }
    if report.intact < size {
        report.remarks.push(format!("the rules could be checked as far as entry {} only", report.intact));
    }
    look_inside(target, &mut report).await?;
    Ok((report, Some(checkpoint)))
}

/// Opens the checkpoint. One that the log signed is the measure even when too few
/// witnesses stand behind it.
async fn open(target: &Target, report: &mut Report) -> Result<Option<TrustedCheckpoint>, Failure> {
    let session = &target.session;
    let mut bad = |fault| {
        report.findings.add(Problem::of("checkpoint", fault, Remedy::Server));
        Ok(None)
    };
    let bytes = match session.source.read("checkpoint", MAX_NOTE_BYTES).await {
        Ok(Some(bytes)) => bytes,
        Ok(None) if target.has_head() => return bad(Fault::Missing),
        Ok(None) => {
            let message = format!("there is no log at {}: no `checkpoint`", session.source.location());
            return Err(Failure::new(message));
        }
        Err(error) if error.is_too_long() => return bad(Fault::Form(error.to_string())),
        Err(error) => return Err(Failure::new(error.to_string())),
    };
    let distrust = match session.log.trust.open(&bytes, clock::now()) {
        Ok(checkpoint) => return Ok(Some(checkpoint)),
        Err(Distrust::Checkpoint(TrustError::Checkpoint(error))) => {
            return bad(Fault::Record(error.to_string()));
        }
        Err(distrust) => distrust,
    };
    report.distrust = Some(distrust.to_string());
    let log = &session.log.trust.genesis.log;
    let checkpoint = OpenCheckpoint::open(&bytes, log).context("the checkpoint")?;
    let note = checkpoint.note().only(std::slice::from_ref(log)).to_string();
    Ok(Some(TrustedCheckpoint { checkpoint, note, cosigned_at: None }))
}

async fn read(tree: &Tree, session: &Session) -> anyhow::Result<(Derived, Checked)> {
    read_preferring(Prefer::Derived, tree, session).await
}

/// Derives the tree, and checks the rules on the way.
async fn read_preferring(
    prefer: Prefer,
    tree: &Tree,
    session: &Session,
) -> anyhow::Result<(Derived, Checked)> {
    let (checking, entries) = Checking::start(session.log.trust.genesis.clone());
    let derived = tree.derive(prefer, entries).await;
    Ok((derived, checking.end().await?))
}

/// What is beside the log in a directory.
async fn look_inside(target: &Target, report: &mut Report) -> anyhow::Result<()> {
    if let (Some(public), Some((size, _))) = (&target.public, report.signed) {
        let bad: BTreeSet<String> =
            report.findings.kept().iter().map(|found| found.problem.path.clone()).collect();
        let public = public.clone();
        let strays = tokio::task::spawn_blocking(move || strays::look(&public, size, &bad)).await??;
        report.findings.extend(strays.found);
        report.remarks.extend(strays.remarks);
    }
    if let Some(data) = &target.data {
        let private = private::check(data, report.signed, target.is_locked);
        report.findings.extend(private.problems);
        report.remarks.extend(private.remarks);
    }
    Ok(())
}

/// Writes what is derivable; whether there is reason to check again.
fn mend(target: &Target, report: &Report, mended: &mut BTreeSet<String>) -> anyhow::Result<bool> {
    let (Some(public), Some(keep)) = (&target.public, &target.keep) else { return Ok(false) };
    let mut again = false;
    for found in report.findings.kept() {
        let Some(bytes) = &found.mend else { continue };
        let path = &found.problem.path;
        // What was written once and is still wrong is not for this program to mend.
        if !mended.insert(path.clone()) {
            continue;
        }
        repair::replace(public, keep, path, bytes).with_context(|| format!("cannot repair {path}"))?;
        note(format_args!("wrote {path} again"));
        again = true;
    }
    Ok(again)
}

/// Compares with what this machine has seen of the log, when it was asked to.
async fn remember(target: &Target, checkpoint: Option<&TrustedCheckpoint>) -> Outcome {
    if let Some(checkpoint) = checkpoint.filter(|_| target.remembers) {
        target.session.accept(checkpoint.note.as_bytes(), clock::now()).await?;
    }
    Ok(Exit::Ok)
}

fn violation(broken: &log_core::history::HistoryError, size: u64) -> Problem {
    let id = TileId::in_tree(Level::Entries, broken.index / TILE_WIDTH, size);
    let path = id.map(TileId::path).unwrap_or_default();
    let what = broken.violation.to_string();
    let fault = if broken.may_be_newer() { Fault::Newer(what) } else { Fault::Rule(what) };
    Problem { entry: Some(broken.index), ..Problem::of(path, fault, Remedy::Nobody) }
}
