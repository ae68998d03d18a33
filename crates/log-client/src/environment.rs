//! What is installed in an environment, from the metadata that installers leave there.
//!
//! Left out: packages of the operating system, and what was put there without an installer.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::locks::installed::{self, MAX_DIRECT_URL_BYTES, MAX_METADATA_BYTES};
use crate::locks::{MAX_WANTED, Place, Wanted};
use crate::requirement_files::read;

/// All that is installed, by the names of the directories with the metadata.
pub fn read_environment(path: &Path) -> anyhow::Result<Vec<Wanted>> {
    let mut found = Vec::new();
    for directory in site_packages(path)? {
        let mut entries = fs::read_dir(&directory)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .with_context(|| format!("cannot read {}", directory.display()))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let metadata = match name.rsplit_once('.') {
                Some((_, "dist-info")) => entry.path().join("METADATA"),
                Some((_, "egg-info")) if entry.path().is_dir() => entry.path().join("PKG-INFO"),
                Some((_, "egg-info")) => entry.path(),
                _ => continue,
            };
            if found.len() == MAX_WANTED {
                bail!("more than {MAX_WANTED} packages are installed in {}", path.display());
            }
            found.push(package(&name, &metadata).with_context(|| entry.path().display().to_string())?);
        }
    }
    if found.is_empty() {
        bail!("nothing is installed in {}, or it is no environment", path.display());
    }
    Ok(found)
}

fn package(name: &str, metadata: &Path) -> anyhow::Result<Wanted> {
    let mut bytes = read(metadata, MAX_METADATA_BYTES).context("there is no METADATA")?;
    bytes.truncate(MAX_METADATA_BYTES);
    let direct_url = metadata.with_file_name("direct_url.json");
    let direct_url = if metadata.ends_with("METADATA") && direct_url.exists() {
        Some(read(&direct_url, MAX_DIRECT_URL_BYTES)?)
    } else {
        None
    };
    Ok(installed::parse(&bytes, direct_url.as_deref(), Place::Key(name.to_owned()))?)
}

/// The directories with packages: those of a virtual environment, or the one given.
fn site_packages(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for lib in ["lib", "lib64"] {
        let Ok(versions) = fs::read_dir(path.join(lib)) else { continue };
        for version in versions {
            let directory = version?.path().join("site-packages");
            found.extend(directory.canonicalize());
        }
    }
    found.extend(path.join("Lib/site-packages").canonicalize());
    if found.is_empty() {
        found.push(path.canonicalize().with_context(|| format!("cannot read {}", path.display()))?);
    }
    // `lib64` is another name of `lib`, as a rule.
    found.sort();
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_environments_and_directories_with_packages() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(read_environment(directory.path()).is_err());
        let site = directory.path().join("lib/python3.11/site-packages");
        for (path, text) in [
            ("nova-1.0.dist-info/METADATA", "Name: nova\nVersion: 1.0\n"),
            ("glance-2.egg-info/PKG-INFO", "Name: glance\nVersion: 2\n"),
            ("old-3.egg-info", "Name: old\nVersion: 3\n"),
            ("nova/__init__.py", ""),
        ] {
            let path = site.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, text).expect("written");
        }
        for path in [directory.path(), &site] {
            let titles: Vec<String> =
                read_environment(path).expect("installed").iter().map(Wanted::title).collect();
            assert_eq!(titles, ["glance 2", "nova 1.0", "old 3"]);
        }
        fs::create_dir(site.join("broken-1.dist-info")).expect("a directory");
        assert!(format!("{:#}", read_environment(&site).expect_err("broken")).contains("broken-1.dist-info"));
    }
}
