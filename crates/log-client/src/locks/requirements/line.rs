//! One logical line: a requirement with its hashes, or options.

use log_core::artifact::ProjectName;

use super::super::text::{self, excerpt};
use super::super::{Digest, LockError, Origin, Permitted, Pin, Place};

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing, or a comment.
    Nothing,
    /// Something to install.
    Requirement(Requirement),
    /// Another file, whose lines stand here.
    Include {
        /// Its path or URL.
        target: String,
        /// Whether it only constrains versions.
        constraint: bool,
    },
    /// Options that do not name anything to install.
    Options,
}

/// Something to install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The project; `None` when only a URL or path is given.
    pub project: Option<ProjectName>,
    /// Name and extras, as they are written.
    pub name: String,
    /// The versions that are allowed, as they are written: `===27.0.0`.
    pub specifier: String,
    /// The environment marker, as it is written.
    pub marker: Option<String>,
    /// The version that it is pinned to.
    pub pin: Pin,
    /// Where it is from.
    pub origin: Origin,
    /// What may be taken.
    pub permits: Vec<Permitted>,
    /// Options other than `--hash`, as they are written.
    pub options: Vec<String>,
}

/// Options of a line that have a value.
const VALUED: [&str; 14] = [
    "--index-url",
    "--pypi-url",
    "--extra-index-url",
    "--find-links",
    "--no-binary",
    "--only-binary",
    "--trusted-host",
    "--use-feature",
    "--requirement",
    "--constraint",
    "--editable",
    "--uploaded-prior-to",
    "--all-releases",
    "--only-final",
];

/// Options of a line that have none.
const FLAGS: [&str; 5] =
    ["--no-index", "--pre", "--prefer-binary", "--require-hashes", "--no-require-hashes"];

/// Short spellings.
const SHORT: [(&str, &str); 5] = [
    ("-i", "--index-url"),
    ("-f", "--find-links"),
    ("-r", "--requirement"),
    ("-c", "--constraint"),
    ("-e", "--editable"),
];

/// Options of a requirement; each has a value.
const OF_REQUIREMENT: [&str; 4] = ["--hash", "--config-settings", "--config-setting", "--global-option"];

/// Understands a line without its comment.
pub(super) fn parse(line: &str, place: &Place) -> Result<Content, LockError> {
    if line.is_empty() {
        return Ok(Content::Nothing);
    }
    let (args, options) = split_options(line);
    if args.is_empty() {
        return parse_options(options, place);
    }
    if args.contains("${") || options.contains("${") {
        return Err(LockError::at(place, "a requirement depends on an environment variable"));
    }
    let mut digests = Vec::new();
    let mut kept = Vec::new();
    for (name, value) in named_values(options, place)? {
        match (name.as_str(), value) {
            ("--hash", Some(value)) => digests.push(text::digest(&value, place)?),
            (name, Some(value)) if OF_REQUIREMENT.contains(&name) => {
                kept.push(format!("{name}={}", quoted(&value)));
            }
            (name, _) => return Err(unknown_option(name, place)),
        }
    }
    let mut requirement = parse_requirement(args, digests, place)?;
    requirement.options = kept;
    Ok(Content::Requirement(requirement))
}

/// pip splits at spaces, and takes the first word that starts with `-` and all that
/// follow for options.
fn split_options(line: &str) -> (&str, &str) {
    let mut at = 0;
    for word in line.split(' ') {
        if word.starts_with('-') {
            return (line[..at].trim(), line[at..].trim());
        }
        at += word.len() + 1;
    }
    (line.trim(), "")
}

fn parse_options(options: &str, place: &Place) -> Result<Content, LockError> {
    let mut content = Content::Options;
    let options = named_values(options, place)?;
    let count = options.len();
    for (name, value) in options {
        match (name.as_str(), value) {
            ("--requirement" | "--constraint", Some(target)) if count == 1 && !target.contains("${") => {
                content = Content::Include { target, constraint: name == "--constraint" };
            }
            ("--editable", Some(target)) if count == 1 && !target.contains("${") => {
                content = Content::Requirement(editable(&target, place)?);
            }
            ("--requirement" | "--constraint" | "--editable", Some(_)) => {
                let what = format!("{name} together with other options, or with an environment variable");
                return Err(LockError::at(place, what));
            }
            (name, Some(_)) if VALUED.contains(&name) => {}
            (name, None) if FLAGS.contains(&name) => {}
            (name, _) => return Err(unknown_option(name, place)),
        }
    }
    Ok(content)
}

