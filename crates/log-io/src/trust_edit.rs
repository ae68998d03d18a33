//! Changes to the text of a trust file: a log is added, a log is taken out.
//!
//! People write into these files, so everything else stays as it is, byte for byte:
//! other sections, their order, comments. A section is the lines from its `[[log]]` to
//! the next one; comments right above `[[log]]` are part of it.
//!
//! Invariant: what is returned was parsed again and has exactly the logs that it should
//! have, and the same settings; a file whose spelling is not understood (such as
//! `log = [{…}]`) is left to people. Left out: reading and writing the file.

use anyhow::{Context as _, bail, ensure};

use crate::trust_file::{TrustFile, TrustedLog};

/// Where a log is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is asked about what the logs before it are not asked about.
    Last,
    /// It is asked before all others.
    First,
}

/// The text with one log more. Without a text a file begins with it.
pub fn add(text: Option<&str>, log: &TrustedLog, place: Place) -> anyhow::Result<String> {
    let section = log.to_section()?;
    let Some(text) = text else {
        TrustFile::parse(&section)?;
        return Ok(section);
    };
    let before = TrustFile::parse(text).context("the file as it is")?;
    let origin = log.origin();
    ensure!(before.logs.iter().all(|other| other.origin() != origin), "it has a log called {origin} already");
    check_is_asked(&before, log, place)?;
    let sections = sections(text, &before)?;
    let at = match place {
        Place::First => sections[0].start,
        Place::Last => text.len(),
    };
    let (head, tail) = text.split_at(at);
    let after = [head, gap(head), &section, if tail.is_empty() { "" } else { "\n" }, tail].concat();
    let mut expected: Vec<String> =
        before.logs.iter().map(TrustedLog::to_section).collect::<Result<_, _>>()?;
    expected.insert(if place == Place::First { 0 } else { expected.len() }, section);
    check(&after, &before, &expected)?;
    Ok(after)
}

/// The text without one of its logs.
pub fn remove(text: &str, origin: &str) -> anyhow::Result<String> {
    let before = TrustFile::parse(text).context("the file as it is")?;
    let position = before.logs.iter().position(|log| log.origin() == origin);
    let Some(position) = position else {
        before.named(origin)?;
        bail!("it has no log called {origin:?}");
    };
    ensure!(before.logs.len() > 1, "{origin} is its only log, and a trust file has at least one");
    let section = sections(text, &before)?.swap_remove(position);
    let after = [&text[..section.start], &text[section.end..]].concat();
    let mut expected: Vec<String> =
        before.logs.iter().map(TrustedLog::to_section).collect::<Result<_, _>>()?;
    expected.remove(position);
    check(&after, &before, &expected)?;
    Ok(after)
}

/// A log that would never be asked is a mistake; so is one that would leave nothing to the
/// others.
fn check_is_asked(file: &TrustFile, log: &TrustedLog, place: Place) -> anyhow::Result<()> {
    let hides = |a: &TrustedLog, b: &TrustedLog| {
        let includes = |pattern| a.projects.iter().any(|own| own.includes(pattern));
        a.projects.is_empty() || !b.projects.is_empty() && b.projects.iter().all(includes)
    };
    for other in &file.logs {
        let (first, second) = match place {
            Place::Last => (other, log),
            Place::First => (log, other),
        };
        ensure!(
            !hides(first, second),
            "{0} would be asked about all projects of {1}, so {1} would never be asked",
            first.origin(),
            second.origin()
        );
    }
    Ok(())
}

/// Where the section of each log is.
fn sections(text: &str, file: &TrustFile) -> anyhow::Result<Vec<std::ops::Range<usize>>> {
    let mut starts = Vec::new();
    let (mut at, mut comment) = (0, None);
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        if trimmed.starts_with("[[log]]") {
            starts.push(comment.take().unwrap_or(at));
        } else if trimmed.starts_with('#') {
            comment.get_or_insert(at);
        } else {
            comment = None;
        }
        at += line.len();
    }
    ensure!(
        starts.len() == file.logs.len(),
        "its logs are not written as `[[log]]` sections, each on a line of its own"
    );
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    Ok(starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect())
}

/// What is to stand between a text and a section after it: an empty line.
fn gap(before: &str) -> &'static str {
    if before.is_empty() || before.ends_with("\n\n") {
        ""
    } else if before.ends_with('\n') {
        "\n"
    } else {
        "\n\n"
    }
}

