//! What was read: the environment's variables, and files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::place::Kind;

/// All that findings are made from.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The environment; variables that are empty are as good as unset for these tools.
    pub variables: BTreeMap<String, String>,
    /// The files that are there, in the order in which they were looked for.
    pub files: Vec<ReadFile>,
    /// uv's cache, when there are packages in it.
    pub uv_cache: Option<PathBuf>,
    /// What was to be read and was not, and why.
    pub unread: Vec<(PathBuf, String)>,
    /// What was named and is not there, and what named it.
    pub missing: Vec<(PathBuf, String)>,
}

/// A file that is there.
#[derive(Debug, Clone)]
pub struct ReadFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// What is in it.
    pub text: String,
}

impl Surroundings {
    /// A variable that is set to something.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }

    /// Whether there is a file of this name.
    pub fn has(&self, name: &str) -> bool {
        self.files.iter().any(|file| file.path.file_name().is_some_and(|own| own == name))
    }
}
