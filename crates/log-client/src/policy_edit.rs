//! The next version of a policy from the one before: pure functions.
//!
//! Invariant: an edit changes what it names and nothing else, and one that would change
//! nothing, or could mean several things, is an error. Whether the outcome is a policy at
//! all is checked when it is read back (`log_core::policy`). What is left out: the
//! version number, and what the changes mean (`log_core::policy::diff`).

use log_core::artifact::Version;
use log_core::key::VerifierKey;
use log_core::policy::{Coverage, Expected, Pattern, Policy, Publisher, PublisherKey};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Somebody may publish these projects.
    AddPublisher {
        /// The key.
        key: VerifierKey,
        /// The projects.
        projects: Vec<Pattern>,
    },
    /// A publisher may publish further projects.
    AddProjects {
        /// The publisher.
        publisher: Name,
        /// The projects.
        projects: Vec<Pattern>,
    },
    /// A publisher may not publish a project any more.
    RemoveProject {
        /// The publisher.
        publisher: Name,
        /// The project, as it is written in the policy.
        project: Pattern,
    },
    /// Somebody may not publish any more.
    RemovePublisher(Name),
    /// A publisher has one more key.
    AddKey {
        /// The publisher.
        publisher: Name,
        /// The key.
        key: VerifierKey,
    },
    /// A publisher's key counts before a time only.
    EndKey {
        /// The key.
        key: Name,
        /// The first second that is not its time any more.
        at: u64,
    },
    /// Somebody else signs policies, too.
    AddRoot(VerifierKey),
    /// Somebody does not sign policies any more.
    RemoveRoot(Name),
    /// How many roots must sign.
    Threshold(usize),
    /// How long the policy after this one waits.
    CoolDown(u64),
    /// Of these versions the log has everything.
    Cover(Coverage),
    /// Nothing is promised of these projects any more.
    Uncover(Pattern),
    /// A project is handed over: the log does not have its versions from this one on.
    Leave {
        /// The project.
        pattern: Pattern,
        /// The first version that is somebody else's.
        until: Version,
    },
    /// Whether a publisher may withdraw.
    Withdraw {
        /// The publisher.
        publisher: Name,
        /// Whether it may.
        allowed: bool,
    },
}

/// A publisher by its name or one of its keys, or a key: by key ID or the key's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(pub String);

/// Makes the change.
pub fn apply(policy: &mut Policy, edit: &Edit) -> Result<(), String> {
    match edit {
        Edit::AddPublisher { key, projects } => {
            let (name, keys) = (key.name().to_string(), vec![PublisherKey::always(key.clone())]);
            if policy.publishers.iter().any(|publisher| publisher.name == name) {
                return Err(format!(
                    "there is a publisher {name:?} already; give it projects with --add-project, and keys with \
                     --add-key"
                ));
            }
            let projects = projects.clone();
            policy.publishers.push(Publisher { name, keys, projects, withdraw: false });
        }
        Edit::AddProjects { publisher, projects } => {
            let position = find_publisher(policy, publisher)?;
            let all = &mut policy.publishers[position].projects;
            if let Some(known) = projects.iter().find(|project| all.contains(project)) {
                return Err(format!("{known} is one of its projects already"));
            }
            all.extend(projects.iter().cloned());
        }
        Edit::RemoveProject { publisher, project } => {
            let position = find_publisher(policy, publisher)?;
            let all = &mut policy.publishers[position].projects;
            let before = all.len();
            all.retain(|known| known != project);
            if all.len() == before {
                return Err(format!("it has no project that is written {project}"));
            }
        }
        Edit::RemovePublisher(name) => {
            let position = find_publisher(policy, name)?;
            policy.publishers.remove(position);
        }
        Edit::AddKey { publisher, key } => {
            let position = find_publisher(policy, publisher)?;
            policy.publishers[position].keys.push(PublisherKey::always(key.clone()));
        }
        Edit::EndKey { key, at } => {
            let key = find_key(policy, key)?;
            if key.until == Some(*at) {
                return Err(format!("{} ends at {at} already", key.key.keyid()));
            }
            key.until = Some(*at);
        }
        Edit::AddRoot(key) => policy.roots.keys.push(key.clone()),
        Edit::RemoveRoot(name) => {
            let position = one(&policy.roots.keys, |key| is_called(key, name), "root key", name)?;
            policy.roots.keys.remove(position);
        }
        Edit::Threshold(threshold) => policy.roots.threshold = *threshold,
        Edit::CoolDown(seconds) => policy.cool_down = *seconds,
        Edit::Cover(coverage) => match find_coverage(policy, &coverage.pattern)? {
            // What its index looks like stays as it was.
            Some(old) => (old.from, old.until) = (coverage.from.clone(), coverage.until.clone()),
            None => policy.projects.push(coverage.clone()),
        },
        Edit::Uncover(pattern) => {
            let before = policy.projects.len();
            policy.projects.retain(|coverage| coverage.pattern != *pattern);
            if policy.projects.len() == before {
                return Err(format!("the policy has no line that covers {pattern}"));
            }
        }
        Edit::Leave { pattern, until } => {
            let covered = find_coverage(policy, pattern)?;
            let covered = covered.ok_or_else(|| {
                format!("the policy has no line that covers {pattern}; give it one with --cover '{pattern}<{until}'")
            })?;
            covered.until = Some(until.clone());
        }
        Edit::Withdraw { publisher, allowed } => {
            let position = find_publisher(policy, publisher)?;
            policy.publishers[position].withdraw = *allowed;
        }
    }
    Ok(())
}

