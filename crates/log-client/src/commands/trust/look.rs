//! What a log is, before it is trusted: its checkpoint, its first policy under the root
//! keys that were given, the policy in force.
//!
//! Nothing is remembered of it: a person has not said yes yet. So it is looked at with a
//! state directory of its own.

use log_core::entry::{Entry, SignedStatement};
use log_core::hash::digest;
use log_core::rules::{self, Refusal};
use log_core::tile::{Level, TileId};
use log_core::timeline::{Moment, Timeline};
use log_core::times::{about, utc};
use log_io::fetch::Http;
use log_io::outcome::{Cause, Exit, Failure, shown};
use log_io::session::Session;
use log_io::source::LogSource;
use log_io::trust_file::TrustedLog;

use crate::commands::policy;
use crate::facts::{self, Known};

/// What was seen of a log.
#[derive(Debug)]
pub(super) struct Seen {
    size: u64,
    /// When the quorum had cosigned it, where one is asked for.
    cosigned_at: Option<u64>,
    /// Its policies, proven; `None` when it is empty.
    known: Option<Known>,
}

/// Whence the log's key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyFrom {
    /// The person who trusts the log has given it.
    Given,
    /// What answers at the URL has.
    Served,
}

/// Looks at a log. A served key counts only when the policy that the roots have signed
/// names it.
pub(super) async fn look(http: &Http, log: &TrustedLog, from: KeyFrom, now: u64) -> Result<Seen, Failure> {
    let mut scratch = tempfile::tempdir()
        .map_err(|error| Failure::new(format!("cannot make a temporary directory: {error}")))?;
    let session = Session::new(http.clone(), log.clone(), scratch.path())?;
    let seen = look_with(&session, from, now).await;
    if seen.as_ref().is_err_and(|failure| failure.exit() == Exit::Misbehaved) {
        // The evidence is in there, and the message says where.
        scratch.disable_cleanup(true);
    }
    seen
}

async fn look_with(session: &Session, from: KeyFrom, now: u64) -> Result<Seen, Failure> {
    let checkpoint = session.checkpoint(now).await.map_err(|failure| match (failure.cause(), from) {
        (Cause::NotTheLog, KeyFrom::Given) => failure.hint(
            "what answers there is not the log with the key that was given: check the URL, and compare the key \
             with the one that the log's organisation publishes",
        ),
        (Cause::NotTheLog, KeyFrom::Served) => {
            failure.hint("what answers there is no log, or a broken one: check the URL")
        }
        _ => failure,
    })?;
    let (size, cosigned_at) = (checkpoint.checkpoint.size(), checkpoint.cosigned_at);
    if size == 0 {
        return match from {
            KeyFrom::Given => Ok(Seen { size, cosigned_at, known: None }),
            KeyFrom::Served => Err(Failure::new(format!(
                "the log {} is empty: no policy says that the key served with it is its own",
                session.log.origin()
            ))
            .hint("give the key with --log-key, from the one who made the log")),
        };
    }
    check_first_policy(session, &session.source, size, now).await?;
    let known = facts::policies(session, now).await?;
    Ok(Seen { size, cosigned_at, known })
}

/// Whether these roots have signed entry 0 for this log. That entry 0 is in the tree is
/// proven with the policies; but wrong `--root` keys are a mistake of this person's, and no
/// misbehaviour of the log's.
async fn check_first_policy(
    session: &Session,
    source: &LogSource,
    size: u64,
    now: u64,
) -> Result<(), Failure> {
    let genesis = &session.log.trust.genesis;
    let bundle = TileId::in_tree(Level::Entries, 0, size);
    let bundle = bundle.ok_or_else(|| Failure::new("a log that is not empty has a first bundle"))?;
    let entry = source.entries(bundle).await?.into_iter().next().unwrap_or_default();
    let invalid = |message: String| Failure::with_exit(Exit::Invalid, message);
    let signed: Box<SignedStatement> = match Entry::parse(&entry) {
        Ok(Entry::Statement(signed)) => signed,
        _ => {
            return Err(
                invalid("the log's first entry is no statement".to_owned()).hint("it is no log to trust")
            );
        }
    };
    let first = Moment { index: 0, time: Some(now) };
    rules::authorise(&signed, first, &Timeline::default(), genesis).map_err(|refusal| match &refusal {
        Refusal::OtherLog { .. } => {
            invalid(format!("the log's first policy is for another key than {}", genesis.log.to_vkey()))
                .hint("do not trust it: ask the one whose log it is for the URL and the log's key")
        }
        Refusal::Threshold { .. } | Refusal::UnknownKey { .. } | Refusal::BadSignature { .. } => invalid(
            format!("the log's first policy is not signed as --root and --threshold say: {refusal}"),
        )
        .hint("compare the root keys with those that the log's organisation publishes; if they are right, it is another log"),
        _ => invalid(format!("the log's first entry is not what it must be: {refusal}"))
            .hint("it is no log to trust"),
    })
}

/// What is to be trusted, for people.
pub(super) fn describe(log: &TrustedLog, from: KeyFrom, seen: &Seen, now: u64) -> Vec<String> {
    let trust = &log.trust;
    let vkey = trust.genesis.log.to_vkey();
    let mut lines = vec![format!("log         {}", log.origin()), format!("url         {}", shown(&log.url))];
    lines.push(format!("log key     {vkey}"));
    lines.push(format!("            SHA-256 {}", digest(&[vkey.as_bytes()]).to_hex()));
    lines.push(match (from, &seen.known) {
        (KeyFrom::Served, _) => {
            "            served by the log, and named in the policy that the roots signed".to_owned()
        }
        (KeyFrom::Given, Some(_)) => {
            "            as given, and named in the policy that the roots signed".to_owned()
        }
        (KeyFrom::Given, None) => "            as given".to_owned(),
    });
    let roots = &trust.genesis.roots;
    lines.push(format!("root keys   {} of:", roots.threshold));
    lines.extend(roots.keys.iter().map(|key| format!("            {}", key.to_vkey())));
    lines.push(format!("size        {} entries{}", seen.size, age(seen, now)));
    lines.push(match (trust.policy.has_no_quorum(), seen.cosigned_at) {
        (true, _) => {
            "witnesses   none: a log that shows others something else would not be noticed".to_owned()
        }
        (false, Some(at)) => format!("witnesses   cosigned, {} ago", about(now.saturating_sub(at))),
        (false, None) => "witnesses   asked for".to_owned(),
    });
    let asked: Vec<String> = log.projects.iter().map(ToString::to_string).collect();
    let asked = if asked.is_empty() { "all projects".to_owned() } else { asked.join(", ") };
    lines.push(format!("asked about {asked}"));
    match seen.known.as_ref().map(|known| &known.facts) {
        None => lines.push("policy      none yet; these roots must sign the first one".to_owned()),
        Some(facts) => {
            lines.push("its policy, signed and proven:".to_owned());
            lines.extend(policy::lines(&facts.policy).into_iter().map(|line| format!("  {line}")));
        }
    }
    lines
}

/// When the newest entry was made, by the log's own clock.
fn age(seen: &Seen, now: u64) -> String {
    let log_time = seen.known.as_ref().and_then(|known| known.facts.log_time);
    let age = |time: u64| format!("; the newest at {} ({} ago)", utc(time), about(now.saturating_sub(time)));
    log_time.map(age).unwrap_or_default()
}