fn check(after: &str, before: &TrustFile, expected: &[String]) -> anyhow::Result<()> {
    let parsed = TrustFile::parse(after).context("the changed file")?;
    let found: Vec<String> = parsed.logs.iter().map(TrustedLog::to_section).collect::<Result<_, _>>()?;
    ensure!(
        found == expected && (parsed.uncovered, parsed.grace) == (before.uncovered, before.grace),
        "its spelling is not understood well enough to change it"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use log_core::key::{KeyName, SignerKey};
    use log_core::policy::{Pattern, Roots};

    use super::*;

    fn log(name: &str, projects: &[&str]) -> TrustedLog {
        let key = |name: &str| {
            SignerKey::from_seed(KeyName::parse(name).expect("a name"), &[7; 32]).public().clone()
        };
        let roots = Roots::new(1, vec![key("root")]).expect("a root");
        let projects: Vec<Pattern> =
            projects.iter().map(|text| Pattern::parse(text).expect("a pattern")).collect();
        let policy = format!("log {}\nquorum none\n", key(name).to_vkey());
        TrustedLog::new(format!("https://{name}/"), policy, &roots, &projects, None).expect("a log")
    }

    fn origins(text: &str) -> Vec<String> {
        let file = TrustFile::parse(text).expect("a trust file");
        file.logs.iter().map(|log| log.origin().to_owned()).collect()
    }

    #[test]
    fn a_file_begins_with_its_first_log_and_grows() {
        let one = add(None, &log("a", &["nova"]), Place::Last).expect("a file");
        let two = add(Some(&one), &log("b", &["oslo-*"]), Place::Last).expect("two logs");
        assert!(two.starts_with(&one), "what was there stays");
        let three = add(Some(&two), &log("c", &["glance"]), Place::First).expect("three logs");
        assert_eq!(origins(&three), ["c", "a", "b"]);
        assert!(three.ends_with(&two));
    }

    #[test]
    fn what_people_wrote_stays() {
        let a = log("a", &["nova"]).to_section().expect("a section");
        let b = log("b", &["glance"]).to_section().expect("a section");
        let head = "# ours\nuncovered = \"pin\"  # for now\ngrace = 60\n\n";
        let text = format!("{head}# the team's\n  # from the wiki\n{a}# inside a\n\n# of b\n{b}\n# the end");
        let more = add(Some(&text), &log("c", &["cinder"]), Place::Last).expect("added");
        assert!(more.starts_with(&text));
        let first = add(Some(&text), &log("c", &["cinder"]), Place::First).expect("added");
        assert_eq!(origins(&first), ["c", "a", "b"]);
        assert!(first.starts_with(head) && first.ends_with(&text[head.len()..]));
        assert_eq!(remove(&first, "c").expect("removed"), format!("{head}{}", &text[head.len()..]));
        let without_a = remove(&text, "a").expect("removed");
        assert_eq!(without_a, format!("{head}# of b\n{b}\n# the end"));
        let without_b = remove(&text, "b").expect("removed");
        assert_eq!(without_b, format!("{head}# the team's\n  # from the wiki\n{a}# inside a\n\n"));
    }

    #[test]
    fn what_would_be_wrong_is_refused() {
        let refused = |result: anyhow::Result<String>, says: &str| {
            let error = format!("{:#}", result.expect_err(says));
            assert!(error.contains(says), "{error}");
        };
        let all = add(None, &log("a", &[]), Place::Last).expect("a file");
        refused(add(Some(&all), &log("a", &["nova"]), Place::First), "a log called a already");
        refused(add(Some(&all), &log("b", &["nova"]), Place::Last), "b would never be asked");
        refused(add(Some(&all), &log("b", &[]), Place::First), "a would never be asked");
        let both = add(Some(&all), &log("b", &["oslo-*"]), Place::First).expect("b first");
        refused(add(Some(&both), &log("c", &["oslo-log"]), Place::Last), "c would never be asked");
        assert!(add(Some(&both), &log("c", &["oslo-log"]), Place::First).is_ok());
        refused(remove(&all, "a"), "only log");
        refused(remove(&both, "c"), "no log called \"c\"; it has b, a");
        refused(remove("nonsense", "a"), "the file as it is");
        // Right TOML, and not for a program to change.
        let inline = both.replace("[[log]]", "[[ log ]]");
        refused(remove(&inline, "a"), "`[[log]]` sections");
        refused(add(Some(&inline), &log("d", &["nova"]), Place::First), "`[[log]]` sections");
    }
}
