//! The `uv.lock` that a command made under `wheeltap run`: its addresses are the proxy's,
//! which is gone afterwards, and become those of the index again.
//!
//! Invariant: nothing changes but whole values of `registry` and `url` that begin with the
//! address of this very run; and when one of them cannot be led back, nothing changes at
//! all. A lock that had this address before is not this command's, and one that somebody
//! has written to since it was read is theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use log_io::durable;
use toml::Value;

/// Longest lock that is read.
const MAX_LOCK_BYTES: u64 = 64 << 20;

/// What comes before an address in a lock.
const KEYS: [&str; 2] = ["registry = \"", "url = \""];

/// Parent directories in which uv may find the workspace of a project, and its lock.
const MAX_PARENTS: usize = 32;

/// A lock, as it was before the command.
#[derive(Debug)]
pub struct UvLock {
    path: PathBuf,
    before: Option<String>,
}

/// Where a command goes before it does anything: what it or `$UV_WORKING_DIR` names; empty
/// when it stays.
pub fn directory(command: &[OsString], variable: Option<OsString>) -> PathBuf {
    named("--directory", command, variable).next().unwrap_or_default()
}

/// Where uv may look for a project: what the command or `$UV_PROJECT` names, and the
/// directory that it goes to.
pub fn projects(directory: &Path, command: &[OsString], variable: Option<OsString>) -> Vec<PathBuf> {
    named("--project", command, variable).chain([PathBuf::new()]).map(|path| directory.join(path)).collect()
}

/// The values of an option, then that of its variable.
fn named(option: &str, command: &[OsString], variable: Option<OsString>) -> impl Iterator<Item = PathBuf> {
    let values = (1..).zip(command).filter_map(move |(next, argument)| {
        match argument.to_str()?.strip_prefix(option)? {
            "" => command.get(next).map(PathBuf::from),
            attached => attached.strip_prefix('=').map(PathBuf::from),
        }
    });
    let variable = variable.filter(|value| !value.is_empty()).map(PathBuf::from);
    values.chain(variable)
}

/// The locks that uv may write for these projects: that in its directory, and those in the
/// directories above, of which one may be its workspace's.
pub fn before(projects: &[PathBuf]) -> Vec<UvLock> {
    let locks = |project: &PathBuf| {
        let whole = std::path::absolute(project.join("uv.lock")).unwrap_or_default();
        let parents = whole.ancestors().skip(2).take(MAX_PARENTS);
        [project.as_path()].into_iter().chain(parents).map(UvLock::before).collect::<Vec<_>>()
    };
    projects.iter().flat_map(locks).collect()
}

impl UvLock {
    /// That in a directory, if there is one.
    fn before(directory: &Path) -> Self {
        let path = directory.join("uv.lock");
        let before = read(&path);
        Self { path, before }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The lock that has the addresses of a proxy (`http://127.0.0.1:1234/`) now, and did not
    /// before.
    pub fn made_with(&self, proxy: &str) -> Option<String> {
        let had = self.before.as_ref().is_some_and(|before| before.contains(proxy));
        read(&self.path).filter(|now| !had && now.contains(proxy))
    }

    /// Replaces it, as a whole, where it still is what the command made.
    pub fn replace(&self, made: &str, text: &str) -> io::Result<()> {
        let permissions = fs::metadata(&self.path)?.permissions();
        if read(&self.path).is_none_or(|now| now != made) {
            return Err(io::Error::other("somebody else has written to it"));
        }
        durable::write(&self.path, text.as_bytes())?;
        fs::set_permissions(&self.path, permissions)
    }
}

/// A link is left alone: what it leads to is not of this directory.
fn read(path: &Path) -> Option<String> {
    let metadata = fs::symlink_metadata(path).ok()?;
    (metadata.is_file() && metadata.len() <= MAX_LOCK_BYTES).then(|| fs::read_to_string(path).ok())?
}

/// The addresses in a lock that begin with that of the proxy, each once.
pub fn addresses(lock: &str, proxy: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    replaced(lock, |address| {
        if address.starts_with(proxy) {
            found.insert(address.to_owned());
        }
        None
    });
    found
}

/// The lock with these addresses instead; `None` when that would not be the same lock, or
/// when the proxy's address would be left anywhere.
pub fn rewritten(lock: &str, proxy: &str, instead: &BTreeMap<String, String>) -> Option<String> {
    let plain = |address: &String| !address.contains(['"', '\\']) && !address.chars().any(char::is_control);
    if !instead.values().all(plain) {
        return None;
    }
    let text = replaced(lock, |address| instead.get(address).map(String::as_str));
    let (old, new) = (toml::from_str::<Value>(lock).ok()?, toml::from_str::<Value>(&text).ok()?);
    (!text.contains(proxy) && is_same(&old, &new, instead)).then_some(text)
}

/// The text with other values of the two keys.
fn replaced<'a>(lock: &str, mut instead: impl FnMut(&str) -> Option<&'a str>) -> String {
    let mut text = String::with_capacity(lock.len());
    let mut rest = lock;
    let next = |rest: &str| {
        let ends = KEYS.iter().filter_map(|key| rest.find(key).map(|at| at + key.len()));
        ends.min()
    };
    while let Some(start) = next(rest) {
        let (before, after) = rest.split_at(start);
        text.push_str(before);
        let (value, after) = after.split_at(after.find('"').unwrap_or(after.len()));
        text.push_str(instead(value).unwrap_or(value));
        rest = after;
    }
    text.push_str(rest);
    text
}

