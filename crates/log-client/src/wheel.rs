//! The digest of a wheel's metadata.
//!
//! Beside a wheel, an index serves the wheel's `METADATA` as
//! `<wheel>.metadata`, and installers resolve dependencies by that copy alone.
//! Its digest is therefore stated together with the wheel's.
//!
//! Invariant: the digest is of the only file that a reader of the list of files
//! takes for the metadata. Wheels are hostile input, and such readers differ on
//! odd archives: which end record counts, whether the count of files or the
//! length of their list, which of two files of one name, where a path ends.
//! Whatever can be read in two ways is an error here.
//!
//! Left out: what the metadata says, the other files and `RECORD`; readers that
//! go by the header before each file; ZIP64, which no wheel needs, since `PyPI`
//! takes at most 1 GiB per file; archive comments; and compression other than
//! deflate.
//!
//! Specification: binary distribution format (PEP 427), PEP 658; APPNOTE.TXT
//! §4.3.12 and §4.3.16 for zip archives.

use std::io::{BufReader, Read, Seek, SeekFrom};

use anyhow::{Context as _, bail, ensure};
use log_core::artifact::{FileName, ProjectName, Version, WheelName};
use log_core::hash::{Hash, digest};
use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};

/// Most files in a wheel: the largest 16-bit count, as 65,535 announces ZIP64.
const MAX_FILES: u16 = u16::MAX - 1;

/// Longest list of files, 16 MiB: 65,534 records of 46 bytes, each with a path
/// and extra fields of 210 bytes.
const MAX_DIRECTORY_BYTES: u32 = 65_534 * (46 + 210);

/// Longest `METADATA`, 8 MiB. Nearly all of it is the project's description.
const MAX_METADATA_BYTES: u64 = 8 << 20;

/// SHA-256 of what an index serves as `<wheel>.metadata`.
///
/// `name` says which project and version the metadata must be of.
pub fn metadata_digest(wheel: &mut (impl Read + Seek), name: &FileName) -> anyhow::Result<Hash> {
    Ok(digest(&[&metadata(wheel, name)?]))
}

/// What an index serves as `<wheel>.metadata`.
pub fn metadata(wheel: &mut (impl Read + Seek), name: &FileName) -> anyhow::Result<Vec<u8>> {
    let parts = WheelName::parse(name)?;
    read_metadata(wheel, &parts).with_context(|| format!("no usable metadata in {name}"))
}

/// The bytes of the metadata file.
fn read_metadata(wheel: &mut (impl Read + Seek), name: &WheelName) -> anyhow::Result<Vec<u8>> {
    let (files, directory) = read_directory(wheel)?;
    let path = find_metadata(files, &directory, name)?;

    // Without leading bytes, see `read_directory`.
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let mut archive = ZipArchive::with_config(config, BufReader::new(wheel))?;
    let file = archive.by_name(&path).with_context(|| format!("cannot open {path}"))?;
    let size = file.size();
    ensure!(
        size <= MAX_METADATA_BYTES,
        "{path} has {size} bytes unpacked, expected at most {MAX_METADATA_BYTES}"
    );
    let mut metadata = Vec::new();
    // Reading on to the end also compares the CRC.
    file.take(size + 1).read_to_end(&mut metadata).with_context(|| format!("cannot unpack {path}"))?;
    // Python stops at the stated size, and a CRC is easily made to fit both.
    ensure!(metadata.len() as u64 == size, "{path} is not as long as the {size} bytes stated");
    Ok(metadata)
}

