//! Small packages that are real: installers build and install them.
//!
//! Invariant: the same project and version give the same bytes. Nothing in them
//! depends on the time, the user or the machine; a new version of the
//! compression library may change the compressed bytes.
//!
//! Left out: scripts, data files, and any code worth running.
//!
//! Specification: source distribution format (PEP 625, PEP 517), binary
//! distribution format (PEP 427), core metadata 2.2 (PEP 643).

use std::io::{Cursor, Write as _};

use flate2::{Compression, GzBuilder};
use log_core::artifact::{FileName, ProjectName, Version};
use log_core::hash::{Hash, digest};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The time of every file: 2026-01-01, in seconds and as the zip format has it.
const MTIME: u64 = 1_767_225_600;
const ZIP_DATE: (u16, u8, u8) = (2026, 1, 1);

/// One file of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: FileName,
    /// Its content.
    pub bytes: Vec<u8>,
    /// The digest of `bytes`.
    pub sha256: Hash,
    /// What is served as `<name>.metadata`; wheels have it.
    pub metadata: Option<Vec<u8>>,
}

/// A release of `project`: an sdist and a wheel, in this order.
pub fn build(project: &ProjectName, version: &Version) -> anyhow::Result<Vec<Package>> {
    let recipe = Recipe::new(project, version);
    Ok(vec![recipe.sdist()?, recipe.wheel("py3-none-any")?])
}

/// What the files of a release are made of.
#[derive(Clone, Debug)]
pub struct Recipe {
    project: ProjectName,
    version: Version,
    /// The text of its only module.
    pub module: String,
    /// What it depends on, e.g. `nova>=1.0`.
    pub requires: Vec<String>,
}

impl Recipe {
    /// A module that states its version.
    pub fn new(project: &ProjectName, version: &Version) -> Self {
        let module = format!("\"\"\"Release {version} of {project}.\"\"\"\n\n__version__ = \"{version}\"\n");
        Self { project: project.clone(), version: version.clone(), module, requires: Vec::new() }
    }

    /// The sdist. It brings what builds it, so that no network is needed for that.
    pub fn sdist(&self) -> anyhow::Result<Package> {
        // The header of gzip has the time 0 and no name unless told.
        let gzip = GzBuilder::new().write(Vec::new(), Compression::best());
        let mut tar = tar::Builder::new(gzip);
        let files = [
            ("PKG-INFO", self.metadata()),
            ("pyproject.toml", PYPROJECT.to_owned()),
            ("backend.py", self.backend()),
            (&format!("{}.py", self.module_name()), self.module.clone()),
        ];
        for (path, text) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(MTIME);
            tar.append_data(&mut header, format!("{}/{path}", self.stem()), text.as_bytes())?;
        }
        package(&format!("{}.tar.gz", self.stem()), tar.into_inner()?.finish()?, None)
    }

    /// A wheel for `tags`, e.g. `py3-none-any`, or `1-py3-none-any` with a build tag.
    pub fn wheel(&self, tags: &str) -> anyhow::Result<Package> {
        let build = tags.split_once('-').filter(|(_, rest)| rest.matches('-').count() == 2);
        let (build, tag) = build.map_or((None, tags), |(build, tag)| (Some(build), tag));
        let build = build.map(|build| format!("Build: {build}\n")).unwrap_or_default();
        let about =
            format!("Wheel-Version: 1.0\nGenerator: wheeltap\nRoot-Is-Purelib: true\nTag: {tag}\n{build}");
        let dist_info = format!("{}.dist-info", self.stem());
        let mut files = vec![
            (format!("{}.py", self.module_name()), self.module.clone()),
            (format!("{dist_info}/METADATA"), self.metadata()),
            (format!("{dist_info}/WHEEL"), about),
        ];
        let record_name = format!("{dist_info}/RECORD");
        let mut record: Vec<String> = files.iter().map(|(path, text)| record_line(path, text)).collect();
        record.push(format!("{record_name},,\n"));
        files.push((record_name, record.concat()));

        let (year, month, day) = ZIP_DATE;
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::from_date_and_time(year, month, day, 0, 0, 0)?)
            .unix_permissions(0o644);
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, text) in &files {
            zip.start_file(path.as_str(), options)?;
            zip.write_all(text.as_bytes())?;
        }
        let metadata = self.metadata().into_bytes();
        package(&format!("{}-{tags}.whl", self.stem()), zip.finish()?.into_inner(), Some(metadata))
    }

    /// `foo_bar`.
    fn module_name(&self) -> String {
        self.project.as_str().replace('-', "_")
    }

    /// `foo_bar-1.0`.
    fn stem(&self) -> String {
        format!("{}-{}", self.module_name(), self.version)
    }

    fn metadata(&self) -> String {
        let requires: Vec<String> =
            self.requires.iter().map(|requires| format!("Requires-Dist: {requires}\n")).collect();
        format!(
            "Metadata-Version: 2.2\nName: {}\nVersion: {}\n\
             Summary: A module that states its version\nRequires-Python: >=3.8\n{}",
            self.project,
            self.version,
            requires.concat()
        )
    }

    fn backend(&self) -> String {
        BACKEND.replace("STEM", &self.stem()).replace("MODULE", &self.module_name())
    }
}