/// What a change does not do although one might think so.
pub fn remark(policy: &Policy, edit: &Edit) -> Option<String> {
    let (pattern, version) = match edit {
        Edit::Uncover(pattern) => (pattern, None),
        Edit::Leave { pattern, until } => (pattern, Some(until)),
        _ => return None,
    };
    let covers = |coverage: &&Coverage| {
        let stem = coverage.pattern.as_str().strip_suffix('*');
        let matches = stem.is_some_and(|stem| pattern.as_str().starts_with(stem));
        let until = coverage.until.as_ref();
        matches && version.is_none_or(|version| until.is_none_or(|until| until > version))
    };
    let other = policy.projects.iter().filter(|coverage| coverage.pattern != *pattern).find(covers)?;
    Some(format!("{pattern} is still covered by the line for {} ({})", other.pattern, other.versions()))
}

/// What is covered and nobody may publish: of these projects nothing can be logged, so that all
/// their files are refused.
pub fn unpublished(policy: &Policy) -> Vec<&Pattern> {
    let patterns = policy.projects.iter().map(|coverage| &coverage.pattern);
    let is_anybodys = |pattern: &&Pattern| {
        let mut published = policy.publishers.iter().flat_map(|publisher| &publisher.projects);
        published.any(|projects| projects.includes(pattern) || pattern.includes(projects))
    };
    patterns.filter(|pattern| !is_anybodys(pattern)).collect()
}

/// `<pattern>[>=<version>][,<<version>]`.
pub fn parse_coverage(text: &str) -> Result<Coverage, String> {
    let version = |text: &str| Version::parse(text.trim()).map_err(|error| error.to_string());
    let (rest, until) = match text.rsplit_once('<') {
        Some((rest, until)) => (rest.trim_end_matches(','), Some(version(until)?)),
        None => (text, None),
    };
    let (pattern, from) = match rest.split_once(">=") {
        Some((pattern, from)) => (pattern, Some(version(from)?)),
        None => (rest, None),
    };
    let pattern = Pattern::parse(pattern.trim())?;
    Ok(Coverage { pattern, from, until, expected: Expected::default() })
}

/// `<pattern><<version>`.
pub fn parse_leave(text: &str) -> Result<Edit, String> {
    match parse_coverage(text)? {
        Coverage { pattern, from: None, until: Some(until), .. } => Ok(Edit::Leave { pattern, until }),
        _ => Err(format!("{text:?}: expected a project and the first version that it left with: 'nova<30'")),
    }
}

