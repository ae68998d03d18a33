//! What the logs say: each is asked in one go about all projects that it is asked about, or
//! its saved answers are checked again.
//!
//! One key for each release is enough: what names a file names its release, too, and the
//! index commits to the whole list of a release.

use std::collections::BTreeSet;
use std::path::Path;

use futures_util::future::join_all;
use log_core::api::{HexDigest, LookupKey};
use log_core::artifact::{ProjectName, Version};
use log_core::verdict::{Facts, Subject, Verdict, judge};
use log_io::outcome::{Exit, Failure};
use log_io::session::Session;
use log_io::sessions::Sessions;

use super::gather::GivenFile;
use super::severity;
use crate::facts::{self, Known};
use crate::proofs::{self, Exchange, LogProofs, MAX_PROOFS_BYTES, Proofs};
use crate::requirement_files::read;

/// A project, in a version when one is wanted.
pub(in crate::commands) type Wanted = BTreeSet<(ProjectName, Option<Version>)>;

/// What all logs say.
pub(in crate::commands) struct Told {
    logs: Vec<LogTold>,
}

/// What one log says.
pub(super) struct LogTold {
    pub(super) origin: String,
    /// `None`: it was not asked, or is empty, or did not answer.
    pub(super) known: Option<Known>,
    /// Why there is no verdict on anything that it is asked about.
    failure: Option<Failure>,
    /// The releases about which everything is known; all that were asked for when `None`.
    whole: Option<BTreeSet<String>>,
    /// When the newest checkpoint was cosigned, if it was read from saved proofs.
    pub(super) cosigned_at: Option<u64>,
    record: Option<LogProofs>,
}

/// Asks every log about its projects, all at once. One that gives no good answer takes the
/// verdicts on its own projects alone; it is an error when there is no other, and where
/// proofs are to be saved, which would not be all.
pub(in crate::commands) async fn ask(
    sessions: &Sessions,
    wanted: &Wanted,
    save: bool,
    now: u64,
) -> Result<Told, Failure> {
    let asked = sessions.all().iter().filter_map(|session| {
        let (keys, asked) = keys(sessions, session, wanted);
        asked.then_some(async move {
            let mut log = LogTold::new(session);
            let mut record = save.then(Vec::new);
            match ask_one(session, &keys, now, &mut record).await {
                Ok(known) => log.known = known,
                Err(failure) => log.failure = Some(failure),
            }
            log.record = record.map(|exchanges| LogProofs { origin: log.origin.clone(), exchanges });
            log
        })
    });
    let logs = join_all(asked).await;
    let failures = logs.iter().filter_map(|log| log.failure.as_ref());
    match failures.max_by_key(|failure| severity(failure.exit())) {
        Some(worst) if save || logs.iter().all(|log| log.failure.is_some()) => Err(worst.clone()),
        _ => Ok(Told { logs }),
    }
}

/// What one log says; `None` when it is empty and only its policies were to be asked.
async fn ask_one(
    session: &Session,
    keys: &[LookupKey],
    now: u64,
    record: &mut Option<Vec<Exchange>>,
) -> Result<Option<Known>, Failure> {
    let known = if keys.is_empty() {
        facts::policies_recorded(session, now, record).await?
    } else {
        Some(facts::ask_recorded(session, keys, now, record).await?)
    };
    if known.as_ref().is_some_and(|known| !known.facts.complete) {
        return Err(Failure::new("the log does not prove that its answer is all that it has")
            .hint("verify fewer files at once, or against a static mirror of the log"));
    }
    if known.is_some() && record.as_ref().is_some_and(Vec::is_empty) {
        let origin = origin(session);
        return Err(Failure::new(format!("{origin} is served without look-ups: it has no answers to save"))
            .hint("point the trust file at a log that answers look-ups, or verify without --save-proofs"));
    }
    Ok(known)
}

/// Checks saved answers again.
pub(super) fn from_proofs(
    path: &Path,
    sessions: &Sessions,
    wanted: &Wanted,
    now: u64,
) -> Result<Told, Failure> {
    let shown = path.display();
    let bytes = read(path, MAX_PROOFS_BYTES)
        .map_err(|error| Failure::new(format!("cannot read {shown}: {error}")))?;
    let file = Proofs::parse(&bytes).map_err(|error| {
        Failure::with_exit(Exit::Invalid, format!("{shown} has no saved proofs: {error}"))
    })?;
    let mut logs = Vec::new();
    for session in sessions.all() {
        let mut told = LogTold { whole: Some(BTreeSet::new()), ..LogTold::new(session) };
        if keys(sessions, session, wanted).1 {
            let saved = file.of(&told.origin).filter(|saved| !saved.exchanges.is_empty());
            let saved = saved.ok_or_else(|| {
                Failure::new(format!("{shown} has no proofs of {}", told.origin))
                    .hint("save them again with --save-proofs, with this trust file")
            })?;
            told.read(saved, session, now)?;
        }
        logs.push(told);
    }
    Ok(Told { logs })
}

