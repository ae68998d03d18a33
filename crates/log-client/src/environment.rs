//! What is installed in an environment, from the metadata that installers leave there, and
//! whether its files are still those that were installed.
//!
//! Bounds: so many packages, files, bytes of metadata and bytes of files, each file read once
//! (`installed_files`).
//!
//! Left out: packages of the operating system, and what was put there without an installer.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use log_core::hash::digest;

use crate::installed_files::{self, Expected};
use crate::locks::installed::{self, MAX_DIRECT_URL_BYTES, MAX_METADATA_BYTES, Traces};
use crate::locks::recorded::{self, MAX_RECORD_BYTES, Recorded};
use crate::locks::{MAX_WANTED, Place, Wanted};
use crate::requirement_files::read_regular as read;

/// Most files of all packages together.
const MAX_FILES: usize = 2_000_000;

/// Most bytes of these.
const MAX_BYTES: u64 = 1 << 40;

/// All that is installed, by the names of the directories with the metadata.
pub fn read_environment(path: &Path) -> anyhow::Result<Vec<(Wanted, Traces)>> {
    let mut found = Vec::new();
    // Of which package, under which name, and as what.
    let (mut names, mut recorded) = (Vec::new(), Vec::new());
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
            let at = || entry.path().display().to_string();
            let package = package(&name, &metadata).with_context(at)?;
            for Recorded { path, sha256, size } in record(&metadata).with_context(at)? {
                recorded.push(Expected { path: directory.join(&path), sha256, size });
                names.push((found.len(), path));
            }
            found.push(package);
            if recorded.len() > MAX_FILES {
                bail!("more than {MAX_FILES} files are installed in {}", path.display());
            }
        }
    }
    if found.is_empty() {
        bail!("nothing is installed in {}, or it is no environment", path.display());
    }
    for (is_unchanged, (package, path)) in
        installed_files::unchanged(&recorded, MAX_BYTES)?.into_iter().zip(names)
    {
        if !is_unchanged {
            found[package].1.changed.push(path);
        }
    }
    Ok(found)
}

fn package(name: &str, metadata: &Path) -> anyhow::Result<(Wanted, Traces)> {
    let bytes = read(metadata, MAX_METADATA_BYTES).context("there is no METADATA")?;
    let is_of_a_wheel = metadata.ends_with("METADATA");
    let sha256 = (is_of_a_wheel && bytes.len() <= MAX_METADATA_BYTES).then(|| digest(&[&bytes]));
    let direct_url = metadata.with_file_name("direct_url.json");
    let direct_url = if is_of_a_wheel && direct_url.exists() {
        Some(read(&direct_url, MAX_DIRECT_URL_BYTES)?)
    } else {
        None
    };
    let wanted = installed::parse(&bytes, direct_url.as_deref(), Place::Key(name.to_owned()))?;
    Ok((wanted, Traces { metadata: sha256, changed: Vec::new() }))
}

/// What was recorded beside this metadata; nothing by installers that record nothing.
fn record(metadata: &Path) -> anyhow::Result<Vec<Recorded>> {
    let path = metadata.with_file_name("RECORD");
    if !metadata.ends_with("METADATA") || !path.exists() {
        return Ok(Vec::new());
    }
    let bytes = read(&path, MAX_RECORD_BYTES).context("RECORD")?;
    if bytes.len() > MAX_RECORD_BYTES {
        bail!("RECORD has more than {MAX_RECORD_BYTES} bytes");
    }
    recorded::parse(&bytes).map_err(anyhow::Error::msg)
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
        let of_nothing = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0";
        let record =
            ["nova/__init__.py", "nova/db.py", "nova/gone.py"].map(|path| format!("{path},{of_nothing}\n"));
        let record = record.concat();
        for (path, text) in [
            ("nova-1.0.dist-info/METADATA", "Name: nova\nVersion: 1.0\n"),
            ("glance-2.egg-info/PKG-INFO", "Name: glance\nVersion: 2\n"),
            ("old-3.egg-info", "Name: old\nVersion: 3\n"),
            ("nova/__init__.py", ""),
            ("nova/db.py", "changed"),
            ("nova-1.0.dist-info/RECORD", &record),
        ] {
            let path = site.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, text).expect("written");
        }
        for path in [directory.path(), &site] {
            let installed = read_environment(path).expect("installed");
            let titles: Vec<String> = installed.iter().map(|(wanted, _)| wanted.title()).collect();
            assert_eq!(titles, ["glance 2", "nova 1.0", "old 3"]);
            let changed: Vec<&[String]> = installed.iter().map(|(_, traces)| &*traces.changed).collect();
            assert_eq!(changed, [&[][..], &["nova/db.py".to_owned(), "nova/gone.py".to_owned()], &[]]);
            assert_eq!(installed[1].1.metadata, Some(digest(&[b"Name: nova\nVersion: 1.0\n"])));
            assert_eq!(installed[0].1.metadata, None, "whoever built an egg made it");
        }
        fs::create_dir(site.join("broken-1.dist-info")).expect("a directory");
        assert!(format!("{:#}", read_environment(&site).expect_err("broken")).contains("broken-1.dist-info"));
    }
}
