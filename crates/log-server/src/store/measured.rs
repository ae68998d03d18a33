//! A store whose operations are counted and timed; it changes nothing else.

use std::io;
use std::sync::Arc;

use log_io::clock::Stopwatch;

use super::{Head, Objects};
use crate::head::HeadRecord;
use crate::metrics::Metrics;
use crate::metrics::labels::StoreOp;

/// A store or head and where its operations are counted.
#[derive(Debug)]
pub struct Measured<T: ?Sized> {
    inner: Arc<T>,
    metrics: Arc<Metrics>,
}

impl<T: ?Sized> Measured<T> {
    /// Counts what is done with `inner`.
    pub fn new(inner: Arc<T>, metrics: &Arc<Metrics>) -> Self {
        Self { inner, metrics: Arc::clone(metrics) }
    }

    fn measure<R>(&self, op: StoreOp, work: impl FnOnce(&T) -> io::Result<R>) -> io::Result<R> {
        let watch = Stopwatch::start();
        let result = work(&self.inner);
        self.metrics.store.op(op, watch.elapsed(), result.is_err());
        result
    }
}

impl Objects for Measured<dyn Objects> {
    fn put(&self, objects: &[(String, Vec<u8>)]) -> io::Result<()> {
        self.measure(StoreOp::Put, |inner| inner.put(objects))
    }

    fn overwrite(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.measure(StoreOp::Overwrite, |inner| inner.overwrite(path, bytes))
    }

    fn get(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        self.measure(StoreOp::Get, |inner| inner.get(path))
    }

    fn get_range(&self, path: &str, from: u64, length: usize) -> io::Result<Option<Vec<u8>>> {
        self.measure(StoreOp::Get, |inner| inner.get_range(path, from, length))
    }

    fn delete(&self, path: &str) -> io::Result<()> {
        self.measure(StoreOp::Delete, |inner| inner.delete(path))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.measure(StoreOp::List, Objects::list)
    }

    fn list_below(&self, path: &str) -> io::Result<Vec<String>> {
        self.measure(StoreOp::List, |inner| inner.list_below(path))
    }

    fn delete_below(&self, path: &str) -> io::Result<()> {
        self.measure(StoreOp::Delete, |inner| inner.delete_below(path))
    }
}

impl Head for Measured<dyn Head> {
    fn load(&self) -> io::Result<Option<HeadRecord>> {
        self.measure(StoreOp::HeadLoad, Head::load)
    }

    fn swap(&self, old: Option<&HeadRecord>, new: &HeadRecord) -> io::Result<bool> {
        self.measure(StoreOp::HeadSwap, |inner| inner.swap(old, new))
    }
}