/// The keys to ask a log for, and whether it is asked about any project at all.
fn keys(sessions: &Sessions, session: &Session, wanted: &Wanted) -> (Vec<LookupKey>, bool) {
    let of_this_log =
        |project: &ProjectName| sessions.of(project).is_some_and(|other| origin(other) == origin(session));
    let wanted: Vec<_> = wanted.iter().filter(|(project, _)| of_this_log(project)).collect();
    let keys = wanted.iter().filter_map(|(project, version)| Some(release(project, version.as_ref()?)));
    (keys.collect(), !wanted.is_empty())
}

fn release(project: &ProjectName, version: &Version) -> LookupKey {
    LookupKey::Release { project: project.clone(), version: version.clone(), from: 0 }
}

fn origin(session: &Session) -> String {
    session.log.origin().to_owned()
}

impl LogTold {
    fn new(session: &Session) -> Self {
        let origin = origin(session);
        Self { origin, known: None, failure: None, whole: None, cosigned_at: None, record: None }
    }

    fn read(&mut self, saved: &LogProofs, session: &Session, now: u64) -> Result<(), Failure> {
        for exchange in &saved.exchanges {
            let checked =
                exchange.check(&session.log.trust).map_err(|distrust| session.misbehaviour(distrust))?;
            session.check_offline(&checked.checkpoint)?;
            let size = checked.checkpoint.checkpoint.size();
            let next = Known { facts: checked.facts.as_of(now), size };
            self.known = Some(match self.known.take() {
                None => next,
                Some(before) => facts::join(before, next),
            });
            self.cosigned_at =
                self.cosigned_at.min(checked.checkpoint.cosigned_at).or(checked.checkpoint.cosigned_at);
            self.whole.get_or_insert_default().extend(checked.whole);
        }
        Ok(())
    }

    fn knows(&self, project: &ProjectName, version: &Version) -> Result<(), Failure> {
        let known = |whole: &BTreeSet<String>| whole.contains(&proofs::name(&release(project, version)));
        if self.whole.as_ref().is_none_or(known) {
            return Ok(());
        }
        Err(Failure::new(format!("the saved proofs say nothing about {project} {version}"))
            .hint("save them again with --save-proofs"))
    }
}

impl Told {
    /// What each log was asked.
    pub(super) fn logs(&self) -> impl Iterator<Item = &LogTold> {
        self.logs.iter().filter(|log| log.known.is_some())
    }

    /// The facts of the log that is asked about a project; `None` when there is none.
    /// An error when it gave no good answer, or it is not known whether they are all about
    /// these releases.
    pub(in crate::commands) fn facts(
        &self,
        sessions: &Sessions,
        project: &ProjectName,
        releases: &[(ProjectName, Version)],
    ) -> Result<Option<&Facts>, Failure> {
        let Some(session) = sessions.of(project) else { return Ok(None) };
        let name = origin(session);
        let log = self.logs.iter().find(|log| log.origin == name);
        let Some(log) = log else { return Ok(None) };
        if let Some(failure) = &log.failure {
            return Err(failure.clone());
        }
        let Some(known) = &log.known else { return Ok(None) };
        for (project, version) in releases {
            log.knows(project, version)?;
        }
        Ok(Some(&known.facts))
    }

    /// Whether each log that was asked has answered.
    pub(super) fn is_whole(&self) -> bool {
        self.logs.iter().all(|log| log.failure.is_none())
    }

    /// Which logs were asked, for people.
    pub(in crate::commands) fn scope(&self) -> String {
        let known = self.logs.iter().filter_map(|log| Some((&log.origin, log.known.as_ref()?.size)));
        let trees: Vec<String> = known.map(|(origin, size)| format!("{origin} at size {size}")).collect();
        if trees.is_empty() { String::new() } else { format!(" against {}", trees.join(" and ")) }
    }

    /// The verdict on a file, which may be of several projects in several logs.
    pub(super) fn judge(&self, subject: &Subject, sessions: &Sessions) -> Result<Verdict, Failure> {
        let mut verdicts = Vec::new();
        for (project, version) in &subject.candidates {
            let one = (project.clone(), version.clone());
            verdicts.push(match self.facts(sessions, project, std::slice::from_ref(&one))? {
                Some(facts) => judge(&Subject { candidates: vec![one], ..subject.clone() }, facts),
                None => Verdict::NotCovered,
            });
        }
        Ok(combine(subject, verdicts))
    }

