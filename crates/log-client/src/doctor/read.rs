//! Reading what findings are made from: the environment, configuration files, and a
//! project's files as far as their names say that they matter.
//!
//! Bounded in depth, number and size; what was not read for that is said to be.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::place::{self, Kind};
use super::surroundings::{ReadFile, Surroundings};

/// Directories below those that are named.
const MAX_DEPTH: usize = 4;

/// Entries of directories that are looked at.
const MAX_ENTRIES: usize = 20_000;

/// Files that are read: 400 of 4 MiB at the most.
const MAX_FILES: usize = 400;

/// Largest file; a lock file of a thousand packages has 2 MiB.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Reads all that findings are made from, for the project in these files and directories.
pub fn read(variables: impl Iterator<Item = (OsString, OsString)>, paths: &[PathBuf]) -> Surroundings {
    let text = |text: OsString| text.to_string_lossy().into_owned();
    let variables: BTreeMap<String, String> =
        variables.map(|(name, value)| (text(name), text(value))).collect();
    let mut surroundings = Surroundings { variables, ..Surroundings::default() };
    let parents: Vec<PathBuf> = paths
        .first()
        .and_then(|path| fs::canonicalize(path).ok())
        .map(|path| path.ancestors().skip(1).map(Path::to_owned).collect())
        .unwrap_or_default();
    for (path, kind) in place::configuration(&surroundings, &parents) {
        take(&mut surroundings, path, kind);
    }
    surroundings.uv_cache = super::uv::cache_directory(&surroundings).filter(|cache| holds_packages(cache));
    let mut entries = 0;
    for path in paths {
        if path.is_dir() {
            walk(&mut surroundings, path, 0, &mut entries);
        } else {
            match place::kind(path) {
                Some(kind) => take(&mut surroundings, path.clone(), kind),
                None if path.exists() => take(&mut surroundings, path.clone(), Kind::Requirements),
                None => surroundings.unread.push((path.clone(), "there is no such file".to_owned())),
            }
        }
    }
    surroundings
}

/// Reads the settings alone that pip and uv read themselves when they are started in this
/// directory: not those of other projects that lie below it.
pub fn settings(variables: &BTreeMap<String, String>, directory: &Path) -> Surroundings {
    let mut settings = Surroundings { variables: variables.clone(), ..Surroundings::default() };
    let above = fs::canonicalize(directory).map(|path| path.ancestors().map(Path::to_owned).collect());
    let above: Vec<PathBuf> = above.unwrap_or_default();
    for (path, kind) in place::configuration(&settings, &above) {
        take(&mut settings, path, kind);
    }
    settings
}

/// Whether uv's cache has more than its own files in it.
fn holds_packages(cache: &Path) -> bool {
    let mut entries = fs::read_dir(cache).into_iter().flatten().filter_map(Result::ok);
    entries.any(|entry| entry.file_name().to_string_lossy().starts_with("archive-"))
}

fn walk(surroundings: &mut Surroundings, directory: &Path, depth: usize, entries: &mut usize) {
    let listed = match fs::read_dir(directory) {
        Ok(listed) => listed,
        Err(error) => {
            surroundings.unread.push((directory.to_owned(), error.to_string()));
            return;
        }
    };
    let mut found: Vec<PathBuf> = listed.filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.sort();
    for path in found {
        *entries += 1;
        if *entries > MAX_ENTRIES {
            surroundings.unread.push((directory.to_owned(), "there is too much in it".to_owned()));
            return;
        }
        // A link may lead anywhere, and back.
        let Ok(kind) = fs::symlink_metadata(&path) else { continue };
        if kind.is_dir() {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if depth < MAX_DEPTH && place::is_entered(name) {
                walk(surroundings, &path, depth + 1, entries);
            }
        } else if let Some(kind) = place::kind(&path) {
            take(surroundings, path, kind);
        }
    }
}

/// Reads a file, if there is one, and if it was not read already.
fn take(surroundings: &mut Surroundings, path: PathBuf, kind: Kind) {
    let same = |one: &Path| fs::canonicalize(one).ok() == fs::canonicalize(&path).ok();
    if !path.is_file() || surroundings.files.iter().any(|file| same(&file.path)) {
        return;
    }
    if surroundings.files.len() == MAX_FILES {
        surroundings.unread.push((path, "there are too many files".to_owned()));
        return;
    }
    match read_text(&path) {
        Ok(text) => surroundings.files.push(ReadFile { path, kind, text }),
        Err(error) => surroundings.unread.push((path, error.to_string())),
    }
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other(format!("it has more than {MAX_FILE_BYTES} bytes")));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::super::{Target, findings};
    use super::*;

    #[test]
    fn a_project_is_read_and_judged() {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, text).expect("written");
        };
        write("requirements.txt", "six==1.0\n--extra-index-url https://other.example/simple\n");
        write(
            "uv.lock",
            "version = 1\n[[package]]\nname = \"six\"\nversion = \"1\"\n[package.sdist]\nurl = \"https://files.example/six-1.tar.gz\"\nhash = \"sha256:00\"\n",
        );
        write(
            "tox.ini",
            "[testenv]\ninstall_command = pip install -i https://other.example/simple {packages}\n",
        );
        write("node_modules/requirements.txt", "--index-url https://no.example/\n");
        write("docs/readme.txt", "--index-url https://no.example/\n");
        let variables =
            [("HOME", "/nowhere"), ("PIP_EXTRA_INDEX_URL", "https://u:secret@extra.example/simple")];
        let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let surroundings = read(variables, &[directory.path().to_owned()]);
        let proxy = Target::Proxy("http://127.0.0.1:8070/simple/".to_owned());
        let found = findings(&surroundings, &proxy);
        let ids: Vec<&str> = found.iter().map(|finding| finding.rule.id).collect();
        for id in ["pip-extra-index", "requirements-index", "lock-addresses", "tox-install-command"] {
            assert!(ids.contains(&id), "{id} is not in {found:?}");
        }
        assert!(!format!("{found:?}").contains("secret"), "{found:?}");
        assert!(!format!("{found:?}").contains("no.example"), "{found:?}");
        let found = findings(&surroundings, &Target::Run);
        assert!(found.iter().all(|finding| finding.rule.id != "pip-extra-index"), "run sets it aside");
    }

    #[test]
    fn packages_in_a_cache_are_seen() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().to_str().expect("UTF-8");
        let judged = |more: &[(&str, &str)]| {
            let variables = [&[("UV_CACHE_DIR", path)], more].concat();
            let variables =
                variables.into_iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
            let surroundings = read(variables, &[]);
            findings(&surroundings, &Target::Proxy("http://127.0.0.1:8070/simple/".to_owned()))
                .iter()
                .any(|finding| finding.rule.id == "uv-cache")
        };
        assert!(!judged(&[]));
        fs::create_dir(directory.path().join("archive-v0")).expect("a directory");
        assert!(judged(&[]) && !judged(&[("UV_NO_CACHE", "1")]));
    }

    #[test]
    fn what_is_too_large_is_said_to_be_unread() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("requirements.txt");
        fs::write(&path, vec![b'#'; usize::try_from(MAX_FILE_BYTES).expect("small") + 1]).expect("written");
        let surroundings = read(std::iter::empty(), &[directory.path().to_owned()]);
        assert_eq!(surroundings.unread.len(), 1);
        let found = findings(&surroundings, &Target::Run);
        assert!(found.iter().any(|finding| finding.rule.id == "not-looked-at"), "{found:?}");
    }
}
