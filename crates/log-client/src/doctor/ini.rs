//! INI files as Python's `configparser` reads them, with line numbers.
//!
//! Left out: interpolation and `[DEFAULT]`, which pip and tox do not use for what is
//! looked for here. What is no entry is passed over.

/// A key with its value.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The section.
    pub section: String,
    /// The key, in lower case.
    pub key: String,
    /// The lines of its value that are not empty, each with its number.
    pub values: Vec<(usize, String)>,
    /// The line of the key.
    pub line: usize,
}

impl Entry {
    /// The value in one line.
    pub fn value(&self) -> String {
        let lines: Vec<&str> = self.values.iter().map(|(_, value)| value.as_str()).collect();
        lines.join(" ")
    }
}

/// All entries in their order.
pub fn entries(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut section = String::new();
    let mut open = false;
    // A carriage return ends a line for Python, in files that it reads.
    let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    for (number, line) in lines.flat_map(|(number, line)| line.split('\r').map(move |part| (number, part))) {
        let (number, content) = (number + 1, line.trim());
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with([' ', '\t']) && open {
            if let Some(entry) = entries.last_mut() {
                entry.values.push((number, content.to_owned()));
            }
            continue;
        }
        if let Some(name) = content.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            name.trim().clone_into(&mut section);
            open = false;
            continue;
        }
        let (key, value) = content.split_once(['=', ':']).unwrap_or((content, ""));
        let value = value.trim();
        let values = if value.is_empty() { Vec::new() } else { vec![(number, value.to_owned())] };
        let key = key.trim().to_ascii_lowercase();
        entries.push(Entry { section: section.clone(), key, values, line: number });
        open = true;
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_have_sections_lines_and_continuations() {
        let text = "[global]\nIndex-URL = https://a/\n# no\nfind-links =\n    one\n  ; no\n\n    two\n[install]\nno-index: yes\nflag\n";
        let found: Vec<_> = entries(text)
            .into_iter()
            .map(|entry| (entry.section.clone(), entry.key.clone(), entry.line, entry.value()))
            .collect();
        let expected = [
            ("global", "index-url", 2, "https://a/"),
            ("global", "find-links", 4, "one two"),
            ("install", "no-index", 10, "yes"),
            ("install", "flag", 11, ""),
        ];
        let expected: Vec<_> = expected
            .iter()
            .map(|(section, key, line, value)| {
                ((*section).to_owned(), (*key).to_owned(), *line, (*value).to_owned())
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_carriage_return_ends_a_comment() {
        let found = entries("[a]\r\n# no\rb = c\r\n");
        assert_eq!((found[0].key.as_str(), found[0].line, found.len()), ("b", 2, 1));
    }
}