/// Nothing is required to build.
const PYPROJECT: &str =
    "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";

/// The smallest build backend (PEP 517).
const BACKEND: &str = r#"import os
import zipfile


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with open("PKG-INFO") as file:
        metadata = file.read()
    with open("MODULE.py") as file:
        module = file.read()
    about = "Wheel-Version: 1.0\nGenerator: backend.py\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    names = ["MODULE.py", "STEM.dist-info/METADATA", "STEM.dist-info/WHEEL", "STEM.dist-info/RECORD"]
    texts = [module, metadata, about, "".join(name + ",,\n" for name in names)]
    wheel = "STEM-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, wheel), "w") as archive:
        for name, text in zip(names, texts):
            archive.writestr(name, text)
    return wheel
"#;

fn package(name: &str, bytes: Vec<u8>, metadata: Option<Vec<u8>>) -> anyhow::Result<Package> {
    Ok(Package { name: FileName::parse(name)?, sha256: digest(&[&bytes]), bytes, metadata })
}

/// One line of `RECORD`. The digest is in URL-safe base64 without padding; no
/// path here needs CSV quotes.
fn record_line(path: &str, text: &str) -> String {
    let sha256 = digest(&[text.as_bytes()]).to_base64();
    let sha256 = sha256.trim_end_matches('=').replace('+', "-").replace('/', "_");
    format!("{path},sha256={sha256},{}\n", text.len())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use log_core::artifact::version_of;
    use zip::ZipArchive;

    use super::*;
    use crate::wheel::metadata_digest;

    fn release(project: &str, version: &str) -> Vec<Package> {
        let project = ProjectName::parse(project).expect("a project");
        let version = Version::parse(version).expect("a version");
        let packages = build(&project, &version).expect("packages");
        for package in &packages {
            assert_eq!(version_of(&package.name, &project), Ok(version.clone()));
            assert_eq!(package.sha256, digest(&[&package.bytes]));
        }
        packages
    }

    fn text(mut file: impl Read) -> String {
        let mut text = String::new();
        file.read_to_string(&mut text).expect("text");
        text
    }

    #[test]
    fn is_an_sdist_and_a_wheel() {
        let packages = release("foo-bar", "1.0");
        let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["foo_bar-1.0.tar.gz", "foo_bar-1.0-py3-none-any.whl"]);
        // Names that need quoting in URLs, or a long path in the tar archive.
        release("foo", "1!2.0.post1+deb.9");
        release(&"a".repeat(110), "1.0");
    }

    #[test]
    fn is_reproducible() {
        assert_eq!(release("foo-bar", "1.0"), release("foo-bar", "1.0"));
        let sdist = &release("foo-bar", "1.0")[0].bytes;
        assert_eq!(sdist[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0], "no name and no time");
    }

    #[test]
    fn sdist_has_its_files_in_one_directory() {
        let bytes = release("foo-bar", "1.0").remove(0).bytes;
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(&bytes[..]));
        let mut paths = Vec::new();
        for file in tar.entries().expect("a tar archive") {
            let file = file.expect("a file");
            assert_eq!(file.header().mtime().expect("a time"), MTIME);
            paths.push(file.path().expect("a path").display().to_string());
            assert!(!text(file).is_empty());
        }
        assert_eq!(
            paths,
            ["PKG-INFO", "pyproject.toml", "backend.py", "foo_bar.py"]
                .map(|path| format!("foo_bar-1.0/{path}"))
        );
    }

    #[test]
    fn wheel_records_its_files() {
        let wheel = release("foo-bar", "1.0").remove(1);
        let mut zip = ZipArchive::new(Cursor::new(&wheel.bytes)).expect("a zip archive");
        let record = text(zip.by_name("foo_bar-1.0.dist-info/RECORD").expect("RECORD"));
        let lines: Vec<&str> = record.lines().collect();
        assert_eq!(lines.len(), zip.len());
        for (at, line) in lines.iter().enumerate() {
            let file = zip.by_index(at).expect("a file");
            assert_eq!(file.last_modified().expect("a time").to_string(), "2026-01-01 00:00:00");
            let path = file.name().expect("a path").into_owned();
            let expected = record_line(&path, &text(file));
            let is_itself = path.ends_with("/RECORD") && *line == format!("{path},,");
            assert!(is_itself || format!("{line}\n") == expected, "{line}");
        }
        assert_eq!(record_line("a", "hello"), "a,sha256=LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ,5\n");
    }

    #[test]
    fn metadata_is_that_of_the_wheel() {
        let wheel = release("foo-bar", "1.0").remove(1);
        let inside = metadata_digest(&mut Cursor::new(&wheel.bytes), &wheel.name).expect("metadata");
        assert_eq!(inside, digest(&[&wheel.metadata.expect("a wheel's")]));
    }
}
