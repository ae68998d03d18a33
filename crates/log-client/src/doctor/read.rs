//! Reading what findings are made from: the environment, configuration files, and a
//! project's files as far as their names, or other files, say that they matter.
//!
//! Bounded in depth, number and size; what was not read for that is said to be.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::include;
use super::place::{self, Kind};
use super::surroundings::{ReadFile, Surroundings};

/// Directories below those that are named.
const MAX_DEPTH: usize = 8;

/// Entries of directories that are looked at.
const MAX_ENTRIES: usize = 20_000;

/// Files that are read: 400 of 4 MiB at the most.
const MAX_FILES: usize = 400;

/// Files that are named by others and looked for.
const MAX_INCLUDED: usize = 1_000;

/// Largest file; a lock file of a thousand packages has 2 MiB.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Reads all that findings are made from, for the project in these files and directories.
pub fn read(variables: impl Iterator<Item = (OsString, OsString)>, paths: &[PathBuf]) -> Surroundings {
    let text = |text: OsString| text.to_string_lossy().into_owned();
    let variables: BTreeMap<String, String> =
        variables.map(|(name, value)| (text(name), text(value))).collect();
    let surroundings = Surroundings { variables, ..Surroundings::default() };
    let mut reader = Reader { surroundings, ..Reader::default() };
    let parents: Vec<PathBuf> = paths
        .first()
        .and_then(|path| fs::canonicalize(path).ok())
        .map(|path| path.ancestors().skip(1).map(Path::to_owned).collect())
        .unwrap_or_default();
    for (path, kind) in place::configuration(&reader.surroundings, &parents) {
        reader.take(path, kind);
    }
    let cache = super::uv::cache_directory(&reader.surroundings).filter(|cache| holds_packages(cache));
    reader.surroundings.uv_cache = cache;
    for path in paths {
        reader.take_named(path);
    }
    reader.follow();
    reader.surroundings
}

/// Reads the settings alone that pip and uv read themselves when they are started in this
/// directory: not those of other projects that lie below it.
pub fn settings(variables: &BTreeMap<String, String>, directory: &Path) -> Surroundings {
    let surroundings = Surroundings { variables: variables.clone(), ..Surroundings::default() };
    let mut reader = Reader { surroundings, ..Reader::default() };
    let above = fs::canonicalize(directory).map(|path| path.ancestors().map(Path::to_owned).collect());
    let above: Vec<PathBuf> = above.unwrap_or_default();
    for (path, kind) in place::configuration(&reader.surroundings, &above) {
        reader.take(path, kind);
    }
    reader.surroundings
}

/// Whether uv's cache has more than its own files in it.
fn holds_packages(cache: &Path) -> bool {
    let mut entries = fs::read_dir(cache).into_iter().flatten().filter_map(Result::ok);
    entries.any(|entry| entry.file_name().to_string_lossy().starts_with("archive-"))
}

/// What was read so far.
#[derive(Debug, Default)]
struct Reader {
    surroundings: Surroundings,
    /// The files that were read, whatever they are called; and the kind of those that are
    /// named by others, which say what they are.
    known: BTreeSet<(PathBuf, Option<Kind>)>,
    /// Entries of directories that were looked at.
    entries: usize,
    /// Directories that were not looked into, since they are too deep.
    deep: Vec<PathBuf>,
    /// Whether it was said that there are too many files.
    is_full: bool,
}

impl Reader {
    /// Reads what the user has named.
    fn take_named(&mut self, path: &Path) {
        if path.is_dir() {
            self.walk(path, 0);
            // One finding for all: the first can be named, and so the next.
            let deep = std::mem::take(&mut self.deep);
            if let Some(first) = deep.first() {
                self.unread(first, &format!("directories that are too deep: {}, this one first", deep.len()));
            }
        } else if path.is_file() {
            self.take(path.to_owned(), place::kind(path).unwrap_or(Kind::Requirements));
        } else if path.exists() {
            self.unread(path, "it is no file and no directory");
        } else {
            self.surroundings.missing.push((path.to_owned(), "there is no such file".to_owned()));
        }
    }

