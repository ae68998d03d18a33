//! `wheeltap-log init`: makes a log's key, its directories and the empty log.
//!
//! Creation is explicit: a log that is missing is a fault to be noticed, never an
//! invitation to start a new one under the old name.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use log_core::checkpoint::Checkpoint;
use log_core::hash::EMPTY_ROOT;
use log_core::key::{KeyName, VerifierKey};
use log_core::policy::Roots;
use log_core::rules::Genesis;
use log_io::{durable, key_file};

use crate::data_dir::DataDir;
use crate::head::HeadRecord;
use crate::identity;
use crate::recover::Stores;
use crate::store::directory::{DirectoryObjects, FileHead};

/// Makes a log; gives its public key.
pub fn init(directory: &Path, origin: &str, roots: Roots) -> anyhow::Result<VerifierKey> {
    let data = DataDir::new(directory);
    if directory.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{} exists and is not empty; a log is never overwritten", directory.display());
    }
    let name = KeyName::parse(origin).context("`--origin`")?;
    let key = key_file::generate(name)?;
    let genesis = Genesis { log: key.public().clone(), roots };
    data.create()?;
    key_file::create(&data.key(), &key)?;
    durable::write(&data.config(), identity::to_text(&genesis)?.as_bytes())?;
    let stores = stores(&data);
    let origin = origin.to_owned();
    let empty = Checkpoint { origin, size: 0, root: EMPTY_ROOT, extensions: Vec::new() };
    stores.log.overwrite("checkpoint", empty.sign(&key).to_string().as_bytes())?;
    // The head comes last: a log without one was not made to its end.
    stores.head.swap(None, &HeadRecord::empty())?;
    Ok(genesis.log)
}

/// The stores in a data directory.
pub fn stores(data: &DataDir) -> Stores {
    Stores {
        log: Arc::new(DirectoryObjects::new(data.public())),
        staging: Arc::new(DirectoryObjects::new(data.staging())),
        head: Arc::new(FileHead::new(data.head())),
    }
}