/// Reads the list of files (the central directory), and how many are said to
/// be in it.
///
/// Readers find it by its offset from the start or by its length before the end
/// record, and the end record as the last or the first of its kind. They agree
/// if the file ends with the record and the record is right after the list.
fn read_directory(wheel: &mut (impl Read + Seek)) -> anyhow::Result<(u16, Vec<u8>)> {
    const LOCATOR_BYTES: usize = 20;
    const END_BYTES: usize = 22;

    let len = wheel.seek(SeekFrom::End(0))?;
    let mut tail = [0; LOCATOR_BYTES + END_BYTES];
    let tail_at = len.checked_sub(tail.len() as u64).context("too short for a zip archive")?;
    wheel.seek(SeekFrom::Start(tail_at))?;
    wheel.read_exact(&mut tail)?;
    let (before, end) = tail.split_at(LOCATOR_BYTES);

    let mut end = Fields(end);
    ensure!(
        end.take(4)? == b"PK\x05\x06",
        "not a zip archive, or one with a comment or other bytes after its end record"
    );
    let disks = [end.u16()?, end.u16()?];
    let [files, all_files] = [end.u16()?, end.u16()?];
    let [size, offset] = [end.u32()?, end.u32()?];
    ensure!(end.u16()? == 0, "the end record announces a comment that is not there");
    ensure!(disks == [0, 0] && files == all_files, "the archive has several parts");
    // Python follows a ZIP64 locator even when the end record asks for none.
    ensure!(!before.starts_with(b"PK\x06\x07") && files <= MAX_FILES, "the archive uses ZIP64");
    ensure!(
        size <= MAX_DIRECTORY_BYTES,
        "its list of files has {size} bytes, expected at most {MAX_DIRECTORY_BYTES}"
    );
    ensure!(
        u64::from(offset) + u64::from(size) == len - END_BYTES as u64,
        "its list of files does not end where the end record starts"
    );

    wheel.seek(SeekFrom::Start(offset.into()))?;
    let mut bytes = Vec::new();
    wheel.take(size.into()).read_to_end(&mut bytes)?;
    Ok((files, bytes))
}

/// The path of the metadata file, by pip's rule: the wheel has one top-level
/// name ending with `.dist-info`, and that is the project's.
fn find_metadata(files: u16, directory: &[u8], name: &WheelName) -> anyhow::Result<String> {
    let mut dist_info = None;
    let mut found = 0;
    let mut listed = 0_u32;
    let mut records = Fields(directory);
    while !records.0.is_empty() {
        let path = records.path()?;
        listed += 1;
        // Python on Windows takes `\` for `/`.
        let mut parts = path.splitn(2, |&byte| matches!(byte, b'/' | b'\\'));
        let top = parts.next().unwrap_or_default();
        if !top.ends_with(b".dist-info") {
            continue;
        }
        if let Some(first) = dist_info.replace(top)
            && first != top
        {
            bail!("it has both {:?} and {:?}, expected one .dist-info", excerpt(first), excerpt(top));
        }
        found += u32::from(parts.next() == Some(b"METADATA"));
    }
    ensure!(listed == u32::from(files), "the archive lists {listed} files and counts {files}");

    let dist_info = dist_info.context("it has no .dist-info directory")?;
    let is_ours = || {
        let (project, version) =
            str::from_utf8(dist_info).ok()?.strip_suffix(".dist-info")?.rsplit_once('-')?;
        let project = ProjectName::normalise(project).ok()?;
        Some(project == name.project && Version::normalise(version).ok()? == name.version)
    };
    let WheelName { project, version, .. } = name;
    ensure!(is_ours() == Some(true), "its {:?} is not of {project} {version}", excerpt(dist_info));
    ensure!(found == 1, "it has {found} METADATA files, expected one");
    Ok(format!("{}/METADATA", str::from_utf8(dist_info)?))
}

/// The start of a path, for messages.
fn excerpt(path: &[u8]) -> String {
    String::from_utf8_lossy(&path[..path.len().min(128)]).into_owned()
}

