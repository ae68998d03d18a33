//! `wheeltap lock`: requirements with the log's hashes.
//!
//! Nothing is written unless every requirement that a log covers can be pinned.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{ArgGroup, Args};
use log_core::verdict::Verdict;
use log_io::args::LogArgs;
use log_io::outcome::{Exit, Failure, Outcome, note, shown};
use log_io::sessions::Sessions;
use log_io::{clock, durable};

use super::verify::told::{self, Told};
use super::verify::{reason, severity};
use crate::locks::conclude::{Conclusion, conclude, subjects};
use crate::locks::pin::{self, Choice, Pinned, Refused};
use crate::locks::requirements::{self, Content, Line, Requirement};
use crate::locks::{Digest, Origin};
use crate::requirement_files::{self, SourceLine};

/// Arguments of `wheeltap lock`.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("what").required(true).multiple(true).args(["constraints", "requirements"]),
    after_help = "\
Examples:
  wheeltap lock -c upper-constraints.txt -o constraints.txt
  wheeltap lock -c upper-constraints.txt -r requirements.txt -o locked.txt
  pip install --require-hashes -r locked.txt

With -c alone every line `name===version` of a project that a log covers gets the hashes of all files of \
that release; all other lines stay as they are. With -r the requirements are written: one that leaves its \
version open gets that of the constraint on its project. Files that were withdrawn are left out; when \
nothing else is left of a release it is an error. The result is the same whenever the log says the same. \
One hash makes pip demand hashes for everything; before 26.1 it takes none from constraints.

Exit codes: 0 written; 10 a release is not logged; 11 a hash in the input is not logged, or only revoked \
keys have signed the release; 14 it was withdrawn; 1 a requirement of a covered project is not pinned. \
Unless it is 0, nothing is written."
)]
pub struct LockArgs {
    /// A constraints file, with all that it includes; repeat for several
    #[arg(short = 'c', long = "constraint", value_name = "FILE")]
    constraints: Vec<PathBuf>,
    /// A requirements file; repeat for several
    #[arg(short = 'r', long = "requirement", value_name = "FILE")]
    requirements: Vec<PathBuf>,
    /// Where to write [default: stdout]
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    log: LogArgs,
}

/// A line of the result: as it was, or what became of its requirements.
enum Piece {
    Kept(String),
    Chosen(Box<SourceLine>, Vec<Choice>),
}