    fn walk(&mut self, directory: &Path, depth: usize) {
        let listed = match fs::read_dir(directory) {
            Ok(listed) => listed,
            Err(error) => return self.unread(directory, &error.to_string()),
        };
        let mut found: Vec<PathBuf> = listed.filter_map(|entry| Some(entry.ok()?.path())).collect();
        found.sort();
        for path in found {
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return self.unread(directory, "there is too much in it");
            }
            // A link may lead anywhere, and back.
            let Ok(kind) = fs::symlink_metadata(&path) else { continue };
            if kind.is_dir() {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                match place::is_entered(name) {
                    true if depth < MAX_DEPTH => self.walk(&path, depth + 1),
                    true => self.deep.push(path),
                    false => {}
                }
            } else if let Some(kind) = place::kind(&path) {
                self.take(path, kind);
            }
        }
    }

    /// Reads the files that others name, and those that these name.
    fn follow(&mut self) {
        let mut followed = 0;
        for (path, kind) in include::of_settings(&self.surroundings).into_iter().take(MAX_INCLUDED) {
            self.take_included(path, kind, "a variable or pip.conf");
        }
        let mut next = 0;
        while let Some(file) = self.surroundings.files.get(next) {
            next += 1;
            let by = file.path.clone();
            for (path, kind) in include::of_file(file, &self.surroundings) {
                followed += 1;
                if followed > MAX_INCLUDED {
                    return self.unread(&by, "it names too many files");
                }
                self.take_included(path, kind, &by.display().to_string());
            }
        }
    }

    fn take_included(&mut self, path: PathBuf, kind: Kind, by: &str) {
        if path.is_file() {
            self.take(path, kind);
        } else if path.exists() {
            self.unread(&path, "it is no file");
        } else if path.to_string_lossy().contains('{') {
            self.unread(&path, &format!("it has a variable in its name in {by}, which is not known here"));
        } else {
            let why = format!("there is no such file; it is named by {by}");
            self.surroundings.missing.push((path, why));
        }
    }

    /// Reads a file, if there is one, and if it was not read already.
    fn take(&mut self, path: PathBuf, kind: Kind) {
        let Some(canonical) = fs::canonicalize(&path).ok().filter(|path| path.is_file()) else { return };
        // A file may be an INI file for one tool, and requirements for the one that it is named to.
        let named = Some(kind).filter(|kind| matches!(kind, Kind::Requirements | Kind::ToxEnv));
        if !self.known.insert((canonical, named)) {
            return;
        }
        if self.surroundings.files.len() == MAX_FILES {
            if !self.is_full {
                self.unread(&path, "there are too many files");
            }
            self.is_full = true;
            return;
        }
        match read_text(&path) {
            Ok(text) => self.surroundings.files.push(ReadFile { path, kind, text }),
            Err(error) => self.unread(&path, &error.to_string()),
        }
    }

    fn unread(&mut self, path: &Path, why: &str) {
        self.surroundings.unread.push((path.to_owned(), why.to_owned()));
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

    #[test]
    fn files_that_are_named_are_read() {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(&path, text).expect("written");
            path
        };
        write("requirements.txt", "-r more/own\n-c gone.txt\n-r https://h/other.txt\n");
        let own = write("more/own", "-c ../again.list\n-i https://own.example/\n");
        write("again.list", "-r requirements.txt\n-r more/gone\n-r ${X}/y\n-i https://again.example/\n");
        write(
            "tox.ini",
            "[testenv]\ndeps =\n  py3: -r{toxinidir}/deps.list\nset_env =\n  file|ci.env\n  PIP_CONSTRAINT = {toxinidir}/c.list\ncommands = pip install -r run.list\n",
        );
        write("ci.env", "# no\n  PIP_INDEX_URL=https://env.example/\n");
        write("c.list", "-i https://tox.example/\n");
        write("setup.cfg", "[options]\ninstall_requires = file: set.list\n");
        write("pyproject.toml", "[tool.setuptools.dynamic]\ndependencies = { file = [\"dynamic.list\"] }\n");
        write("dynamic.list", "-i https://dynamic.example/\n");
        write("run.list", "-i https://run.example/\n");
        write("set.list", "-i https://setup.example/\n");
        write("deps.list", "-i https://deps.example/\n");
        let pinned = write("pinned", "-i https://variable.example/\n");
        let in_conf = write("in-conf", "-i https://conf.example/\n");
        write("pip.conf", &format!("[install]\nconstraint = {}\n", in_conf.display()));
        let variables =
            [("UV_CONSTRAINT", format!("{} {}", pinned.display(), own.display())), ("PIP_X", String::new())];
        let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let surroundings = read(variables, &[directory.path().to_owned()]);
        let found = findings(&surroundings, &Target::Run);
        let whats = |id| {
            let of_rule = found.iter().filter(|finding| finding.rule.id == id);
            of_rule.map(|finding| finding.what.clone()).collect::<Vec<_>>()
        };
        let mut indexes = whats("requirements-index");
        indexes.sort();
        let expected = ["again", "conf", "deps", "dynamic", "own", "run", "setup", "tox", "variable"];
        assert_eq!(indexes, expected.map(|host| format!("-i https://{host}.example/")), "each once");
        assert_eq!(whats("tox-set-env"), ["PIP_INDEX_URL = https://env.example/"]);
        assert_eq!(whats("requirements-remote"), ["-r https://h/other.txt"]);
        assert_eq!(whats("not-looked-at").len(), 1, "${{X}} is not known: {found:?}");
        assert_eq!(whats("no-such-file").len(), 2, "again.list names one, too: {found:?}");
    }

    #[test]
    fn what_the_user_names_and_is_not_there_is_said() {
        let directory = tempfile::tempdir().expect("a directory");
        for name in ["requirements.txt", "anything"] {
            let surroundings = read(std::iter::empty(), &[directory.path().join(name)]);
            let found = findings(&surroundings, &Target::Run);
            let ids: Vec<&str> = found.iter().map(|finding| finding.rule.id).collect();
            assert_eq!(ids, ["no-such-file"], "{name}");
        }
    }

    #[test]
    fn what_is_too_deep_is_said_to_be_unread() {
        let directory = tempfile::tempdir().expect("a directory");
        let deep = directory.path().join(["d"; MAX_DEPTH].join("/"));
        fs::create_dir_all(&deep).expect("directories");
        let unread = || read(std::iter::empty(), &[directory.path().to_owned()]).unread;
        assert_eq!(unread(), []);
        fs::create_dir(deep.join("a")).expect("a directory");
        fs::create_dir(deep.join("b")).expect("a directory");
        fs::create_dir(deep.join(".c")).expect("a directory");
        assert_eq!(
            unread(),
            [(deep.join("a"), "directories that are too deep: 2, this one first".to_owned())]
        );
    }
}
