//! What is remembered of files without a verdict: lines of JSON that are only added to.
//!
//! ```text
//! <state>/proxy/pins.jsonl     the first digest of each file that no log covers
//! <state>/proxy/grace.jsonl    files that were served while a log could not be reached
//! ```
//!
//! Invariant: a line is durable before the file that it is of has been served whole. Several
//! processes may share the files: each writes under the lock of the directory, and first
//! reads what others have written.
//!
//! What writes waits for the disk and for other writers, so it is not for a thread of the
//! runtime; what reads waits for neither.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, bail};
use log_core::artifact::{FileName, ProjectName};
use log_core::hash::Hash;
use log_io::durable;
use serde::{Deserialize, Serialize};

/// Most lines of such a file: half a GiB at the longest.
const MAX_LINES: usize = 1_000_000;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Note {
    /// When, in POSIX seconds.
    pub(super) time: u64,
    pub(super) project: ProjectName,
    pub(super) file: FileName,
    pub(super) sha256: String,
}

/// Pins, by project and file.
type Pins = HashMap<ProjectName, BTreeMap<FileName, Hash>>;

/// The files, and what is in them. Whoever writes holds the lines for as long; what they
/// say is held only to be read or changed.
#[derive(Debug)]
pub(super) struct Notes {
    directory: PathBuf,
    pin_lines: Mutex<Lines>,
    pins: Mutex<Pins>,
    grace_lines: Mutex<Lines>,
    grace: Mutex<Vec<Note>>,
}

#[derive(Debug)]
struct Lines {
    path: PathBuf,
    file: File,
    count: usize,
    /// The file as this process left it.
    left: Identity,
}

/// Which file it is, and its length: whether somebody else has changed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity(u64, u64);

