//! Stores in memory that assert the callers' side of the contract, and fail on
//! request: before or after the write has happened.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use super::{Head, Objects};
use crate::head::HeadRecord;

/// When the next writes fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The write fails and has not happened.
    Lost,
    /// The write fails although it has happened.
    Persisted,
    /// Half of the objects of the write have happened.
    Torn,
}

/// Counts writes and fails the one whose turn it is, and all after it: a crash.
#[derive(Debug, Default, Clone)]
pub struct Faults {
    state: Arc<Mutex<FaultState>>,
}

/// How many writes there were since `arm`, and which one fails.
type FaultState = (usize, Option<(usize, Fault)>);

#[derive(Debug, Default, Clone)]
pub struct MemoryObjects {
    objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    faults: Faults,
}

#[derive(Debug, Default, Clone)]
pub struct MemoryHead {
    record: Arc<Mutex<Option<HeadRecord>>>,
    faults: Faults,
}

impl Faults {
    /// The write number `at` from now (0 is the next) and all after it fail.
    pub fn arm(&self, at: usize, fault: Fault) {
        *self.state.lock().expect("not poisoned") = (0, Some((at, fault)));
    }

    /// Everything works again; how many writes there were since `arm`.
    pub fn disarm(&self) -> usize {
        let mut state = self.state.lock().expect("not poisoned");
        state.1 = None;
        std::mem::take(&mut state.0)
    }

    fn next(&self) -> Option<Fault> {
        let mut state = self.state.lock().expect("not poisoned");
        let number = state.0;
        state.0 += 1;
        match state.1 {
            Some((at, fault)) if number == at => Some(fault),
            Some((at, _)) if number > at => Some(Fault::Lost),
            _ => None,
        }
    }
}

impl MemoryObjects {
    pub fn new(faults: &Faults) -> Self {
        Self { objects: Arc::default(), faults: faults.clone() }
    }

    fn write(&self, objects: &[(String, Vec<u8>)], immutable: bool) -> io::Result<()> {
        let fault = self.faults.next();
        let written = match fault {
            Some(Fault::Lost) => 0,
            Some(Fault::Torn) => objects.len() / 2,
            Some(Fault::Persisted) | None => objects.len(),
        };
        let mut map = self.objects.lock().expect("not poisoned");
        for (path, bytes) in &objects[..written] {
            let before = map.insert(path.clone(), bytes.clone());
            let changed = before.is_some_and(|before| before != *bytes);
            assert!(!(immutable && changed), "immutable object {path} was changed");
        }
        fault.map_or(Ok(()), |fault| Err(io::Error::other(format!("injected: {fault:?}"))))
    }
}

impl Objects for MemoryObjects {
    fn put(&self, objects: &[(String, Vec<u8>)]) -> io::Result<()> {
        self.write(objects, true)
    }

    fn overwrite(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.write(&[(path.to_owned(), bytes.to_vec())], false)
    }

    fn get(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.objects.lock().expect("not poisoned").get(path).cloned())
    }

    fn get_range(&self, path: &str, from: u64, length: usize) -> io::Result<Option<Vec<u8>>> {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let part = |bytes: Vec<u8>| bytes.into_iter().skip(from).take(length).collect();
        Ok(self.get(path)?.map(part))
    }

    fn delete(&self, path: &str) -> io::Result<()> {
        let fault = self.faults.next();
        if fault != Some(Fault::Lost) {
            self.objects.lock().expect("not poisoned").remove(path);
        }
        fault.map_or(Ok(()), |fault| Err(io::Error::other(format!("injected: {fault:?}"))))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.objects.lock().expect("not poisoned").keys().cloned().collect())
    }

    fn list_below(&self, path: &str) -> io::Result<Vec<String>> {
        let map = self.objects.lock().expect("not poisoned");
        let below = map.keys().filter_map(|key| key.strip_prefix(path)?.strip_prefix('/'));
        let mut names: Vec<String> =
            below.filter_map(|rest| rest.split('/').next()).map(str::to_owned).collect();
        names.dedup();
        Ok(names)
    }

    fn delete_below(&self, path: &str) -> io::Result<()> {
        let fault = self.faults.next();
        let mut map = self.objects.lock().expect("not poisoned");
        let below: Vec<String> =
            map.keys().filter(|key| key.starts_with(&format!("{path}/"))).cloned().collect();
        let deleted = match fault {
            Some(Fault::Lost) => 0,
            Some(Fault::Torn) => below.len() / 2,
            Some(Fault::Persisted) | None => below.len(),
        };
        for key in &below[..deleted] {
            map.remove(key);
        }
        fault.map_or(Ok(()), |fault| Err(io::Error::other(format!("injected: {fault:?}"))))
    }
}

impl MemoryHead {
    pub fn new(faults: &Faults) -> Self {
        Self { record: Arc::default(), faults: faults.clone() }
    }
}

impl Head for MemoryHead {
    fn load(&self) -> io::Result<Option<HeadRecord>> {
        Ok(self.record.lock().expect("not poisoned").clone())
    }

    fn swap(&self, old: Option<&HeadRecord>, new: &HeadRecord) -> io::Result<bool> {
        let fault = self.faults.next();
        let mut record = self.record.lock().expect("not poisoned");
        if record.as_ref() != old {
            return Ok(false);
        }
        if fault != Some(Fault::Lost) {
            *record = Some(new.clone());
        }
        fault.map_or(Ok(true), |fault| Err(io::Error::other(format!("injected: {fault:?}"))))
    }
}
