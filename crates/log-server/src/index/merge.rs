//! Several sorted places into one run.

use std::collections::btree_set;
use std::path::Path;

use super::IndexError;
use super::cursor::Cursor;
use super::files::Files;
use super::postings::Table;
use super::record::Record;
use super::run::{Run, RunWriter};

/// Records between two looks at whether to stop.
const STOP_RECORDS: u64 = 4096;

/// Sorted records, and how many there are in all.
#[derive(Debug)]
pub(super) struct Source<'a> {
    records: u64,
    rest: Rest<'a>,
}

#[derive(Debug)]
enum Rest<'a> {
    Run(Cursor),
    Table(Option<Record>, btree_set::Iter<'a, Record>),
}

impl<'a> Source<'a> {
    pub(super) fn run(mut cursor: Cursor) -> Result<Self, IndexError> {
        let records = cursor.open_all()?;
        Ok(Self { records, rest: Rest::Run(cursor) })
    }

    pub(super) fn table(table: &'a Table) -> Self {
        let mut iter = table.iter();
        Self { records: table.len() as u64, rest: Rest::Table(iter.next().copied(), iter) }
    }

    fn head(&self) -> Option<&Record> {
        match &self.rest {
            Rest::Run(cursor) => cursor.head(),
            Rest::Table(head, _) => head.as_ref(),
        }
    }

    fn advance(&mut self) -> Result<(), IndexError> {
        match &mut self.rest {
            Rest::Run(cursor) => cursor.advance()?,
            Rest::Table(head, iter) => *head = iter.next().copied(),
        }
        Ok(())
    }
}

/// Writes the records of all sources, none of which is in two of them, as a run.
pub(super) fn write_merged(
    files: &Files,
    path: &Path,
    id: u64,
    mut sources: Vec<Source<'_>>,
    stop: impl Fn() -> bool,
) -> Result<Run, IndexError> {
    let records = sources.iter().map(|source| source.records).sum();
    let mut writer = RunWriter::create(files, path, records)?;
    let mut heads: Vec<Option<Record>> = sources.iter().map(|source| source.head().copied()).collect();
    let mut written = 0u64;
    while let Some((least, record)) = least(&heads) {
        if written.is_multiple_of(STOP_RECORDS) && stop() {
            return Err(IndexError::Stopped);
        }
        written += 1;
        writer.push(&record)?;
        sources[least].advance()?;
        heads[least] = sources[least].head().copied();
    }
    Ok(writer.finish(files, id)?)
}

fn least(heads: &[Option<Record>]) -> Option<(usize, Record)> {
    let heads = heads.iter().enumerate();
    heads.filter_map(|(at, head)| head.map(|head| (at, head))).min_by_key(|(_, head)| *head)
}