    /// What else is known of the bytes of files that are not logged by their names.
    /// Anybody may log any digest, so this is for the explanation only.
    pub(super) async fn hints(
        &self,
        files: &[GivenFile],
        sessions: &Sessions,
        now: u64,
    ) -> Result<Vec<Facts>, Failure> {
        let mut hints = Vec::new();
        for session in sessions.all() {
            let given = files.iter().filter_map(|file| file.result.as_ref().ok());
            let unknown = given.filter(|(_, subject)| {
                let first = subject.candidates.first().and_then(|(project, _)| sessions.of(project));
                first.is_some_and(|other| origin(other) == origin(session))
                    && matches!(self.judge(subject, sessions), Ok(Verdict::NotLogged { logged_as: None, .. }))
            });
            let digest = |sha256| LookupKey::Digest { sha256: HexDigest(sha256), from: 0 };
            let keys: Vec<LookupKey> = unknown.map(|(_, subject)| digest(subject.sha256)).collect();
            if !keys.is_empty() {
                hints.extend(facts::ask_for_hints(session, &keys, now).await?.map(|known| known.facts));
            }
        }
        Ok(hints)
    }

    /// What was answered, to be saved.
    pub(super) fn into_proofs(self) -> Result<Proofs, Failure> {
        let logs: Vec<LogProofs> = self.logs.into_iter().filter_map(|log| log.record).collect();
        if logs.iter().all(|log| log.exchanges.is_empty()) {
            return Err(Failure::new("no log was asked about anything, so there are no proofs to save"));
        }
        Ok(Proofs::new(logs))
    }
}

/// One verdict from those on each project that a name can stand for: `judge` decides the
/// same way when one log has all of them.
fn combine(subject: &Subject, verdicts: Vec<Verdict>) -> Verdict {
    let is_named = |verdict: &Verdict| !matches!(verdict, Verdict::NotLogged { .. } | Verdict::NotCovered);
    let mut named = Vec::new();
    let mut unnamed = None;
    for (verdict, (project, _)) in verdicts.into_iter().zip(&subject.candidates) {
        match verdict {
            verdict if is_named(&verdict) => named.push((project.clone(), verdict)),
            verdict @ Verdict::NotLogged { .. } => unnamed = unnamed.or(Some(verdict)),
            _ => {}
        }
    }
    if named.len() > 1 {
        return Verdict::Ambiguous { projects: named.into_iter().map(|(project, _)| project).collect() };
    }
    named.pop().map(|(_, verdict)| verdict).or(unnamed).unwrap_or(Verdict::NotCovered)
}

#[cfg(test)]
mod tests {
    use log_core::artifact::FileName;
    use log_core::hash::Hash;

    use super::*;

    fn subject(names: &[&str]) -> Subject {
        let version = Version::parse("1").expect("a version");
        let candidate = |name: &&str| (ProjectName::parse(name).expect("a name"), version.clone());
        Subject {
            name: FileName::parse("foo-1-2.tar.gz").expect("a file name"),
            sha256: Hash::from_bytes([0; 32]),
            candidates: names.iter().map(candidate).collect(),
        }
    }

    fn of(subject: &Subject, at: usize) -> (Verdict, Verdict, Verdict) {
        let (project, version) = subject.candidates[at].clone();
        let verified = Verdict::Verified { project: project.clone(), version: version.clone(), index: 7 };
        let unknown = Verdict::NotLogged { project, version, release_logged: false, logged_as: None };
        (verified, unknown, Verdict::NotCovered)
    }

    #[test]
    fn a_name_that_several_projects_may_have_is_one_of_them() {
        let subject = subject(&["foo-1", "foo"]);
        let ((good, unknown, away), (other, other_unknown, _)) = (of(&subject, 0), of(&subject, 1));
        let combined =
            |verdicts: &[&Verdict]| combine(&subject, verdicts.iter().map(|&one| one.clone()).collect());
        assert_eq!(combined(&[&good, &other_unknown]), good);
        assert_eq!(combined(&[&unknown, &other]), other);
        assert_eq!(combined(&[&away, &other]), other);
        assert_eq!(combined(&[&unknown, &other_unknown]), unknown, "the most plausible one");
        assert_eq!(combined(&[&away, &other_unknown]), other_unknown);
        assert_eq!(combined(&[&away, &away]), Verdict::NotCovered);
        assert_eq!(combined(&[]), Verdict::NotCovered);
        let both = combined(&[&good, &other]);
        assert!(matches!(&both, Verdict::Ambiguous { projects } if projects.len() == 2), "{both:?}");
    }
}
