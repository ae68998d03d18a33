//! How verdicts are printed: a line for each file, or one JSON document.

use log_io::outcome::{Exit, note, print, shown};
use log_io::session::Session;
use serde_json::{Value, json};

use super::judged::{Judged, severity};

/// What was judged, under which tree.
pub(super) struct Report {
    pub(super) files: Vec<Judged>,
    pub(super) size: Option<u64>,
    pub(super) log_time: Option<u64>,
    /// Whether a file that is not among the facts is not in the log.
    pub(super) complete: bool,
    pub(super) offline: bool,
}

impl Report {
    /// The exit code: that of the worst verdict.
    pub(super) fn worst(&self) -> Exit {
        let worst = self.files.iter().map(Judged::exit).max_by_key(|exit| severity(*exit));
        worst.unwrap_or(Exit::Failed)
    }

    pub(super) fn print_text(&self, session: &Session) {
        let width = self.files.iter().map(|file| file.word().len()).max().unwrap_or(0);
        for file in &self.files {
            let path = shown(&file.file.display().to_string());
            print(format_args!("{:width$}  {path}  ({})", file.word(), shown(&file.reason())));
            if let Some(next_step) = file.next_step() {
                note(format_args!("hint: {path}: {next_step}"));
            }
        }
        let verified = self.files.iter().filter(|file| file.exit() == Exit::Ok).count();
        note(format_args!("{verified} of {} verified{}", self.files.len(), self.scope(session)));
    }

    /// What the verdicts rest on, and what they leave open.
    fn scope(&self, session: &Session) -> String {
        let origin = session.log.trust.genesis.log.name();
        match (self.offline, self.size) {
            (true, _) => {
                " offline: inclusion and authority are proven, not that nothing else is logged, nor \
                          that the files were not withdrawn and no key was revoked since"
                    .to_owned()
            }
            (false, Some(size)) if self.complete => {
                format!(" against {origin} at size {size}; it is proven that nothing else is logged of them")
            }
            (false, Some(size)) => format!(" against {origin} at size {size}"),
            (false, None) => String::new(),
        }
    }

    pub(super) fn to_json(&self, session: &Session) -> Value {
        json!({
            "schema": 1,
            "log": {
                "origin": session.log.trust.genesis.log.name().as_str(),
                "size": self.size,
                "log_time": self.log_time,
            },
            "offline": self.offline,
            "complete": self.complete,
            "files": self.files.iter().map(Judged::to_json).collect::<Vec<_>>(),
        })
    }
}
