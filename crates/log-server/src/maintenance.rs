//! What an operator does with a log that is not running: `wheeltap-log gc` and
//! `wheeltap-log reindex`. Both hold the lock and sign nothing.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use log_core::checkpoint::OpenCheckpoint;
use log_io::{durable, key_file};

use crate::collect::Collector;
use crate::data_dir::DataDir;
use crate::recover::recover;
use crate::view::View;
use crate::{identity, init};

/// Deletes all partial tiles whose full one is there.
pub fn gc(directory: &Path) -> anyhow::Result<()> {
    let data = DataDir::new(directory);
    let _lock = data.lock()?;
    let stores = init::stores(&data);
    // Whether a round was committed is not for this program to find out.
    ensure!(
        stores.staging.list()?.is_empty(),
        "private/staging is not empty: the last round was not finished; start the log once and stop it"
    );
    let log = key_file::load(&data.key())?;
    let bytes = stores.log.get("checkpoint")?.context("nothing is published")?;
    let checkpoint = OpenCheckpoint::open(&bytes, log.public()).context("the published checkpoint")?;
    Collector::new(Arc::clone(&stores.log), data.collected(), 0).everything(checkpoint.size())?;
    Ok(())
}

/// Throws the derived database away and builds it again.
pub fn reindex(directory: &Path) -> anyhow::Result<u64> {
    let data = DataDir::new(directory);
    let _lock = data.lock()?;
    let genesis = identity::load(&data.config(), &key_file::load(&data.key())?)?;
    let view = data.view();
    durable::remove_directory(&view).with_context(|| format!("cannot delete {}", view.display()))?;
    let view = View::open(&view, genesis.log.name().as_str())?;
    let state = recover(&init::stores(&data), &view, &genesis)?;
    Ok(state.head.size)
}