impl Notes {
    pub(super) fn open(state: &Path) -> anyhow::Result<Self> {
        let directory = state.join("proxy");
        durable::create_directory(&directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        let _lock = durable::lock_directory(&directory)
            .with_context(|| format!("cannot lock {}", directory.display()))?;
        let (pin_lines, pins) = Lines::open(directory.join("pins.jsonl"))?;
        let (grace_lines, grace) = Lines::open(directory.join("grace.jsonl"))?;
        Ok(Self {
            directory,
            pin_lines: Mutex::new(pin_lines),
            pins: Mutex::new(by_project(pins)),
            grace_lines: Mutex::new(grace_lines),
            grace: Mutex::new(grace),
        })
    }

    /// The pins of a project.
    pub(super) fn pins_of(&self, project: &ProjectName) -> BTreeMap<FileName, Hash> {
        held(&self.pins).get(project).cloned().unwrap_or_default()
    }

    /// Notes the first digest of a file; an error when it had another one.
    pub(super) fn pin(&self, note: Note, hash: Hash) -> io::Result<()> {
        let mut lines = held(&self.pin_lines);
        let _lock = durable::lock_directory(&self.directory)?;
        if let Some(notes) = lines.changed()? {
            *held(&self.pins) = by_project(notes);
        }
        let known = held(&self.pins).get(&note.project).and_then(|pins| pins.get(&note.file)).copied();
        match known {
            Some(known) if known == hash => Ok(()),
            Some(_) => Err(io::Error::other("it was first seen with another digest")),
            None => {
                lines.add(&note)?;
                held(&self.pins).entry(note.project).or_default().insert(note.file, hash);
                Ok(())
            }
        }
    }

    /// Notes a file that is served without a verdict, once.
    pub(super) fn grace(&self, note: Note) -> io::Result<()> {
        let (mut lines, _lock) = self.grace_lines()?;
        let same = |known: &Note| {
            (&known.file, &known.sha256, &known.project) == (&note.file, &note.sha256, &note.project)
        };
        if held(&self.grace).iter().any(same) {
            return Ok(());
        }
        lines.add(&note)?;
        held(&self.grace).push(note);
        Ok(())
    }

    /// The files that were served without a verdict and are not judged yet.
    pub(super) fn unjudged(&self) -> Vec<Note> {
        held(&self.grace).clone()
    }

    /// Whether there are any of a project.
    pub(super) fn has_unjudged(&self, project: &ProjectName) -> bool {
        held(&self.grace).iter().any(|note| note.project == *project)
    }

    /// Lets those of a project be judged, all of them, and forgets them. Who comes at the
    /// same time waits, and finds none.
    pub(super) fn judge(&self, project: &ProjectName, judge: impl FnOnce(&[Note])) -> io::Result<()> {
        let (mut lines, _lock) = self.grace_lines()?;
        let (of_project, left): (Vec<Note>, Vec<Note>) =
            self.unjudged().into_iter().partition(|note| note.project == *project);
        if of_project.is_empty() {
            return Ok(());
        }
        judge(&of_project);
        lines.replace(&left)?;
        *held(&self.grace) = left;
        Ok(())
    }

    /// The lines, for whoever writes, with what others have written.
    fn grace_lines(&self) -> io::Result<(MutexGuard<'_, Lines>, File)> {
        let mut lines = held(&self.grace_lines);
        let lock = durable::lock_directory(&self.directory)?;
        if let Some(notes) = lines.changed()? {
            *held(&self.grace) = notes;
        }
        Ok((lines, lock))
    }
}

fn by_project(notes: Vec<Note>) -> Pins {
    let mut pins = Pins::new();
    for note in notes {
        if let Some(hash) = Hash::parse_hex(&note.sha256) {
            // The first one counts.
            pins.entry(note.project).or_default().entry(note.file).or_insert(hash);
        }
    }
    pins
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lines {
    fn open(path: PathBuf) -> anyhow::Result<(Self, Vec<Note>)> {
        let place = || format!("cannot read {}", path.display());
        let file = OpenOptions::new().create(true).append(true).read(true).open(&path).with_context(place)?;
        let (mut notes, mut whole) = (Vec::new(), 0);
        let mut lines = BufReader::new(&file).lines();
        while let Some(line) = lines.next().transpose().with_context(place)? {
            if notes.len() == MAX_LINES {
                bail!("{} has more than {MAX_LINES} lines", path.display());
            }
            match serde_json::from_str(&line) {
                Ok(note) => {
                    notes.push(note);
                    whole += line.len() as u64 + 1;
                }
                // What a crash has left of the last line; it was of a file not served whole.
                Err(_) if lines.next().is_none() => break,
                Err(error) => bail!("{}: line {}: {error}", path.display(), notes.len() + 1),
            }
        }
        let there = file.metadata().with_context(place)?;
        let ends_in_a_line = there.len() == whole;
        let mut opened = Self { path, file, count: notes.len(), left: Identity::of(&there) };
        // So that the next line begins on one of its own. A disk that is full does not matter
        // unless there is something to mend.
        if !ends_in_a_line {
            opened.replace(&notes).with_context(|| format!("cannot write {}", opened.path.display()))?;
        }
        Ok((opened, notes))
    }

    /// What there is when somebody else has changed it.
    fn changed(&mut self) -> io::Result<Option<Vec<Note>>> {
        if fs::metadata(&self.path).is_ok_and(|there| Identity::of(&there) == self.left) {
            return Ok(None);
        }
        let (opened, notes) =
            Self::open(self.path.clone()).map_err(|error| io::Error::other(format!("{error:#}")))?;
        *self = opened;
        Ok(Some(notes))
    }

    fn add(&mut self, note: &Note) -> io::Result<()> {
        if self.count == MAX_LINES {
            return Err(io::Error::other(format!("{} is full", self.path.display())));
        }
        let line = format!("{}\n", serde_json::to_string(note)?);
        let length = self.file.metadata()?.len();
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => self.count += 1,
            // Half a line would spoil the next one.
            Err(_) => self.file.set_len(length)?,
        }
        self.left = Identity::of(&self.file.metadata()?);
        written
    }

    fn replace(&mut self, notes: &[Note]) -> io::Result<()> {
        let mut text = String::new();
        for note in notes {
            text.push_str(&serde_json::to_string(note)?);
            text.push('\n');
        }
        durable::write(&self.path, text.as_bytes())?;
        self.file = OpenOptions::new().append(true).read(true).open(&self.path)?;
        self.left = Identity::of(&self.file.metadata()?);
        self.count = notes.len();
        Ok(())
    }
}

impl Identity {
    #[cfg(unix)]
    fn of(file: &Metadata) -> Self {
        Self(std::os::unix::fs::MetadataExt::ino(file), file.len())
    }

