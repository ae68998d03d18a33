//! Words of a line, as a shell splits them: white space, quotes, backslashes.

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
}
