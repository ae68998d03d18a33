//! Options of pip and uv that say where files come from, on a command line or in a line of
//! a requirements file.
//!
//! Both tools' option parsers take the beginning of a long option for it, when there is no
//! other of that beginning.

/// What an option says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The index.
    Index,
    /// A further index.
    ExtraIndex,
    /// A place with files.
    FindLinks,
    /// No index at all.
    NoIndex,
    /// A host whose certificate is not checked.
    TrustedHost,
    /// None of pip's variables and configuration files.
    Isolated,
    /// Something installed from where it lies.
    Editable,
    /// Another requirements or constraints file.
    Include,
    /// Something else, with a value.
    Other,
    /// Something else, without one.
    Flag,
}

use Meaning::{Editable, ExtraIndex, FindLinks, Flag, Include, Index, Isolated, NoIndex, Other, TrustedHost};

const LONG: &[(&str, Meaning)] = &[
    ("index-url", Index),
    ("pypi-url", Index),
    ("default-index", Index),
    ("extra-index-url", ExtraIndex),
    ("index", ExtraIndex),
    ("find-links", FindLinks),
    ("no-index", NoIndex),
    ("trusted-host", TrustedHost),
    ("allow-insecure-host", TrustedHost),
    ("isolated", Isolated),
    ("editable", Editable),
    ("requirement", Include),
    ("constraint", Include),
    ("build-constraint", Include),
    ("no-binary", Other),
    ("only-binary", Other),
    ("use-feature", Other),
    ("hash", Other),
    ("config-settings", Other),
    ("global-option", Other),
    ("prefer-binary", Flag),
    ("require-hashes", Flag),
    ("no-require-hashes", Flag),
    ("pre", Flag),
    ("proxy", Other),
];

const SHORT: &[(char, Meaning)] =
    &[('i', Index), ('f', FindLinks), ('e', Editable), ('r', Include), ('c', Include), ('C', Other)];

/// Letters without a value, behind which another option may stand: `-Ui URL`.
const LETTERS: [char; 6] = ['U', 'I', 'q', 'v', 'n', 'h'];

/// What a line says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The options with their values.
    pub options: Vec<(Meaning, String)>,
    /// What is no option.
    pub others: Vec<String>,
}

/// Reads the words of a line.
pub fn read(words: &[String]) -> Line {
    let mut line = Line::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some((meaning, attached)) = option(word) else {
            line.others.push(word.clone());
            continue;
        };
        let value = match attached {
            Some(value) => value,
            None if matches!(meaning, NoIndex | Isolated | Flag) => String::new(),
            None => words.next().cloned().unwrap_or_default(),
        };
        line.options.push((meaning, value));
    }
    line
}

/// The meaning of a word that is an option, and the value that is a part of it.
fn option(word: &str) -> Option<(Meaning, Option<String>)> {
    if let Some(long) = word.strip_prefix("--").filter(|long| !long.is_empty()) {
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (long, None),
        };
        return Some((long_option(&name.replace('_', "-")), value));
    }
    let letters = word.strip_prefix('-').filter(|letters| !letters.is_empty())?;
    let mut chars = letters.trim_start_matches(LETTERS).chars();
    let letter = chars.next().unwrap_or('q');
    let meaning = SHORT.iter().find(|(short, _)| *short == letter).map_or(Flag, |(_, meaning)| *meaning);
    let attached = chars.as_str();
    let attached = attached.strip_prefix('=').unwrap_or(attached);
    Some((meaning, (!attached.is_empty()).then(|| attached.to_owned())))
}

fn long_option(name: &str) -> Meaning {
    if let Some((_, meaning)) = LONG.iter().find(|(long, _)| *long == name) {
        return *meaning;
    }
    let mut beginning = LONG.iter().filter(|(long, _)| long.starts_with(name)).map(|(_, meaning)| *meaning);
    // `--inde` is pip's --index-url: uv does not complete, so its own names do not count.
    beginning.next().unwrap_or(Flag)
}

#[cfg(test)]
mod tests {
    use super::super::words::words;
    use super::*;

    #[test]
    fn options_are_known_in_every_spelling() {
        for (line, expected) in [
            ("-i URL", &[(Index, "URL")] as &[_]),
            ("-iURL --index-url=URL", &[(Index, "URL"), (Index, "URL")]),
            ("--extra-i URL", &[(ExtraIndex, "URL")]),
            ("--inde URL", &[(Index, "URL")]),
            ("--index URL --default-index U", &[(ExtraIndex, "URL"), (Index, "U")]),
            ("--no-index --pre -f x", &[(NoIndex, ""), (Flag, ""), (FindLinks, "x")]),
            ("--trusted_host h --unknown", &[(TrustedHost, "h"), (Flag, "")]),
            ("-r a.txt -c b.txt -e .", &[(Include, "a.txt"), (Include, "b.txt"), (Editable, ".")]),
            ("-i", &[(Index, "")]),
            ("-Ui URL -qv --isolated a", &[(Index, "URL"), (Flag, ""), (Isolated, "")]),
        ] {
            let expected: Vec<_> =
                expected.iter().map(|(meaning, value)| (*meaning, (*value).to_owned())).collect();
            assert_eq!(read(&words(line)).options, expected, "{line}");
        }
        assert_eq!(read(&words("nova==1.0 --hash=sha256:00 x")).others, ["nova==1.0", "x"]);
    }
}
