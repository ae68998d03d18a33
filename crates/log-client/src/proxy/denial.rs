//! Why a file is not served, in words: for the status line, which is all that installers
//! show, for the summary, and for the status page.

use log_core::artifact::{FileName, ProjectName, Version};
use log_core::hash::Hash;
use log_core::times::utc;
use log_core::verdict::Verdict;
use log_io::outcome::Failure;
use serde::Serialize;

use super::limits::MAX_PHRASE_CHARS;

/// Why a file is not served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Denial {
    /// In one or two words, as `wheeltap verify` has them; for programs with `-` for spaces.
    #[serde(serialize_with = "as_word")]
    pub verdict: String,
    /// In a sentence.
    pub reason: String,
    /// What to do about it.
    pub next_step: String,
}

const TELL: &str = "do not install it from anywhere else; tell the project";

fn as_word<S: serde::Serializer>(verdict: &str, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&verdict.replace(' ', "-"))
}

impl Denial {
    pub(super) fn new(verdict: &str, reason: impl Into<String>, next_step: &str) -> Self {
        Self { verdict: verdict.to_owned(), reason: reason.into(), next_step: next_step.to_owned() }
    }

    /// A verdict that is not good.
    pub(super) fn of(project: &ProjectName, version: &Version, file: &FileName, verdict: &Verdict) -> Self {
        match verdict {
            Verdict::NotLogged { release_logged: true, .. } => Self::new(
                "not logged",
                format!("{project} {version} was released without {file}"),
                "do not install it from anywhere else: somebody added it to the index; tell the project",
            ),
            Verdict::NotLogged { .. } => {
                Self::new("not logged", format!("the log has no {project} {version}"), TELL)
            }
            Verdict::OtherHash { index, .. } => Self::new(
                "other hash",
                format!("entry {index} of the log has another SHA-256 for {file}"),
                "do not install it from anywhere else: the index has other bytes than were released; tell the project",
            ),
            Verdict::Withdrawn { index, reason, text, .. } => Self::new(
                "withdrawn",
                format!("the project took {file} back (entry {index}, {reason}): {text}"),
                "use another version",
            ),
            Verdict::Revoked { index, keyid, since, .. } => Self::new(
                "revoked key",
                format!(
                    "entry {index} for {file} was signed by {keyid} after that key had ended, at {}",
                    utc(*since)
                ),
                "ask the project to sign it again",
            ),
            Verdict::Ambiguous { .. } => {
                Self::new("ambiguous", format!("the log has {file} for several projects"), TELL)
            }
            Verdict::Verified { .. } | Verdict::NotCovered => {
                Self::new("no verdict", format!("{file} was not judged"), TELL)
            }
        }
    }

    /// The log could not be asked, or did not answer well.
    pub(super) fn failure(log: &str, failure: &Failure) -> Self {
        let next =
            failure.next_step().unwrap_or("try again when the log answers; `wheeltap doctor` says more");
        Self::new("no verdict", format!("the log {log}: {failure}"), next)
    }

    /// The bytes that came are not those of the digest.
    pub(super) fn other_bytes(file: &str, expected: Hash, found: Hash) -> Self {
        Self::new(
            "other bytes",
            format!("{file} came with SHA-256 {} and must have {}", short(found), short(expected)),
            "try again later; if it stays so, the index or something before it changes files: tell its operator",
        )
    }

    pub(super) fn contradiction(file: &FileName) -> Self {
        Self::new(
            "contradiction",
            format!("the index gives {file} more than one SHA-256"),
            "ask the index's operator which one is right",
        )
    }

    pub(super) fn bad_name() -> Self {
        Self::new("bad name", "its name is of no version of the project", TELL)
    }

    pub(super) fn sibling_hidden() -> Self {
        Self::new("hidden", "a wheel of this version is refused, and nobody shall build it instead", TELL)
    }

    pub(super) fn uncovered(project: &ProjectName) -> Self {
        Self::new(
            "not covered",
            format!("no log covers {project}, and the trust file refuses what is not covered"),
            "add a log that covers it, or set `uncovered` in the trust file",
        )
    }

    pub(super) fn changed(project: &ProjectName, file: &FileName, pinned: Hash) -> Self {
        Self::new(
            "changed",
            format!(
                "{file} of {project} is not what it was when it was first seen (SHA-256 {})",
                short(pinned)
            ),
            "released files do not change: find out why, and take its line out of pins.jsonl if it is right",
        )
    }

    /// The status line: one line of printable ASCII, short enough to be shown whole.
    pub fn phrase(&self) -> String {
        let text = format!("Wheeltap: {}: {}. Next: {}", self.verdict, self.reason, self.next_step);
        let plain = text.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' });
        let mut phrase: String = plain.take(MAX_PHRASE_CHARS).collect();
        if text.chars().count() > MAX_PHRASE_CHARS {
            phrase.truncate(MAX_PHRASE_CHARS - 3);
            phrase.push_str("...");
        }
        phrase
    }
}

/// Enough of a digest to tell it from another.
fn short(hash: Hash) -> String {
    hash.to_hex().chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_is_one_line_of_ascii() {
        let denial = Denial::new("withdrawn", "r\u{e9}voqu\u{e9}\r\nX-Evil: 1 \u{202e}".repeat(60), "next");
        let phrase = denial.phrase();
        assert!(phrase.len() <= MAX_PHRASE_CHARS && phrase.ends_with("..."), "{phrase}");
        assert!(phrase.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{phrase}");
        assert!(phrase.starts_with("Wheeltap: withdrawn: r?voqu???X-Evil"));
        assert_eq!(Denial::new("a", "b", "c").phrase(), "Wheeltap: a: b. Next: c");
    }
}
