//! The guard against old copies: before the log signs anything it looks for checkpoints
//! of its own that are ahead of it, published, with its witnesses, or on mirrors.
//!
//! A log that was restored from a backup would sign a second history; nobody could ever
//! trust it again. What is left out: the published checkpoint in its own directory,
//! which `recover` compares.

use std::sync::Arc;

use log_core::checkpoint::OpenCheckpoint;
use log_core::consistency;
use log_core::hash::{Hash, digest};
use log_core::key::VerifierKey;
use log_core::limits::MAX_NOTE_BYTES;
use log_core::trust_policy::TrustPolicy;
use log_io::fetch::Http;

use crate::cosign::RolledBack;
use crate::head::HeadRecord;
use crate::reader::Reader;
use crate::store::Objects;

/// Where checkpoints of the log may be seen.
#[derive(Debug, Clone)]
pub struct Lookout {
    /// Who, in words.
    pub who: String,
    /// The checkpoint's URL.
    pub url: String,
}

/// Where the witnesses of a policy show what they have cosigned (tlog-witness, the
/// monitoring prefix, taken to be that for submissions).
pub fn witnesses(policy: &TrustPolicy, origin: &str) -> Vec<Lookout> {
    let id = digest(&[origin.as_bytes()]).to_hex();
    let lookout = |(key, url): (&VerifierKey, Option<&str>)| {
        let url = format!("{}/{id}/checkpoint", url?.trim_end_matches('/'));
        Some(Lookout { who: format!("witness {}", key.name()), url })
    };
    policy.witnesses().filter_map(lookout).collect()
}

/// The checkpoint of the log at a URL.
pub fn checkpoint_url(url: &str) -> String {
    format!("{}/checkpoint", url.trim_end_matches('/'))
}

/// Reads what can be read; what cannot is said and does not keep the log from starting:
/// nothing that it signs is published without a quorum.
pub async fn look(http: &Http, lookouts: &[Lookout], log: &VerifierKey) -> Vec<(String, OpenCheckpoint)> {
    let mut seen = Vec::new();
    for Lookout { who, url } in lookouts {
        match http.get(url, MAX_NOTE_BYTES).await {
            Ok(Some(bytes)) => match OpenCheckpoint::open(&bytes, log) {
                Ok(open) => seen.push((who.clone(), open)),
                Err(error) => tracing::warn!(who, %error, "what it has is no checkpoint of this log"),
            },
            Ok(None) => tracing::info!(who, "it has no checkpoint of this log"),
            Err(error) => tracing::warn!(who, %error, "cannot see which size it knows"),
        }
    }
    seen
}

/// Refuses when one of the checkpoints is not of a prefix of this log.
pub fn check(
    head: &HeadRecord,
    objects: &Arc<dyn Objects>,
    seen: &[(String, OpenCheckpoint)],
) -> anyhow::Result<()> {
    let reader = Reader::new(Arc::clone(objects));
    for (who, open) in seen {
        if open.size() > head.size {
            return Err(RolledBack { who: who.clone(), seen: open.size(), size: head.size }.into());
        }
        let root = root_at(&reader, open.size(), head)?;
        if root != open.root() {
            anyhow::bail!(
                "{who} has a checkpoint of this log of size {} with another root than its own had: the log was \
                 changed, or forked. It must not sign; see the operations manual",
                open.size()
            );
        }
    }
    Ok(())
}

fn root_at(reader: &Reader, old: u64, head: &HeadRecord) -> anyhow::Result<Hash> {
    if old == head.size {
        return Ok(head.root);
    }
    if old == 0 {
        return Ok(log_core::hash::EMPTY_ROOT);
    }
    let mut tiles = std::collections::BTreeMap::new();
    for id in consistency::tiles(old, head.size) {
        tiles.insert(id, reader.hashes(id)?);
    }
    Ok(consistency::root_at(old, head.size, |id| tiles.get(&id).cloned().unwrap_or_default()))
}