/// Writes requirements with hashes.
pub async fn run(args: &LockArgs) -> Outcome {
    let sessions = args.log.sessions("wheeltap")?;
    let pieces = pieces(args)?;
    let told = ask(&pieces, &sessions).await?;
    let (mut text, mut counts, mut worst) = (String::new(), Counts::default(), None);
    for piece in &pieces {
        let lines = match piece {
            Piece::Kept(line) => vec![line.clone()],
            Piece::Chosen(source, choices) => {
                let mut written = Vec::new();
                for choice in choices {
                    written.push(write(source, choice, &told, &sessions, &mut counts)?);
                }
                let refused = written.iter().filter_map(|written| written.as_ref().err().copied());
                worst = worst.into_iter().chain(refused).max_by_key(|exit| severity(*exit));
                lines(source, choices, written)
            }
        };
        for line in lines {
            text = text + &line + "\n";
        }
    }
    let Counts { hashed, untouched, refused } = counts;
    if let Some(exit) = worst {
        let requirements = if refused == 1 { "requirement" } else { "requirements" };
        return Err(Failure::with_exit(
            exit,
            format!("{refused} {requirements} cannot be pinned; nothing was written"),
        )
        .hint("mend the lines above, or take them out"));
    }
    match &args.output {
        Some(path) => durable::write(path, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?,
        None => log_io::outcome::print(text.strip_suffix('\n').unwrap_or(&text)),
    }
    let requirements = if hashed == 1 { "requirement" } else { "requirements" };
    let left = if untouched == 0 { String::new() } else { format!(", {untouched} that no log covers") };
    note(format_args!("{hashed} {requirements} with hashes{}{left}", told.scope()));
    if let Some(warning) = without_hash(&text) {
        note(warning);
    }
    Ok(Exit::Ok)
}

#[derive(Debug, Default)]
struct Counts {
    hashed: usize,
    untouched: usize,
    refused: usize,
}

/// With requirements, those are written, and constraints only say versions.
fn pieces(args: &LockArgs) -> Result<Vec<Piece>, Failure> {
    let all = requirement_files::load_all(&args.requirements, &args.constraints)?;
    let mut by_project = BTreeMap::new();
    let mut written = all;
    if !args.requirements.is_empty() {
        by_project = requirement_files::constraints(&written);
        written.retain(|line| !line.constraint);
    }
    let piece = |source: SourceLine| {
        let choices = pin::choose(&source.line, &by_project).map_err(|what| {
            Failure::usage(format!("{}:{}: {what}", source.path.display(), source.line.number))
        })?;
        let kept = choices.is_empty();
        Ok(if kept { Piece::Kept(source.line.raw) } else { Piece::Chosen(Box::new(source), choices) })
    };
    written.into_iter().map(piece).collect()
}

async fn ask(pieces: &[Piece], sessions: &Sessions) -> Result<Told, Failure> {
    let mut wanted = BTreeSet::new();
    for piece in pieces {
        let Piece::Chosen(_, choices) = piece else { continue };
        for Choice { requirement, .. } in choices {
            let Some(project) = &requirement.project else {
                let candidates = subjects(&requirement.wanted(0));
                wanted.extend(candidates.into_iter().map(|(project, _)| (project, None)));
                continue;
            };
            wanted.insert((project.clone(), None));
            if let (Some(version), Origin::Index(_)) = (requirement.pin.version(), &requirement.origin) {
                wanted.insert((project.clone(), Some(version.clone())));
            }
        }
    }
    told::ask(sessions, &wanted, false, clock::now()).await
}

/// The lines that a line becomes. One of which no log covers anything stays as it is.
fn lines(source: &SourceLine, choices: &[Choice], written: Vec<Result<Option<String>, Exit>>) -> Vec<String> {
    if written.iter().all(|written| *written == Ok(None)) {
        return vec![source.line.raw.clone()];
    }
    let own = |choice: &Choice| {
        let digests = choice.requirement.permits.iter().flat_map(|file| &file.digests);
        let hashes: Vec<_> = digests.filter_map(Digest::sha256).collect();
        pin::write(&choice.requirement, &hashes, source.line.comment.0.as_deref())
    };
    let lines = written.into_iter().zip(choices);
    lines.filter_map(|(written, choice)| Some(written.ok()?.unwrap_or_else(|| own(choice)))).collect()
}

/// The line for a requirement, none when no log covers it; or how it cannot be pinned,
/// which is said.
fn write(
    source: &SourceLine,
    choice: &Choice,
    told: &Told,
    sessions: &Sessions,
    counts: &mut Counts,
) -> Result<Result<Option<String>, Exit>, Failure> {
    let requirement = &choice.requirement;
    let pinned = match &requirement.project {
        Some(project) => pin::pin(requirement, told.facts(sessions, project, &[])?),
        None => nameless(requirement, told, sessions)?,
    };
    let place = format!("{}:{}", source.path.display(), choice.line);
    let title = source.line.wanted().map(|wanted| wanted.title()).unwrap_or_default();
    match pinned {
        Pinned::Untouched => {
            counts.untouched += 1;
            Ok(Ok(None))
        }
        Pinned::Hashed { hashes, left_out } => {
            counts.hashed += 1;
            for (file, verdict) in left_out {
                note(shown(&format!("{place}: {file} is left out: {}", reason(&verdict))));
            }
            Ok(Ok(Some(pin::write(requirement, &hashes, source.line.comment.0.as_deref()))))
        }
        Pinned::Refused(refused) => {
            counts.refused += 1;
            let (exit, mut why) = explain(&refused);
            if let (Refused::NotLogged, Some(project)) = (&refused, &requirement.project) {
                why =
                    format!("{why}; choose a version that is logged: `wheeltap lookup --project {project}`");
            }
            note(shown(&format!("{place}: {title}: {why}")));
            Ok(Err(exit))
        }
    }
}

/// What pip will say to a file in which some requirements have a hash and others have none:
/// one hash makes it demand them all.
fn without_hash(text: &str) -> Option<String> {
    let mut lines = requirements::parse(text.as_bytes()).ok()?;
    lines.retain(|line| matches!(line.content, Content::Requirement(_)));
    let has_hash = |line: &Line| {
        line.wanted().is_some_and(|wanted| wanted.permits.iter().any(|file| !file.digests.is_empty()))
    };
    let (total, bare) = (lines.len(), lines.iter().filter(|line| !has_hash(line)).count());
    let (lines, them) = match bare {
        0 => return None,
        _ if bare == total => return None,
        1 => ("1 line has".to_owned(), "give it one, or keep it in a file of its own"),
        many => (format!("{many} lines have"), "give them theirs, or keep them in a file of their own"),
    };
    Some(format!("{lines} no hash: pip refuses a file in which only some have one; {them}"))
}

/// What is given by its URL or path alone: it is of any project that its name can stand for.
fn nameless(requirement: &Requirement, told: &Told, sessions: &Sessions) -> Result<Pinned, Failure> {
    let wanted = requirement.wanted(0);
    if conclude(&wanted, None) == Conclusion::Local {
        return Ok(Pinned::Untouched);
    }
    let candidates = subjects(&wanted);
    for (project, version) in &candidates {
        let facts = told.facts(sessions, project, &[])?;
        if facts.is_some_and(|facts| facts.policy.covers(project, Some(version))) {
            return Ok(Pinned::Refused(Refused::NotFromIndex));
        }
    }
    Ok(if candidates.is_empty() { Pinned::Refused(Refused::Nameless) } else { Pinned::Untouched })
}

fn explain(refused: &Refused) -> (Exit, String) {
    match refused {
        Refused::NotLogged => (Exit::NotLogged, "the log has no such release".to_owned()),
        Refused::NothingLeft(verdict) => {
            let exit = match **verdict {
                Verdict::Withdrawn { .. } => Exit::Withdrawn,
                _ => Exit::Invalid,
            };
            (exit, reason(verdict))
        }
        Refused::OtherHash(hash) => {
            (Exit::Invalid, format!("it has the hash {hash}, which no file of the logged release has"))
        }
        Refused::NotPinned => {
            (Exit::Failed, "it is not pinned to one version: write `name===version`, or give -c".to_owned())
        }
        Refused::Nameless => {
            (Exit::Failed, "it does not say which project it is: write `name @ URL`".to_owned())
        }
        Refused::NotFromIndex => {
            (Exit::Failed, "it is not from an index: require it by name and version".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_without_a_hash_among_some_with_one() {
        let hashed = format!("nova===1.0 \\\n    --hash=sha256:{}\n", "0".repeat(64));
        assert_eq!(without_hash("# none\nnova===1.0\nrequests\n"), None, "none has one");
        assert_eq!(without_hash(&hashed), None, "all have one");
        let one = without_hash(&format!("--pre\n{hashed}requests==1\n")).expect("a warning");
        assert!(one.starts_with("1 line has no hash: pip refuses"), "{one}");
        let two = without_hash(&format!("{hashed}requests==1\nflask\n")).expect("a warning");
        assert!(two.starts_with("2 lines have no hash: pip refuses"), "{two}");
    }
}
