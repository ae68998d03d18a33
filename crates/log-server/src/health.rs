//! Whether the log can do its work: a pure function of what was observed.

use serde::Serialize;

/// What is seen of a running log.
#[derive(Debug, Clone, Copy, Default)]
pub struct Observed {
    /// The size that is published; `None` before the first time.
    pub published: Option<u64>,
    /// Whether statements are taken.
    pub takes_statements: bool,
    /// The size that look-ups can answer for; `None` when the index cannot be asked.
    pub indexed: Option<u64>,
    /// Free space for the log's directory, in bytes; `None` when it is not known.
    pub available: Option<u64>,
}

/// Whether to send requests here, and why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "status", content = "reason", rename_all = "kebab-case")]
pub enum Readiness {
    /// Everything is well.
    Ready,
    /// Something is not.
    NotReady(Reason),
}

/// Why a log is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It is started, and reads what it has.
    Starting,
    /// A round failed; it recovers.
    Recovering,
    /// There is little room on the disk, so the next round may fail.
    DiskFull,
    /// Look-ups cannot be answered for all that is published.
    IndexBehind,
}

impl Reason {
    /// What it means, in words.
    pub fn detail(self) -> &'static str {
        match self {
            Self::Starting => "the log reads what it has; nothing is served yet",
            Self::Recovering => "a round failed and the log recovers; statements are refused, reads go on",
            Self::DiskFull => "the log's directory has less free space than `private.min_free_mib`",
            Self::IndexBehind => "the index is behind what is published, or cannot be read",
        }
    }
}

/// Judges a log that should have `min_free` bytes of room; the worst reason is named.
pub fn readiness(observed: &Observed, min_free: u64) -> Readiness {
    let Some(published) = observed.published else { return Readiness::NotReady(Reason::Starting) };
    if !observed.takes_statements {
        return Readiness::NotReady(Reason::Recovering);
    }
    if observed.available.is_some_and(|available| available < min_free) {
        return Readiness::NotReady(Reason::DiskFull);
    }
    if observed.indexed.is_none_or(|indexed| indexed < published) {
        return Readiness::NotReady(Reason::IndexBehind);
    }
    Readiness::Ready
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_reason_is_named() {
        let well =
            Observed { published: Some(7), takes_statements: true, indexed: Some(7), available: Some(100) };
        for (observed, reason) in [
            (well, None),
            // A round has reached the index and not been published yet.
            (Observed { indexed: Some(8), ..well }, None),
            (Observed { available: None, ..well }, None),
            (Observed { available: Some(99), ..well }, Some(Reason::DiskFull)),
            (Observed { indexed: Some(6), ..well }, Some(Reason::IndexBehind)),
            (Observed { indexed: None, ..well }, Some(Reason::IndexBehind)),
            (Observed { takes_statements: false, indexed: None, ..well }, Some(Reason::Recovering)),
            (Observed::default(), Some(Reason::Starting)),
        ] {
            let expected = reason.map_or(Readiness::Ready, Readiness::NotReady);
            assert_eq!(readiness(&observed, 100), expected, "{observed:?}");
        }
    }
}
