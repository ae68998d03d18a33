//! Replacing a damaged file, so that nothing is ever lost by it.
//!
//! 1. the damaged file gets a second name, `<name>.damaged-<n>`, in the directory for
//!    kept files: **durable**;
//! 2. the right bytes take its first name: **durable**, at once.
//!
//! A crash between the two leaves the damaged file in its place and kept besides;
//! the next repair keeps it once more. Whether the bytes are right is not decided
//! here.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use log_io::durable;

/// Replaces the file `path` below `public` and keeps what was there below `keep`.
pub fn replace(public: &Path, keep: &Path, path: &str, bytes: &[u8]) -> io::Result<()> {
    let damaged = public.join(path);
    if damaged.try_exists()? {
        keep_copy(&damaged, keep, path)?;
    }
    durable::write(&damaged, bytes)
}

fn keep_copy(damaged: &Path, keep: &Path, path: &str) -> io::Result<()> {
    let directory = keep.join(path);
    let directory = directory.parent().unwrap_or(keep);
    durable::create_directory(directory)?;
    for n in 1u32.. {
        let kept = keep.join(format!("{path}.damaged-{n}"));
        match fs::hard_link(damaged, &kept) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            // Another file system: a copy does as well.
            Err(error) if error.kind() == ErrorKind::CrossesDevices => {
                return durable::write(&kept, &fs::read(damaged)?);
            }
            result => {
                result?;
                break;
            }
        }
    }
    durable::sync_directory(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replaced_is_kept_under_a_name_of_its_own() {
        let dir = tempfile::tempdir().expect("a directory");
        let (public, keep) = (dir.path().join("public"), dir.path().join("keep"));
        let path = "tile/0/x001/067.p/5";
        replace(&public, &keep, path, b"one").expect("written");
        assert!(!keep.exists(), "there was nothing to keep");
        for new in ["two", "three"] {
            replace(&public, &keep, path, new.as_bytes()).expect("replaced");
        }
        assert_eq!(fs::read(public.join(path)).expect("a file"), b"three");
        let kept = |n: u32| fs::read(keep.join(format!("{path}.damaged-{n}"))).expect("kept");
        assert_eq!((kept(1), kept(2)), (b"one".to_vec(), b"two".to_vec()));
    }
}
