//! The installers, what each is asked for, and what came of it.
//!
//! How each is asked: `bench`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::bench::Bench;
use crate::harness::Scene;
use crate::hostile::sha256;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Client {
    Pip,
    Uv,
    Poetry,
    Pdm,
    Tox,
    /// pip-compile, and then pip with the hashes it wrote.
    PipTools,
}

/// What an installer is asked for, and how it is set up.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) index: &'a str,
    /// As in `requirements.txt`, one a line.
    pub(crate) requirements: &'a str,
    /// More variables.
    pub(crate) variables: &'a [(&'a str, &'a str)],
    /// A further index.
    pub(crate) further_index: Option<&'a str>,
    /// A directory with files.
    pub(crate) find_links: Option<&'a Path>,
    /// The index at which a lock is made first, from which is then installed.
    pub(crate) locked_at: Option<&'a str>,
    /// Where its own cache is; none: it has none.
    pub(crate) cache: Option<&'a Path>,
    /// It runs under `wheeltap run`, which stands in front of the index, with this trust file.
    pub(crate) run: Option<&'a Scene>,
    /// Asked afterwards what goes round the index, with this trust file.
    pub(crate) doctor: Option<&'a Scene>,
}

impl<'a> Asked<'a> {
    /// With one index, and no cache.
    pub(crate) fn new(index: &'a str, requirements: &'a str) -> Self {
        Self {
            index,
            requirements,
            variables: &[],
            further_index: None,
            find_links: None,
            locked_at: None,
            cache: None,
            run: None,
            doctor: None,
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Came {
    /// By the project's name.
    pub(crate) installed: BTreeMap<String, Installed>,
    /// All that was printed, one line after the other.
    pub(crate) said: String,
    /// The identities of what `wheeltap doctor` found.
    pub(crate) found: Vec<String>,
}

/// An installed distribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Installed {
    pub(crate) version: String,
    /// The digest of its module.
    pub(crate) module_sha256: String,
    /// By the backend in its sdist, which is code that ran.
    pub(crate) built_from_sdist: bool,
}

impl Client {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pip => "pip",
            Self::Uv => "uv",
            Self::Poetry => "poetry",
            Self::Pdm => "pdm",
            Self::Tox => "tox",
            Self::PipTools => "pip-tools",
        }
    }

    /// Installs into an empty place, with the programs in this directory.
    pub(crate) fn install(self, programs: &Path, asked: Asked<'_>) -> Came {
        let bench = Bench::new(self, programs, asked);
        let (site, said) = match (self, asked.locked_at) {
            (Self::Pip, None) => bench.pip(asked.requirements, &[]),
            (Self::Pip, Some(index)) => bench.locked_pip(index),
            (Self::Uv, None) => bench.uv(),
            (Self::Uv, Some(index)) => bench.locked_uv(index),
            (Self::Tox, None) => bench.tox(),
            (Self::Tox, Some(index)) => bench.locked_tox(index),
            (Self::Poetry, _) => bench.poetry(),
            (Self::Pdm, _) => bench.pdm(),
            (Self::PipTools, _) => bench.pip_tools(),
        };
        let found = asked.doctor.map(|scene| bench.doctor(scene)).unwrap_or_default();
        Came { installed: installed(&site), said: bench.without_paths(&said), found }
    }
}

/// What tox has in its environments before it installs anything.
const BROUGHT_BY_TOOLS: [&str; 3] = ["pip", "setuptools", "wheel"];

/// The distributions in a directory, without those that a tool brings.
fn installed(site: &Path) -> BTreeMap<String, Installed> {
    let mut found = BTreeMap::new();
    let Ok(entries) = fs::read_dir(site) else { return found };
    for entry in entries.map(|entry| entry.expect("an entry")) {
        let directory = entry.file_name().into_string().expect("UTF-8");
        let Some((module, version)) =
            directory.strip_suffix(".dist-info").and_then(|stem| stem.split_once('-'))
        else {
            continue;
        };
        if BROUGHT_BY_TOOLS.contains(&module) {
            continue;
        }
        let bytes = fs::read(site.join(module).with_extension("py")).expect("its module");
        let about = fs::read_to_string(entry.path().join("WHEEL")).expect("WHEEL");
        let installed = Installed {
            version: version.to_owned(),
            module_sha256: sha256(&bytes),
            built_from_sdist: about.contains("Generator: backend.py"),
        };
        found.insert(module.replace('_', "-"), installed);
    }
    found
}