fn find_publisher(policy: &Policy, name: &Name) -> Result<usize, String> {
    let is_it = |publisher: &Publisher| {
        publisher.name == name.0 || publisher.keys.iter().any(|key| is_called(&key.key, name))
    };
    one(&policy.publishers, is_it, "publisher", name)
}

fn find_key<'p>(policy: &'p mut Policy, name: &Name) -> Result<&'p mut PublisherKey, String> {
    let mut keys: Vec<&mut PublisherKey> =
        policy.publishers.iter_mut().flat_map(|publisher| &mut publisher.keys).collect();
    let position = one(&keys, |key| is_called(&key.key, name), "publisher's key", name)?;
    Ok(keys.swap_remove(position))
}

/// The one line for a pattern, if there is one.
fn find_coverage<'p>(policy: &'p mut Policy, pattern: &Pattern) -> Result<Option<&'p mut Coverage>, String> {
    let mut lines = policy.projects.iter_mut().filter(|coverage| coverage.pattern == *pattern);
    let first = lines.next();
    if lines.next().is_some() {
        return Err(format!("the policy has several lines for {pattern}; change them with --json"));
    }
    Ok(first)
}

fn is_called(key: &VerifierKey, name: &Name) -> bool {
    key.is_called(&name.0) || key.name().as_str() == name.0
}

/// The position of the one item that is meant.
fn one<T>(items: &[T], is_it: impl Fn(&T) -> bool, what: &str, name: &Name) -> Result<usize, String> {
    let mut found = (0..items.len()).filter(|i| is_it(&items[*i]));
    match (found.next(), found.next()) {
        (Some(position), None) => Ok(position),
        (None, _) => Err(format!("the policy has no {what} {:?}", name.0)),
        (Some(_), Some(_)) => Err(format!("several {what}s are called {:?}: give the key ID", name.0)),
    }
}

#[cfg(test)]
mod tests {
    use log_core::policy::diff;
    use log_core::testing::{policy, public};

    use super::*;