/// Takes little-endian fields off the front.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> anyhow::Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len).context("a record of the archive is cut short")?;
        self.0 = rest;
        Ok(taken)
    }

    fn u16(&mut self) -> anyhow::Result<u16> {
        let bytes = self.take(2)?;
        Ok(u16::from_le_bytes(bytes.try_into()?))
    }

    fn u32(&mut self) -> anyhow::Result<u32> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes(bytes.try_into()?))
    }

    /// The path in the next record of the list of files.
    fn path(&mut self) -> anyhow::Result<&'a [u8]> {
        const UNICODE_PATH: u16 = 0x7075;

        ensure!(self.take(4)? == b"PK\x01\x02", "its list of files has something else in it");
        self.take(24)?;
        let [path, extra, comment] = [self.u16()?, self.u16()?, self.u16()?].map(usize::from);
        self.take(12)?;
        let path = self.take(path)?;
        let mut extra = Self(self.take(extra)?);
        self.take(comment)?;

        // Python cuts a path there.
        ensure!(!path.contains(&0), "the path {:?} has a zero byte", excerpt(path));
        while extra.0.len() >= 4 {
            let [kind, len] = [extra.u16()?, extra.u16()?];
            // Only some readers let this path replace the other.
            ensure!(kind != UNICODE_PATH, "the file {:?} has a second path", excerpt(path));
            extra.take(len.into())?;
        }
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use zip::write::SimpleFileOptions;

    use super::*;

    const NAME: &str = "foo_bar-1.0-py3-none-any.whl";
    const METADATA: &str = "Metadata-Version: 2.1\nName: foo-bar\nVersion: 1.0\n";

    fn wheel(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (path, bytes) in files {
            zip.start_file(*path, SimpleFileOptions::default()).expect("new path");
            zip.write_all(bytes).expect("in memory");
        }
        zip.finish().expect("in memory").into_inner()
    }

    fn good() -> Vec<u8> {
        wheel(&[("foo_bar.py", b""), ("foo_bar-1.0.dist-info/METADATA", METADATA.as_bytes())])
    }

    /// The digest, or the whole error.
    fn read(name: &str, wheel: &[u8]) -> Result<Hash, String> {
        let name = FileName::parse(name).expect("a file name");
        metadata_digest(&mut Cursor::new(wheel), &name).map_err(|error| format!("{error:#}"))
    }

    #[track_caller]
    fn check_refused(wheel: &[u8], expected: &str) {
        let error = read(NAME, wheel).expect_err("hostile");
        assert!(error.starts_with("no usable metadata in foo_bar-1.0-py3-none-any.whl: "), "{error}");
        assert!(error.contains(expected), "{error}");
    }

    /// `wheel` with each `from` replaced by the equally long `to`.
    fn patch(mut wheel: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
        assert_eq!(from.len(), to.len());
        let places: Vec<usize> = (0..wheel.len()).filter(|&at| wheel[at..].starts_with(from)).collect();
        assert!(!places.is_empty());
        for at in places {
            wheel[at..at + to.len()].copy_from_slice(to);
        }
        wheel
    }

    /// `wheel` with `bytes` as the comment or the extra fields (`length_at` 32
    /// or 30) of the last file, whose list record is `record` bytes long.
    fn extend(mut wheel: Vec<u8>, record: usize, length_at: usize, bytes: &[u8]) -> Vec<u8> {
        let len = u16::try_from(bytes.len()).expect("short");
        let end = wheel.len() - 22;
        wheel[end - record + length_at..][..2].copy_from_slice(&len.to_le_bytes());
        let size = u32::from_le_bytes(wheel[end + 12..end + 16].try_into().expect("4")) + u32::from(len);
        wheel[end + 12..end + 16].copy_from_slice(&size.to_le_bytes());
        wheel.splice(end..end, bytes.iter().copied());
        wheel
    }

    #[test]
    fn is_the_digest_of_the_file() {
        let expected = digest(&[METADATA.as_bytes()]);
        assert_eq!(read(NAME, &good()), Ok(expected));
        // Spellings differ between the file name and the directory.
        let other = wheel(&[("Foo.Bar-1.0.0.dist-info/METADATA", METADATA.as_bytes())]);
        assert_eq!(read("foo_bar-1-2-py3-none-any.whl", &other), Ok(expected));
        assert!(read("foo-bar-1.0.tar.gz", &good()).is_err());
    }

    #[test]
    fn wants_one_directory_of_the_project() {
        check_refused(&wheel(&[]), "too short");
        check_refused(&wheel(&[("foo_bar.py", b"")]), "no .dist-info directory");
        for other in ["foo_baz-1.0", "foo_bar-1.1", "foo_bar", "foo_bar_1.0"] {
            let path = format!("{other}.dist-info/METADATA");
            check_refused(&wheel(&[(&path, b"x")]), "is not of foo-bar 1.0");
        }
        let path = "foo_bar-1.0.dist-info/METADATA";
        for second in ["evil-1.0.dist-info", "Foo_Bar-1.0.dist-info/METADATA", "foo_bar-1.dist-info/x"] {
            check_refused(&wheel(&[(path, b"x"), (second, b"y")]), "expected one .dist-info");
        }
        for elsewhere in ["foo_bar-1.0.dist-info/metadata", "foo_bar-1.0.dist-info/sub/METADATA"] {
            check_refused(&wheel(&[(elsewhere, b"x")]), "it has 0 METADATA files");
        }
    }

    #[test]
    fn refuses_two_metadata_files() {
        let path = "foo_bar-1.0.dist-info/METADATA";
        let two = wheel(&[(path, b"x"), ("foo_bar-1.0.dist-info/METADATB", b"y")]);
        check_refused(&patch(two.clone(), b"METADATB", b"METADATA"), "it has 2 METADATA files");
        check_refused(&patch(two.clone(), b"info/METADATB", b"info\\METADATA"), "it has 2 METADATA files");
        // Not counted by the end record, but read by Python.
        let hidden = patch(patch(two, b"METADATB", b"METADATA"), &[0, 0, 2, 0, 2, 0], &[0, 0, 1, 0, 1, 0]);
        check_refused(&hidden, "lists 2 files and counts 1");
    }

    #[test]
    fn refuses_two_readings() {
        let path = "foo_bar-1.0.dist-info/METADATA";
        let long = wheel(&[("foo_bar-1.0.dist-info/METADATA?x", b"x")]);
        check_refused(&patch(long, b"METADATA?x", b"METADATA\0x"), "has a zero byte");

        let record = 46 + path.len();
        let mut locator = b"PK\x06\x07".to_vec();
        locator.resize(20, 0);
        check_refused(&extend(good(), record, 32, &locator), "uses ZIP64");
        check_refused(&extend(good(), record, 30, b"up\x06\0\x01crc4x"), "has a second path");
        check_refused(&extend(good(), record, 30, b"xx\xff\0"), "cut short");
        assert!(read(NAME, &extend(good(), record, 32, b"a comment")).is_ok());

        for extra in [&good()[..], b"\n"] {
            let appended = [&good(), extra].concat();
            let error = if extra.len() > 1 { "does not end where" } else { "after its end record" };
            check_refused(&appended, error);
        }
        check_refused(&[b"#!/bin/sh\n", &good()[..]].concat(), "does not end where");
    }

    #[test]
    fn bounds_what_it_reads() {
        let bomb = vec![0; usize::try_from(MAX_METADATA_BYTES).expect("small") + 1];
        let bomb = wheel(&[("foo_bar-1.0.dist-info/METADATA", &bomb)]);
        assert!(bomb.len() < 20_000);
        check_refused(&bomb, "has 8388609 bytes unpacked, expected at most 8388608");
        // The same, with a size that lies.
        let lie = patch(bomb, &8_388_609_u32.to_le_bytes(), &7_u32.to_le_bytes());
        check_refused(&lie, "cannot unpack foo_bar-1.0.dist-info/METADATA");
        let size = u32::try_from(METADATA.len()).expect("small");
        let lie = patch(good(), &size.to_le_bytes(), &(size + 1).to_le_bytes());
        check_refused(&lie, "not as long as the 50 bytes stated");

        let at = good().len() - 22;
        let mut large = good();
        large[at + 12..at + 16].copy_from_slice(&u32::MAX.to_le_bytes());
        check_refused(&large, "expected at most 16776704");
        let mut many = good();
        many[at + 8..at + 12].copy_from_slice(&[0xff; 4]);
        check_refused(&many, "uses ZIP64");
        check_refused(b"", "too short");
        check_refused(&[b'x'; 4096], "not a zip archive");
    }

    /// Damage is an error or changes nothing that matters, and never a panic.
    #[test]
    fn survives_damage() {
        let (good, expected) = (good(), digest(&[METADATA.as_bytes()]));
        for len in 0..good.len() {
            assert!(read(NAME, &good[..len]).is_err());
        }
        for at in 0..good.len() {
            for flip in [0x01, 0x20, 0x80, 0xff] {
                let mut bad = good.clone();
                bad[at] ^= flip;
                if let Ok(digest) = read(NAME, &bad) {
                    assert_eq!(digest, expected, "byte {at} with {flip:#x}");
                }
            }
        }
    }
}
