//! Words of a line, as a shell splits them: white space, quotes, backslashes; and lines, as
//! Python splits a text.

/// What ends a line for Python's `splitlines()`, besides line feeds.
const LINE_ENDS: [char; 9] =
    ['\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];

/// The words. An open quote goes to the end.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// The lines that Python makes of a text, each with its number in an editor, for which only
/// line feeds count: several may have the same.
pub fn python_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate();
    lines.flat_map(|(number, line)| line.split(LINE_ENDS).map(move |part| (number + 1, part)))
}

/// Without white space around it, as Python sees it: it has more of it than Unicode.
pub fn python_trim(text: &str) -> &str {
    text.trim_matches(is_python_space)
}

/// Whether it is white space for Python.
pub fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_like_a_shell_does() {
        for (line, expected) in [
            ("", &[] as &[&str]),
            ("  -i  URL ", &["-i", "URL"]),
            ("a 'b c' \"d e\"f", &["a", "b c", "d ef"]),
            ("a\\ b ''", &["a b", ""]),
            ("'open", &["open"]),
        ] {
            assert_eq!(words(line), expected, "{line}");
        }
    }

    #[test]
    fn a_text_is_split_like_python_does() {
        let lines: Vec<_> = python_lines("a\r\nb\rc\u{b}d\u{2028}e\n\nf\u{85}").collect();
        assert_eq!(lines, [(1, "a"), (2, "b"), (2, "c"), (2, "d"), (2, "e"), (3, ""), (4, "f"), (4, "")]);
        assert_eq!(python_trim("\u{1f} a\t"), "a");
    }
}