    fn name(text: &str) -> Name {
        Name(text.to_owned())
    }

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).expect("a pattern")
    }

    /// What is different after an edit, as `kind what`; or the error.
    fn edited(edit: &Edit) -> Result<Vec<String>, String> {
        let mut old = policy();
        old.projects.push(parse_coverage("nova>=2,<30").expect("a coverage"));
        old.projects[1].expected.post_releases = Some(false);
        let mut new = old.clone();
        apply(&mut new, edit)?;
        let line = |change: &log_core::policy::Change| {
            format!("{} {}", change.kind, change.what.split('+').next().unwrap_or_default())
        };
        Ok(diff(&old, &new).iter().map(line).collect())
    }

    #[test]
    fn each_edit_changes_one_thing() {
        let check = |edit: Edit, expected: &[&str]| {
            assert_eq!(edited(&edit).expect("an edit"), expected, "{edit:?}");
        };
        let key = public("new");
        let projects = vec![pattern("glance")];
        check(Edit::AddPublisher { key: key.clone(), projects }, &["publisher key new"]);
        let glance = || vec![pattern("glance")];
        check(Edit::AddProjects { publisher: name("oslo"), projects: glance() }, &["projects of key oslo"]);
        let oslo = Edit::RemoveProject { publisher: name("oslo"), project: pattern("oslo-*") };
        check(oslo, &["projects of key oslo"]);
        check(Edit::RemovePublisher(name("oslo")), &["publisher key oslo"]);
        check(Edit::RemovePublisher(name(&public("oslo").keyid())), &["publisher key oslo"]);
        check(Edit::AddKey { publisher: name("team"), key: key.clone() }, &["publisher key new"]);
        check(Edit::EndKey { key: name("team"), at: 7 }, &["time of key team"]);
        check(Edit::AddRoot(key), &["threshold of the roots", "root key new"]);
        check(Edit::RemoveRoot(name("root3")), &["threshold of the roots", "root key root3"]);
        check(Edit::Threshold(3), &["threshold of the roots"]);
        check(Edit::CoolDown(60), &["cool-down of the next policy"]);
        check(Edit::Cover(parse_coverage("glance").expect("a coverage")), &["coverage of glance"]);
        // The expectations of a line stay.
        check(Edit::Cover(parse_coverage("nova>=3").expect("a coverage")), &["coverage of nova"]);
        check(Edit::Uncover(pattern("nova")), &["coverage of nova"]);
        check(parse_leave("nova<29").expect("an edit"), &["coverage of nova"]);
        check(Edit::Withdraw { publisher: name("oslo"), allowed: true }, &["withdrawals by key oslo"]);
    }

    #[test]
    fn what_is_not_there_or_ambiguous_is_an_error() {
        let error = |edit: Edit| edited(&edit).expect_err("an error");
        assert!(error(Edit::RemovePublisher(name("x"))).contains("no publisher \"x\""));
        assert!(error(Edit::RemoveRoot(name("team"))).contains("no root key"));
        assert!(error(Edit::EndKey { key: name("root1"), at: 1 }).contains("no publisher's key"));
        assert!(error(Edit::Uncover(pattern("glance"))).contains("no line"));
        assert!(error(parse_leave("glance<3").expect("an edit")).contains("--cover 'glance<3'"));
        let key = public("team");
        assert!(error(Edit::AddPublisher { key, projects: vec![] }).contains("--add-project"));
        let (publisher, project) = (name("oslo"), pattern("oslo-*"));
        let again = Edit::AddProjects { publisher: publisher.clone(), projects: vec![project] };
        assert!(error(again).contains("oslo-* is one of its projects already"));
        let unknown = Edit::RemoveProject { publisher, project: pattern("oslo") };
        assert!(error(unknown).contains("no project that is written oslo"));
        assert!(parse_leave("nova").is_err() && parse_leave("nova>=1,<3").is_err());
    }

    #[test]
    fn a_wider_line_still_covers() {
        let mut policy = policy();
        policy.projects.push(parse_coverage("nova<30").expect("a coverage"));
        let uncover = Edit::Uncover(pattern("nova"));
        apply(&mut policy, &uncover).expect("done");
        assert!(remark(&policy, &uncover).expect("a remark").contains("the line for *"));
        policy.projects.clear();
        assert_eq!(remark(&policy, &uncover), None);
    }

    #[test]
    fn what_nobody_may_publish_is_seen() {
        let mut policy = policy();
        policy.projects.clear();
        for text in ["nova", "oslo-*", "oslo-log", "o*", "glance<3", "g*"] {
            policy.projects.push(parse_coverage(text).expect("a coverage"));
        }
        policy.publishers[0].projects = vec![pattern("nova")];
        let found: Vec<&str> = unpublished(&policy).into_iter().map(Pattern::as_str).collect();
        assert_eq!(found, ["glance", "g*"]);
    }

    #[test]
    fn coverage_texts() {
        let check = |text: &str| {
            parse_coverage(text).map(|coverage| {
                let text = |version: Option<Version>| version.map(|version| version.to_string());
                (coverage.pattern.to_string(), text(coverage.from), text(coverage.until))
            })
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(check("nova"), Ok(("nova".into(), None, None)));
        assert_eq!(check("oslo-*"), Ok(("oslo-*".into(), None, None)));
        assert_eq!(check("nova>=13.0.0"), Ok(("nova".into(), some("13.0.0"), None)));
        assert_eq!(check("nova<30"), Ok(("nova".into(), None, some("30"))));
        assert_eq!(check("nova>=13.0.0,<30"), Ok(("nova".into(), some("13.0.0"), some("30"))));
        assert!(check("Nova").is_err() && check("nova>=x").is_err() && check("nova==1").is_err());
    }
}
