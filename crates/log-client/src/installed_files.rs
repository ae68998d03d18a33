//! Whether files are still as they were recorded when they were installed.
//!
//! Who made the record may have named anything, such as one huge file under many names. So
//! a file of another size is changed without being read, and each other is read once,
//! whatever it is called, and up to the size that it had.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::bail;
use log_core::hash::Hash;

use crate::files;

/// A file, as it was recorded.
#[derive(Debug)]
pub struct Expected {
    /// Where it is.
    pub path: PathBuf,
    /// The digest of its bytes.
    pub sha256: Hash,
    /// How many bytes it has, where that is recorded.
    pub size: Option<u64>,
}

/// Which of these are there, as regular files, and unchanged, in their order; an
/// error when there are more bytes to read than `most`.
pub fn unchanged(files: &[Expected], most: u64) -> anyhow::Result<Vec<bool>> {
    let there: Vec<Option<(PathBuf, u64)>> = files.iter().map(there).collect();
    let distinct: BTreeMap<&Path, u64> =
        there.iter().flatten().map(|(path, size)| (path.as_path(), *size)).collect();
    if distinct.values().fold(0, |sum: u64, size| sum.saturating_add(*size)) > most {
        bail!("the files that are installed have more than {most} bytes");
    }
    let distinct: Vec<(&Path, u64)> = distinct.into_iter().collect();
    let digests = files::digests(&distinct);
    let digests: BTreeMap<&Path, Option<Hash>> =
        distinct.iter().map(|(path, _)| *path).zip(digests).collect();
    let is_unchanged = |(file, there): (&Expected, &Option<(PathBuf, u64)>)| {
        let found = there.as_ref().and_then(|(path, _)| *digests.get(path.as_path())?);
        found == Some(file.sha256)
    };
    Ok(files.iter().zip(&there).map(is_unchanged).collect())
}

/// The file of the recorded size, by its one true path, and its size.
fn there(file: &Expected) -> Option<(PathBuf, u64)> {
    let metadata = file.path.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let size = metadata.len();
    if file.size.is_some_and(|recorded| recorded != size) {
        return None;
    }
    Some((file.path.canonicalize().ok()?, size))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use log_core::hash::digest;

    use super::*;

    #[test]
    fn a_file_is_read_once_and_not_for_another_size() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        fs::create_dir(path("inner")).expect("a directory");
        fs::write(path("small"), "small").expect("written");
        File::create(path("large")).and_then(|file| file.set_len(4 << 30)).expect("long");
        let small = digest(&[b"small"]);
        let expected = |name: &str, sha256, size| Expected { path: path(name), sha256, size };
        let mut files = vec![
            expected("large", small, Some(5)),
            expected("small", small, Some(5)),
            expected("small", small, None),
            expected("inner/../small", small, Some(5)),
            expected("small", digest(&[b"other"]), Some(5)),
            expected("small", small, Some(6)),
            expected("inner", small, None),
            expected("missing", small, None),
        ];
        // For the bytes of the small one, once.
        let found = unchanged(&files, 5).expect("few bytes");
        assert_eq!(found, [false, true, true, true, false, false, false, false]);
        files.push(expected("large", small, None));
        assert!(unchanged(&files, 5).is_err(), "of any size");
    }
}
