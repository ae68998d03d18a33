//! The directory of one run: caches of its own, an empty directory for find-links, and the
//! way into poetry.
//!
//! Installers keep what they downloaded by its address, and may take it again without
//! asking, as uv does with a lock: also a file that was withdrawn since. A run therefore
//! has caches of its own; what was verified is kept by the proxy.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::scratch::Scratch;

/// poetry's plugin.
const PLUGIN: &str = include_str!("poetry_plugin.py");

/// How poetry finds it.
const ENTRY_POINTS: &str = "[poetry.application.plugin]\nwheeltap = wheeltap_run_poetry:Plugin\n";
const METADATA: &str = "Metadata-Version: 2.1\nName: wheeltap-run-poetry\nVersion: 1\n";

/// The directory; it goes with its owner.
#[derive(Debug)]
pub struct Place {
    directory: Scratch,
}

impl Place {
    /// A new one below `cache`, which is on the disk that installers' caches are on as a
    /// rule, so that they can link from it.
    pub fn new(cache: &Path) -> io::Result<Self> {
        // Absolute: the command and what it starts may be in other directories.
        let directory = Scratch::new(&std::path::absolute(cache.join("run"))?)?;
        // The command may outlive a run that is killed.
        directory.share()?;
        fs::create_dir(directory.path().join("empty"))?;
        Ok(Self { directory })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Makes a `poetry` that loads the plugin and then is `real`; gives the directory to
    /// put first in `PATH`.
    #[cfg(unix)]
    pub fn wrap_poetry(&self, real: &Path) -> io::Result<PathBuf> {
        use std::os::unix::fs::PermissionsExt as _;
        let programs = self.path().join("bin");
        let plugin = self.path().join("poetry");
        let information = plugin.join("wheeltap_run_poetry-1.dist-info");
        fs::create_dir_all(&programs)?;
        fs::create_dir_all(&information)?;
        fs::write(plugin.join("wheeltap_run_poetry.py"), PLUGIN)?;
        fs::write(information.join("METADATA"), METADATA)?;
        fs::write(information.join("entry_points.txt"), ENTRY_POINTS)?;
        let script = format!(
            "#!/bin/sh\nPYTHONPATH={}${{PYTHONPATH:+:$PYTHONPATH}} exec {} \"$@\"\n",
            quoted(&plugin),
            quoted(real)
        );
        let wrapper = programs.join("poetry");
        fs::write(&wrapper, script)?;
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
        Ok(programs)
    }

    /// Elsewhere poetry is not stood in for.
    #[cfg(not(unix))]
    pub fn wrap_poetry(&self, _: &Path) -> io::Result<PathBuf> {
        Err(io::Error::other("there is no way into poetry here"))
    }
}

/// The first program of this name in `PATH`.
pub fn find(program: &str, path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(path).map(|directory| directory.join(program)).find(|file| file.is_file())
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_wrapper_is_the_real_program_with_the_plugin_in_its_path() {
        let directory = tempfile::tempdir().expect("a directory");
        let place = Place::new(&directory.path().join("it's a cache")).expect("a place");
        let programs = place.wrap_poetry(Path::new("/bin/echo")).expect("written");
        let mut wrapper = std::process::Command::new(programs.join("poetry"));
        let output = wrapper.args(["a b", "c"]).output().expect("it runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "a b c\n");
        let path = std::env::join_paths([Path::new("/nowhere"), programs.as_path()]).expect("a path");
        assert_eq!(find("poetry", &path), Some(programs.join("poetry")));
        let kept = place.path().to_owned();
        drop(place);
        assert!(!kept.exists(), "it goes with its owner");
    }
}