/// Whether two locks differ in these addresses only, and where they stand as such.
fn is_same(old: &Value, new: &Value, instead: &BTreeMap<String, String>) -> bool {
    match (old, new) {
        (Value::Table(old), Value::Table(new)) => {
            old.len() == new.len()
                && old.iter().zip(new).all(|((key, old), (new_key, new))| {
                    let is_address = || {
                        let address = old.as_str().and_then(|old| instead.get(old)).map(String::as_str);
                        matches!(key.as_str(), "registry" | "url")
                            && address.is_some()
                            && address == new.as_str()
                    };
                    key == new_key && (is_same(old, new, instead) || is_address())
                })
        }
        (Value::Array(old), Value::Array(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| is_same(old, new, instead))
        }
        _ => old == new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "http://127.0.0.1:41234/";
    const LOCK: &str = r#"version = 1

[[package]]
name = "tap-app"
source = { registry = "http://127.0.0.1:41234/simple/" }
sdist = { url = "http://127.0.0.1:41234/files/tap-app/a-1.tar.gz", hash = "sha256:00" }
wheels = [
    { url = "http://127.0.0.1:41234/files/packages/aa/bb/a-1-py3-none-any.whl", hash = "sha256:01" },
    { url = "https://elsewhere.example/b-1-py3-none-any.whl", hash = "sha256:02" },
]
"#;

    fn instead() -> BTreeMap<String, String> {
        let to = |address: &String| address.replace(PROXY, "https://index.example/");
        addresses(LOCK, PROXY).iter().map(|address| (address.clone(), to(address))).collect()
    }

    #[test]
    fn addresses_become_those_of_the_index_and_nothing_else_changes() {
        let addresses = addresses(LOCK, PROXY);
        assert_eq!(addresses.len(), 3, "{addresses:?}");
        let text = rewritten(LOCK, PROXY, &instead()).expect("the same lock");
        assert_eq!(text, LOCK.replace(PROXY, "https://index.example/"));
    }

    #[test]
    fn all_or_nothing() {
        let mut some = instead();
        some.pop_first();
        assert_eq!(rewritten(LOCK, PROXY, &some), None, "one cannot be led back");
        for text in [
            format!("{LOCK}name = \"see {PROXY}simple/\"\n"),
            format!("{LOCK}mirror = \"{PROXY}simple/\"\n"),
            format!("{LOCK}# {PROXY}\n"),
            // No key, but a text that looks like one.
            format!("{LOCK}text = 'url = \"{PROXY}simple/\"'\n"),
            format!("{LOCK}source-url = \"{PROXY}simple/\"\n"),
            format!("{LOCK}="),
        ] {
            assert_eq!(rewritten(&text, PROXY, &instead()), None, "{text}");
        }
        let evil = instead().into_keys().map(|key| (key, "https://h/\"\nx = \"".to_owned())).collect();
        assert_eq!(rewritten(LOCK, PROXY, &evil), None);
    }

    #[test]
    fn only_a_lock_that_this_command_made() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("uv.lock");
        let lock = UvLock::before(directory.path());
        assert_eq!(lock.made_with(PROXY), None, "there is none");
        fs::write(&path, LOCK).expect("written");
        assert_eq!(lock.made_with(PROXY).as_deref(), Some(LOCK));
        assert_eq!(lock.made_with("http://127.0.0.1:4/"), None, "of another run");
        assert_eq!(UvLock::before(directory.path()).made_with(PROXY), None, "it was so before");
        let other = lock.replace("version = 0\n", "version = 1\n").expect_err("another text");
        assert!(other.to_string().contains("somebody else"), "{other}");
        assert_eq!(lock.made_with(PROXY).as_deref(), Some(LOCK), "it is left alone");
        lock.replace(LOCK, "version = 1\n").expect("written");
        assert_eq!(fs::read_to_string(&path).expect("readable"), "version = 1\n");
    }

    #[test]
    fn the_lock_of_a_workspace_is_above() {
        let directory = tempfile::tempdir().expect("a directory");
        let member = directory.path().join("packages/member");
        fs::create_dir_all(&member).expect("a directory");
        let locks = before(std::slice::from_ref(&member));
        assert!(locks.len() <= 1 + MAX_PARENTS && locks[0].path() == member.join("uv.lock"));
        let path = directory.path().join("uv.lock");
        fs::write(&path, LOCK).expect("written");
        let made: Vec<&Path> =
            locks.iter().filter(|lock| lock.made_with(PROXY).is_some()).map(UvLock::path).collect();
        assert_eq!(made, [path.as_path()]);
        assert_eq!(before(&[PathBuf::new()])[0].path(), Path::new("uv.lock"), "by its short name");
    }

    #[test]
    fn projects_are_named_by_the_command_or_the_variable() {
        let of = |command: &[&str], variable: Option<&str>| {
            let command: Vec<OsString> = command.iter().map(OsString::from).collect();
            let found = projects(&directory(&command, None), &command, variable.map(OsString::from));
            found.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(of(&["uv", "lock"], None), [""]);
        assert_eq!(of(&["uv", "--project", "a", "lock"], Some("b")), ["a", "b", ""]);
        assert_eq!(of(&["uv", "lock", "--project=a"], None), ["a", ""]);
        assert_eq!(of(&["uv", "lock", "--project"], None), [""]);
        assert_eq!(of(&["uv", "lock", "--projects=a"], Some("")), [""]);
        assert_eq!(of(&["uv", "--directory", "d", "lock", "--project", "a"], None), ["d/a", "d/"]);
        assert_eq!(of(&["uv", "--directory=d", "lock"], Some("/b")), ["/b", "d/"]);
        let from_variable = |command: &[&str]| {
            let command: Vec<OsString> = command.iter().map(OsString::from).collect();
            directory(&command, Some(OsString::from("v")))
        };
        assert_eq!(from_variable(&["uv", "lock"]), Path::new("v"));
        assert_eq!(from_variable(&["uv", "--directory=d", "lock"]), Path::new("d"));
    }
}
