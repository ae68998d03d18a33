//! One pass of the audit, from trust file to exit code.
//!
//! 1. open the log's checkpoint: without a log to believe, nobody is bothered;
//! 2. ask the index for each project's page, a few at a time;
//! 3. read the log whole, up to a checkpoint opened AFTER the pages came, and
//!    check it. Releases are logged before they are uploaded, so what is on a page
//!    and properly released is in this log;
//! 4. compare, print, decide the exit code.
//!
//! Invariant: a project without a page that could be read has no verdict, and an
//! audit in which a project has none does not end in success. Left out: asking
//! the index again, and remembering what was found before.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};
use log_core::artifact::ProjectName;
use log_core::policy::Policy;
use log_core::simple_index::{self, Page};
use log_io::args::Format;
use log_io::clock;
use log_io::fetch::Http;
use log_io::outcome::{Exit, Failure, Outcome, note, print, progress, shown};
use log_io::session::Session;

use crate::cli::AuditArgs;
use crate::findings::{Logged, count_logged, findings};
use crate::report::{AuditedLog, ProjectAudit, Report};

/// How many pages are asked for at a time.
const CONCURRENT_REQUESTS: usize = 4;

/// The page of a project, `None` if the index has no such project, or why neither
/// is known.
type Answer = Result<Option<Page>, String>;

/// Audits, and prints what was found.
pub async fn run(arguments: &AuditArgs) -> Outcome {
    let session = arguments.log.session("wheeltap-witness")?;
    let http = session.http.clone();

    session.checkpoint(clock::now()).await?;
    let answers = ask_index(&http, &arguments.index_url, &arguments.projects).await;
    let report = compare_with_log(&session, &arguments.index_url, &answers).await?;

    match arguments.format {
        Format::Text => report.to_text().iter().for_each(|line| print(shown(line))),
        Format::Json => print(report.to_json()),
    }
    for audit in &report.projects {
        for remark in &audit.remarks {
            note(format_args!("{}: {remark}", audit.project));
        }
        if let Err(error) = &audit.findings {
            note(format_args!("{}: no verdict: {error}", audit.project));
        }
    }
    if report.projects.iter().all(|audit| audit.findings.is_ok() && audit.files_on_index.is_none()) {
        note("the index has none of the projects; check --index-url");
    }
    note(report.summary());
    let (found, failed) = (report.findings().count(), report.failures());
    if failed > 0 {
        let message = format!("{failed} of {} projects have no verdict", report.projects.len());
        return Err(Failure::new(message).hint("what was found in the others stands"));
    }
    Ok(if found > 0 { Exit::Findings } else { Exit::Ok })
}

/// The pages of all projects, each asked for once.
async fn ask_index(http: &Http, index: &str, projects: &[ProjectName]) -> BTreeMap<ProjectName, Answer> {
    let projects: BTreeSet<&ProjectName> = projects.iter().collect();
    let total = projects.len();
    let ask = |project: &ProjectName| {
        let project = project.clone();
        async move { (project.clone(), ask(http, index, &project).await) }
    };
    let mut coming = stream::iter(projects.into_iter().map(ask)).buffer_unordered(CONCURRENT_REQUESTS);
    let mut answers = BTreeMap::new();
    progress(format_args!("asking the index: 0 of {total} projects"));
    while let Some((project, answer)) = coming.next().await {
        answers.insert(project, answer);
        progress(format_args!("asking the index: {} of {total} projects", answers.len()));
    }
    progress("");
    answers
}

async fn ask(http: &Http, index: &str, project: &ProjectName) -> Answer {
    let url = simple_index::project_url(index, project);
    let body = http.get_as(&url, Some(simple_index::MEDIA_TYPE), simple_index::MAX_PAGE_BYTES).await;
    // The error may repeat what the index says.
    let Some(body) = body.map_err(|error| shown(&error.to_string()))? else { return Ok(None) };
    Page::parse(project, &body).map(Some).map_err(|error| format!("{url}: {error}"))
}

/// Reads the log, and compares it with what the index answered.
async fn compare_with_log(
    session: &Session,
    index: &str,
    answers: &BTreeMap<ProjectName, Answer>,
) -> Result<Report, Failure> {
    let now = clock::now();
    let checkpoint = session.checkpoint(now).await?;
    let history = session.read_history(&checkpoint).await?;
    let (Some((_, policy)), Some(commitment)) = (history.policy_as_of(now), history.commitment()) else {
        return Err(Failure::new("the log is empty: it has no policy that says what it covers"));
    };
    let log = AuditedLog {
        origin: session.log.origin().to_owned(),
        size: checkpoint.checkpoint.size(),
        root: checkpoint.checkpoint.root(),
        time: commitment.time,
    };
    let judge = |(project, answer): (&ProjectName, &Answer)| {
        let logged =
            Logged { releases: history.releases(project), withdrawals: history.withdrawals(project) };
        judge(project, answer, logged, policy)
    };
    let projects = answers.iter().map(judge).collect();
    Ok(Report { log, index: index.to_owned(), projects })
}

/// What the log and the index together say about a project.
fn judge(project: &ProjectName, answer: &Answer, logged: Logged<'_>, policy: &Policy) -> ProjectAudit {
    let covered = policy.covers(project, None);
    let mut remarks = Vec::new();
    let findings = match answer {
        // Not an audit without findings: the log never promised anything.
        _ if !covered && logged.releases.is_empty() => {
            Err("the log's policy does not cover it, and nothing is logged of it; check the name".to_owned())
        }
        Err(error) => Err(error.clone()),
        Ok(None) if logged.releases.is_empty() => {
            Err("the index has no such project, and nothing is logged of it; check the name".to_owned())
        }
        Ok(page) => {
            if !covered {
                remarks.push("the policy does not cover it: only what is logged was compared".to_owned());
            }
            if page.is_none() {
                remarks.push("the index has no such project".to_owned());
            }
            Ok(findings(project, logged, policy, page.as_ref()))
        }
    };
    let files_on_index = answer.as_ref().ok().and_then(Option::as_ref).map(Page::len);
    ProjectAudit {
        project: project.clone(),
        files_on_index,
        files_logged: count_logged(logged),
        findings,
        remarks,
    }
}