fn unknown_option(name: &str, place: &Place) -> LockError {
    LockError::at(place, format!("the option \"{}\" is not understood here", excerpt(name)))
}

/// Options by their long names, with their values.
fn named_values(options: &str, place: &Place) -> Result<Vec<(String, Option<String>)>, LockError> {
    let mut found = Vec::new();
    let mut words = shell_words(options, place)?.into_iter();
    while let Some(word) = words.next() {
        let short = SHORT.iter().find(|(short, _)| word.starts_with(short) && !word.starts_with("--"));
        let (name, attached) = match (short, word.split_once('=')) {
            (Some((short, long)), _) => (*long, Some(&word[short.len()..]).filter(|value| !value.is_empty())),
            (None, Some((name, value))) => (name, Some(value)),
            (None, None) => (word.as_str(), None),
        };
        let has_value = VALUED.contains(&name) || OF_REQUIREMENT.contains(&name);
        let value = match attached {
            Some(value) => Some(value.to_owned()),
            None if has_value => Some(
                words
                    .next()
                    .ok_or_else(|| LockError::at(place, format!("the option {name} has no value")))?,
            ),
            None => None,
        };
        found.push((name.to_owned(), value));
    }
    Ok(found)
}

/// Words as a POSIX shell splits them, without expanding anything.
fn shell_words(text: &str, place: &Place) -> Result<Vec<String>, LockError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, c) if c.is_ascii_whitespace() => words.extend(word.take()),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if c == open => quote = None,
            (None | Some('"'), '\\') => match chars.next() {
                Some(next) if quote.is_none() || matches!(next, '"' | '\\') => {
                    word.get_or_insert_default().push(next);
                }
                Some(next) => word.get_or_insert_default().extend(['\\', next]),
                None => return Err(LockError::at(place, "it ends in a backslash")),
            },
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err(LockError::at(place, "a quotation mark is not closed"));
    }
    words.extend(word);
    Ok(words)
}

/// For a shell, and so that no `#` follows white space: pip takes that for a comment
/// before it looks at quotation marks.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:+".contains(c);
    if value.chars().all(plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', "'\"'\"'").replace('#', "'\\#'"))
}

fn editable(target: &str, place: &Place) -> Result<Requirement, LockError> {
    let origin = if text::is_local(target) { Origin::Directory } else { Origin::Repository };
    let origin = origin(target.to_owned());
    let egg = target.split_once("#egg=").map(|(_, egg)| egg.split(['&', '[']).next().unwrap_or_default());
    let project = egg.map(|egg| text::project(egg, place)).transpose()?;
    Ok(Requirement::of(project, origin, Vec::new()))
}

/// Before the options: `name[extras] specifier ; marker`, `name @ url ; marker`, a URL or a
/// path.
fn parse_requirement(args: &str, digests: Vec<Digest>, place: &Place) -> Result<Requirement, LockError> {
    // As pip sees it: `name @ …` is none.
    let is_url =
        |text: &str| text::scheme(text).is_some_and(|scheme| text[scheme.len()..].starts_with("://"));
    let (args, marker) = match args.split_once(if is_url(args) { "; " } else { ";" }) {
        Some((args, marker)) => (args.trim(), Some(marker.trim().to_owned())),
        None => (args, None),
    };
    // Written again behind white space, a `#` at its start would be a comment's, and a `-`
    // an option's.
    let starts_marker = |c: char| c.is_ascii_alphabetic() || "('\"".contains(c);
    if marker.as_ref().is_some_and(|marker| !marker.starts_with(starts_marker)) {
        return Err(LockError::at(place, "there is no marker after the semicolon"));
    }
    let (name, rest) = split_name(args);
    let (project, location) = if let Some(url) = rest.strip_prefix('@').filter(|_| !name.is_empty()) {
        (Some(text::project(project_of(name), place)?), url.trim())
    } else if is_url(args) || looks_like_path(args) {
        (None, args)
    } else {
        let project = text::project(project_of(name), place)?;
        let (specifier, pin) = specifier(rest, place)?;
        let one = |digest| Permitted { digests: vec![digest], ..Permitted::default() };
        let permits = digests.into_iter().map(one).collect();
        let mut requirement = Requirement::of(Some(project), Origin::Index(None), permits);
        (requirement.name, requirement.specifier) = (name.to_owned(), specifier);
        (requirement.pin, requirement.marker) = (pin, marker);
        return Ok(requirement);
    };
    if location.is_empty() || location.contains(char::is_whitespace) {
        return Err(LockError::at(place, "it is neither a requirement nor a URL"));
    }
    let mut requirement = located(project, location, digests, place)?;
    name.clone_into(&mut requirement.name);
    requirement.marker = marker;
    Ok(requirement)
}

