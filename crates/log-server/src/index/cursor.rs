//! A place in a run, from which its records are read in order.
//!
//! Invariant: `head` is the record at `at`, and `None` from `end` on. What was read
//! stays in memory until something else is needed, so that a walk through ascending
//! ranges reads no page twice.

use std::sync::Arc;

use super::IndexError;
use super::record::{RECORD_BYTES, Record};
use super::run::{PAGE_BYTES, PAGE_RECORDS, Run};

/// A cursor; before the first `open` it is at the end.
#[derive(Debug)]
pub(super) struct Cursor {
    run: Arc<Run>,
    /// Pages that are read at a time, at most.
    ahead: u64,
    head: Option<Record>,
    at: u64,
    end: u64,
    pages: Vec<u8>,
    /// The number of the first page in memory.
    first_page: u64,
}

impl Cursor {
    pub(super) fn new(run: Arc<Run>, ahead: u64) -> Self {
        Self { run, ahead, head: None, at: 0, end: 0, pages: Vec::new(), first_page: 0 }
    }

    /// Goes to the first record that is not less than `first`; it and those after it
    /// come until `last`, and perhaps a few more.
    pub(super) fn open(&mut self, first: &Record, last: &Record) -> Result<(), IndexError> {
        let (begin, end) = self.run.fenced(first.key(), last.key());
        (self.at, self.end) = (begin, end);
        self.find(first)
    }

    /// The last `count` records that are less than `target` and perhaps have its key,
    /// and no others, come.
    pub(super) fn open_before(&mut self, target: &Record, count: u64) -> Result<(), IndexError> {
        self.open(target, target)?;
        let (begin, _) = self.run.fenced(target.key(), target.key());
        self.end = self.at;
        self.at = begin.max(self.end.saturating_sub(count));
        self.load_head()
    }

    /// All records of the run come; how many.
    pub(super) fn open_all(&mut self) -> Result<u64, IndexError> {
        (self.at, self.end) = (0, self.run.name.records);
        self.load_head()?;
        Ok(self.end)
    }

    /// Goes on to the first record that is not less than `target`.
    pub(super) fn seek(&mut self, target: &Record) -> Result<(), IndexError> {
        self.find(target)
    }

    /// The record it is at.
    pub(super) fn head(&self) -> Option<&Record> {
        self.head.as_ref()
    }

    /// Goes on to the next record.
    pub(super) fn advance(&mut self) -> Result<(), IndexError> {
        self.at += 1;
        self.load_head()
    }

    /// Binary search between `at` and `end`.
    fn find(&mut self, target: &Record) -> Result<(), IndexError> {
        let (mut low, mut high) = (self.at, self.end);
        // Far apart, as the records of one key may be: a page at a time.
        while high - low > 2 * PAGE_RECORDS {
            let middle = low + (high - low) / 2;
            if !self.is_loaded(middle) {
                self.load(middle, middle + 1)?;
            }
            if self.record(middle) < *target { low = middle + 1 } else { high = middle }
        }
        // Close together: all at once.
        if low < high && !(self.is_loaded(low) && self.is_loaded(high - 1)) {
            self.load(low, high)?;
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if self.record(middle) < *target { low = middle + 1 } else { high = middle }
        }
        self.at = low;
        self.load_head()
    }

    fn load_head(&mut self) -> Result<(), IndexError> {
        self.head = None;
        if self.at < self.end {
            if !self.is_loaded(self.at) {
                self.load(self.at, self.end)?;
            }
            self.head = Some(self.record(self.at));
        }
        Ok(())
    }

    /// Reads the pages from that of one record to that of the last before another, or
    /// as many as are read at a time.
    fn load(&mut self, from: u64, until: u64) -> Result<(), IndexError> {
        let first = from / PAGE_RECORDS;
        let pages = (until.div_ceil(PAGE_RECORDS) - first).min(self.ahead);
        self.first_page = first;
        let read = self.run.read(first, usize::try_from(pages).unwrap_or(1), &mut self.pages);
        // What is not what was written is not used, even later.
        read.inspect_err(|_| self.pages.clear())
    }

    fn is_loaded(&self, at: u64) -> bool {
        let pages = (self.pages.len() / PAGE_BYTES) as u64;
        (self.first_page..self.first_page + pages).contains(&(at / PAGE_RECORDS))
    }

    /// A record in memory.
    fn record(&self, at: u64) -> Record {
        let page = usize::try_from(at / PAGE_RECORDS - self.first_page).unwrap_or(usize::MAX);
        let in_page = (at % PAGE_RECORDS) as usize;
        let begin = page * PAGE_BYTES + in_page * RECORD_BYTES;
        let bytes = self.pages[begin..].first_chunk().unwrap_or(&[0; RECORD_BYTES]);
        Record::from_bytes(*bytes)
    }
}