    #[cfg(not(unix))]
    fn of(file: &Metadata) -> Self {
        Self(0, file.len())
    }
}

#[cfg(test)]
mod tests {
    use log_core::hash::digest;

    use super::*;

    #[test]
    fn two_processes_know_of_each_other() {
        let directory = tempfile::tempdir().expect("a directory");
        let (one, two) = (digest(&[b"1"]), digest(&[b"2"]));
        let note = |project: &str, hash: Hash| Note {
            time: 7,
            project: ProjectName::parse(project).expect("a name"),
            file: FileName::parse(&format!("{project}-1.tar.gz")).expect("a name"),
            sha256: hash.to_hex(),
        };
        let first = Notes::open(directory.path()).expect("opened");
        let second = Notes::open(directory.path()).expect("opened");
        first.pin(note("tap", one), one).expect("pinned");
        assert!(second.pin(note("tap", two), two).is_err(), "the other one has seen it");
        second.pin(note("tap", one), one).expect("the same");
        first.grace(note("tap", one)).expect("noted");
        second.grace(note("lib", two)).expect("noted");
        // One judges its project; what the other has noted stays, and is known to both.
        let mut judged = Vec::new();
        first.judge(&note("tap", one).project, |notes| judged.extend_from_slice(notes)).expect("written");
        assert_eq!(judged, [note("tap", one)]);
        second.grace(note("last", two)).expect("noted");
        let there = Notes::open(directory.path()).expect("opened").unjudged();
        assert_eq!(there, [note("lib", two), note("last", two)]);
    }

    #[test]
    fn pins_stay_and_half_a_line_is_forgotten() {
        let directory = tempfile::tempdir().expect("a directory");
        let project = ProjectName::parse("tap").expect("a name");
        let file = FileName::parse("tap-1.tar.gz").expect("a name");
        let (one, two) = (digest(&[b"1"]), digest(&[b"2"]));
        let note = |hash: Hash| Note {
            time: 7,
            project: project.clone(),
            file: file.clone(),
            sha256: hash.to_hex(),
        };
        let notes = Notes::open(directory.path()).expect("opened");
        notes.pin(note(one), one).expect("pinned");
        notes.pin(note(one), one).expect("the same again");
        assert!(notes.pin(note(two), two).is_err());
        for time in [7, 8] {
            notes.grace(Note { time, ..note(two) }).expect("noted, once");
        }
        // Who reads does not wait for who writes.
        let writing = (held(&notes.pin_lines), held(&notes.grace_lines));
        assert_eq!((notes.pins_of(&project).len(), notes.unjudged().len()), (1, 1));
        assert!(notes.has_unjudged(&project));
        drop(writing);
        drop(notes);
        let path = directory.path().join("proxy/pins.jsonl");
        let mut text = fs::read_to_string(&path).expect("readable");
        text.push_str("{\"time\": 7, \"proj");
        fs::write(&path, text).expect("written");
        let notes = Notes::open(directory.path()).expect("opened");
        assert_eq!(notes.pins_of(&project), BTreeMap::from([(file.clone(), one)]));
        assert_eq!(notes.unjudged(), [note(two)]);
        let mut judged = Vec::new();
        notes.judge(&project, |notes| judged.extend_from_slice(notes)).expect("written");
        notes.judge(&project, |_| panic!("they were judged")).expect("nothing to do");
        assert_eq!((judged, notes.has_unjudged(&project)), (vec![note(two)], false));
        assert_eq!(Notes::open(directory.path()).expect("opened").unjudged(), []);
        fs::write(&path, "no json\n{}\n").expect("written");
        assert!(Notes::open(directory.path()).is_err(), "a damaged record is not passed over");
    }
}
