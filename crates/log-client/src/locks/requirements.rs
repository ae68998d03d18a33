//! pip's requirements and constraints files.
//!
//! | module | owns |
//! |---|---|
//! | [`lines`] | the file as logical lines: continuations and comments |
//! | `line` | one logical line: a requirement, or options |
//!
//! ```text
//! nova[api]===27.0.0 ; python_version >= "3.9" \
//!     --hash=sha256:… \
//!     --hash=sha256:…            # an installer takes any one of them
//! glance @ https://files.example/glance-1.0.tar.gz#sha256=…
//! -r more.txt
//! --index-url https://pypi.org/simple
//! ```
//!
//! Invariant: where pip would read something else the file is an error: other ends of
//! lines than LF and CR LF, other encodings than UTF-8, environment variables where
//! they would matter, unknown and abbreviated options.
//!
//! Left out: reading the files that are included, which is the caller's; the indexes
//! that options name, since a hash that is proven is proven wherever it comes from.
//!
//! Specification: "Requirements File Format" of pip's documentation and `req_file.py` in
//! pip 26; PEP 440; PEP 508.

use super::{LockError, MAX_WANTED, Place, Wanted, text};

pub mod line;
pub mod lines;

pub use line::{Content, Requirement};
pub use lines::Comment;

/// A logical line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its first line, counted from 1.
    pub number: usize,
    /// As it is written, without the last end of line.
    pub raw: String,
    /// What is written for people.
    pub comment: Comment,
    /// What it says.
    pub content: Content,
}

/// Reads a file into its logical lines. Nothing that is in it is left out, so that it can
/// be written again.
pub fn parse(bytes: &[u8]) -> Result<Vec<Line>, LockError> {
    let text = text::utf8(bytes)?;
    lines::check_encoding(text)?;
    let mut parsed = Vec::new();
    for logical in lines::logical(text) {
        let place = Place::Line(logical.number);
        let content = line::parse(&logical.text, &place)?;
        parsed.push(Line { number: logical.number, raw: logical.raw, comment: logical.comment, content });
        if parsed.len() > 10 * MAX_WANTED {
            return Err(LockError::whole(format!("it has more than {} lines", 10 * MAX_WANTED)));
        }
    }
    Ok(parsed)
}

impl Line {
    /// What it wants installed.
    pub fn wanted(&self) -> Option<Wanted> {
        let Content::Requirement(requirement) = &self.content else { return None };
        Some(requirement.wanted(self.number))
    }
}

impl Requirement {
    /// What it wants installed; it is on the line `number`.
    pub fn wanted(&self, number: usize) -> Wanted {
        Wanted {
            place: Place::Line(number),
            project: self.project.clone(),
            version: self.pin.clone(),
            origin: self.origin.clone(),
            permits: self.permits.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
