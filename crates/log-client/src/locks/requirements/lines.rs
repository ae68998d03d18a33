//! A requirements file as logical lines: what pip does before it looks at them.

use super::super::LockError;

/// What is written on a line for people, with its `#`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comment(pub Option<String>);

/// A logical line before it is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Logical {
    pub(super) number: usize,
    pub(super) raw: String,
    pub(super) text: String,
    pub(super) comment: Comment,
}

/// What pip would read otherwise than this module: it splits lines wherever Python does,
/// and lets the first two lines say that the file has another encoding.
pub(super) fn check_encoding(text: &str) -> Result<(), LockError> {
    let bad =
        |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t') || matches!(c, '\u{2028}' | '\u{2029}');
    if let Some(c) = text.chars().find(|c| bad(*c)) {
        return Err(LockError::whole(format!("it has the character {}", c.escape_unicode())));
    }
    if text.replace("\r\n", "\n").contains('\r') {
        return Err(LockError::whole("it has a carriage return that ends no line"));
    }
    for line in text.lines().take(2).filter(|line| line.starts_with('#')) {
        let after = line.split("coding").skip(1).filter_map(|rest| rest.strip_prefix([':', '=']));
        for name in after {
            let name = name.trim_start().to_ascii_lowercase();
            if !["utf-8", "utf8", "ascii", "us-ascii"].iter().any(|known| name.starts_with(known)) {
                return Err(LockError::whole("it says that it has another encoding than UTF-8"));
            }
        }
    }
    Ok(())
}

/// Joins lines that end in a backslash, and takes comments away. Every line of the text is
/// in the `raw` of one logical line.
pub(super) fn logical(text: &str) -> Vec<Logical> {
    let mut all = Vec::new();
    let mut open: Option<(usize, String, String)> = None;
    for (at, line) in text.lines().enumerate() {
        let (number, mut raw, mut joined) = match open.take() {
            None => (at + 1, String::new(), String::new()),
            Some((number, raw, joined)) => (number, raw + "\n", joined),
        };
        raw.push_str(line);
        let is_comment = line.trim_start().starts_with('#');
        if line.ends_with('\\') && !is_comment {
            joined.push_str(line.trim_matches('\\'));
            open = Some((number, raw, joined));
            continue;
        }
        if is_comment {
            // So that it is one in the joined line, too.
            joined.push(' ');
        }
        joined.push_str(line);
        all.push(finish(number, raw, &joined));
    }
    all.extend(open.map(|(number, raw, joined)| finish(number, raw, &joined)));
    all
}

/// A comment starts at a `#` at the start or after white space, and takes all that follows.
fn finish(number: usize, raw: String, joined: &str) -> Logical {
    let mut starts = joined.match_indices('#').map(|(at, _)| at);
    let start = starts.find(|at| joined[..*at].chars().next_back().is_none_or(char::is_whitespace));
    let (text, comment) = joined.split_at(start.unwrap_or(joined.len()));
    let comment = Some(comment.trim_end().to_owned()).filter(|comment| !comment.is_empty());
    Logical { number, raw, text: text.trim().to_owned(), comment: Comment(comment) }
}
