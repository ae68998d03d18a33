//! Small packages that are real: installers build and install them.
//!
//! Invariant: the same project and version give the same bytes. Nothing in them
//! depends on the time, the user or the machine; a new version of the
//! compression library may change the compressed bytes.
//!
//! Left out: dependencies, scripts, data files, and any code worth running.
//!
//! Specification: source distribution format (PEP 625, PEP 517), binary
//! distribution format (PEP 427), core metadata (PEP 566).

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
    let release = Release::new(project, version);
    let sdist = package(&format!("{}.tar.gz", release.stem), release.sdist()?, None)?;
    let metadata = release.metadata.clone().into_bytes();
    let wheel = package(&format!("{}-py3-none-any.whl", release.stem), release.wheel()?, Some(metadata))?;
    Ok(vec![sdist, wheel])
}

fn package(name: &str, bytes: Vec<u8>, metadata: Option<Vec<u8>>) -> anyhow::Result<Package> {
    Ok(Package { name: FileName::parse(name)?, sha256: digest(&[&bytes]), bytes, metadata })
}

/// The texts of a release.
struct Release {
    /// `foo_bar-1.0`.
    stem: String,
    /// `foo_bar.py`.
    module_name: String,
    module: String,
    metadata: String,
    pyproject: String,
}

impl Release {
    fn new(project: &ProjectName, version: &Version) -> Self {
        let module = project.as_str().replace('-', "_");
        Self {
            stem: format!("{module}-{version}"),
            module_name: format!("{module}.py"),
            module: format!("\"\"\"Release {version} of {project}.\"\"\"\n\n__version__ = \"{version}\"\n"),
            metadata: format!(
                "Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n\
                 Summary: A module that states its version\nRequires-Python: >=3.8\n"
            ),
            pyproject: format!(
                "[build-system]\nrequires = [\"setuptools>=61\"]\n\
                 build-backend = \"setuptools.build_meta\"\n\n\
                 [project]\nname = \"{project}\"\nversion = \"{version}\"\n\
                 description = \"A module that states its version\"\nrequires-python = \">=3.8\"\n\n\
                 [tool.setuptools]\npy-modules = [\"{module}\"]\n"
            ),
        }
    }

    fn sdist(&self) -> anyhow::Result<Vec<u8>> {
        // The header of gzip has the time 0 and no name unless told.
        let gzip = GzBuilder::new().write(Vec::new(), Compression::best());
        let mut tar = tar::Builder::new(gzip);
        let files = [
            ("PKG-INFO", &self.metadata),
            ("pyproject.toml", &self.pyproject),
            (&self.module_name, &self.module),
        ];
        for (path, text) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(MTIME);
            tar.append_data(&mut header, format!("{}/{path}", self.stem), text.as_bytes())?;
        }
        Ok(tar.into_inner()?.finish()?)
    }

    fn wheel(&self) -> anyhow::Result<Vec<u8>> {
        let about = "Wheel-Version: 1.0\nGenerator: wheeltap\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
        let dist_info = format!("{}.dist-info", self.stem);
        let mut files = vec![
            (self.module_name.clone(), self.module.clone()),
            (format!("{dist_info}/METADATA"), self.metadata.clone()),
            (format!("{dist_info}/WHEEL"), about.to_owned()),
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
        Ok(zip.finish()?.into_inner())
    }
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
            assert!(text(file).contains("1.0"));
        }
        assert_eq!(
            paths,
            ["PKG-INFO", "pyproject.toml", "foo_bar.py"].map(|path| format!("foo_bar-1.0/{path}"))
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
