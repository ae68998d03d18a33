//! The private side of a data directory, compared with what is published. It is
//! looked at only while no server writes to it, and changed by nobody here.

use log_core::hash::Hash;

use super::problem::{Fault, Problem, Remedy};
use crate::data_dir::{DataDir, DataLock};
use crate::head::HeadRecord;
use crate::store::directory::{DirectoryObjects, FileHead};
use crate::store::{Head as _, Objects as _};

/// The head record, for messages.
const HEAD: &str = "private/head";

/// What the private side looks like.
#[derive(Debug, Default)]
pub struct Private {
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// What is no problem, and good to know.
    pub remarks: Vec<String>,
}

/// Looks at head record and staging objects. `signed` is the published tree, when
/// there is one; `is_locked` says that the caller holds the lock.
pub fn check(data: &DataDir, signed: Option<(u64, Hash)>, is_locked: bool) -> Private {
    let mut private = Private::default();
    let _lock: Option<DataLock> = match data.lock() {
        _ if is_locked => None,
        Ok(lock) => Some(lock),
        Err(error) => {
            private.remarks.push(format!("the private side was not looked at: {error:#}"));
            return private;
        }
    };
    let head = match FileHead::new(data.head()).load() {
        Ok(Some(head)) => head,
        Ok(None) => return private.and(HEAD, Fault::Missing),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            return private.and(HEAD, Fault::Record(error.to_string()));
        }
        Err(error) => return private.and(HEAD, Fault::Unreadable(error.to_string())),
    };
    if let Some(contradiction) = signed.and_then(|signed| contradiction(&head, signed)) {
        private.problems.push(Problem::of(HEAD, Fault::Record(contradiction), Remedy::Server));
    }
    if signed.is_some_and(|(size, _)| head.size > size) {
        let remark =
            format!("{} entries are committed and not published yet: the next start does", head.size);
        private.remarks.push(remark);
    }
    match DirectoryObjects::new(data.staging()).list() {
        Ok(names) => private.remarks.extend(names.iter().map(|name| staging_remark(name, &head))),
        Err(error) => return private.and("private/staging", Fault::Unreadable(error.to_string())),
    }
    private
}

/// Why head and published tree cannot both be this log's newest.
fn contradiction(head: &HeadRecord, (size, root): (u64, Hash)) -> Option<String> {
    if head.size < size {
        return Some(format!(
            "it says that {} entries are committed, but {size} are published: it is an old copy; a log that \
             goes on from it forks",
            head.size
        ));
    }
    (head.size == size && head.root != root)
        .then(|| format!("it has another root of size {size} than the published checkpoint"))
}

fn staging_remark(name: &str, head: &HeadRecord) -> String {
    if head.staging.as_deref() == Some(name) {
        format!("private/staging/{name}: a round that was committed and not finished; the next start does")
    } else {
        format!("private/staging/{name}: a round that was never committed; the next start drops it")
    }
}

impl Private {
    fn and(mut self, path: &str, fault: Fault) -> Self {
        self.problems.push(Problem::of(path, fault, Remedy::Server));
        self
    }
}