/// What is given by its URL or path.
fn located(
    project: Option<ProjectName>,
    location: &str,
    mut digests: Vec<Digest>,
    place: &Place,
) -> Result<Requirement, LockError> {
    let mut egg = location.split_once('#').into_iter().flat_map(|(_, fragment)| fragment.split('&'));
    let egg = egg.find_map(|part| part.strip_prefix("egg="));
    let egg = egg.map(|egg| text::project(project_of(egg), place)).transpose()?;
    if let (Some(project), Some(egg)) = (&project, &egg)
        && project != egg
    {
        return Err(LockError::at(place, format!("it is called {project} and {egg}")));
    }
    let project = project.or(egg);
    if !text::is_local(location) && !text::is_web(location) {
        return Ok(Requirement::of(project, Origin::Repository(location.to_owned()), Vec::new()));
    }
    if !text::is_archive(location.split('[').next().unwrap_or_default()) && text::is_local(location) {
        return Ok(Requirement::of(project, Origin::Directory(location.to_owned()), Vec::new()));
    }
    digests.extend(text::url_digests(location, place)?);
    let permitted = Permitted { name: None, url: Some(location.to_owned()), digests };
    Ok(Requirement::of(project, Origin::Archive, vec![permitted]))
}

impl Requirement {
    fn of(project: Option<ProjectName>, origin: Origin, permits: Vec<Permitted>) -> Self {
        let (name, specifier, marker) = (String::new(), String::new(), None);
        Self { project, name, specifier, marker, pin: Pin::Open, origin, permits, options: Vec::new() }
    }
}

fn looks_like_path(text: &str) -> bool {
    text.starts_with('.') || text.contains(['/', '\\']) || text::is_archive(text)
}

/// The name with its extras, and what follows.
fn split_name(args: &str) -> (&str, &str) {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let end = args.find(|c| !is_name(c)).unwrap_or(args.len());
    let rest = args[end..].trim_start();
    match rest.strip_prefix('[').and_then(|rest| rest.find(']')) {
        Some(close) => {
            let end = args.len() - rest.len() + close + 2;
            (args[..end].trim(), args[end..].trim_start())
        }
        None => (args[..end].trim(), rest),
    }
}

fn project_of(name: &str) -> &str {
    name.split('[').next().unwrap_or_default().trim()
}

/// What versions are allowed, and the one that they pin, as pip sees it: a single `==` or
/// `===` without a wildcard.
fn specifier(text: &str, place: &Place) -> Result<(String, Pin), LockError> {
    let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(text).trim();
    let bad = || LockError::at(place, format!("\"{}\" is no version specifier", excerpt(text)));
    let mut clauses = Vec::new();
    for clause in inner.split(',').map(str::trim).filter(|_| !inner.is_empty()) {
        let operators = ["===", "==", "~=", "!=", "<=", ">=", "<", ">"];
        let operator = operators.into_iter().find(|operator| clause.starts_with(operator)).ok_or_else(bad)?;
        let version = clause[operator.len()..].trim();
        let is_version = |c: char| c.is_ascii_alphanumeric() || ".*+!-_".contains(c);
        if version.is_empty() || !version.chars().all(is_version) {
            return Err(bad());
        }
        clauses.push((operator, version));
    }
    let pin = match clauses[..] {
        [("===", version)] => Pin::of(version),
        [("==", version)] if !version.ends_with(".*") => Pin::of(version),
        _ => Pin::Open,
    };
    Ok((inner.to_owned(), pin))
}
