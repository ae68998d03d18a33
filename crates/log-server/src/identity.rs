//! What a log is born with (`private/log.toml`), written once by `init`. How it is
//! served is in `config`.
//!
//! ```toml
//! origin = "log.example.org"
//! roots = ["root.example.org+…"]
//! threshold = 1
//! ```

use std::path::Path;

use anyhow::{Context as _, ensure};
use log_core::key::{SignerKey, VerifierKey};
use log_core::policy::Roots;
use log_core::rules::Genesis;
use log_io::trust_file::BadLine;
use serde::{Deserialize, Serialize};

/// The file as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityFile {
    origin: String,
    roots: Vec<String>,
    threshold: usize,
}

/// Reads the file and joins it with the log's key.
pub fn load(path: &Path, key: &SignerKey) -> anyhow::Result<Genesis> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text, key).with_context(|| path.display().to_string())
}

/// The text of the file.
pub fn to_text(genesis: &Genesis) -> anyhow::Result<String> {
    let file = IdentityFile {
        origin: genesis.log.name().to_string(),
        roots: genesis.roots.keys.iter().map(VerifierKey::to_vkey).collect(),
        threshold: genesis.roots.threshold,
    };
    Ok(toml::to_string(&file)?)
}

fn parse(text: &str, key: &SignerKey) -> anyhow::Result<Genesis> {
    let file: IdentityFile = toml::from_str(text).map_err(|error| BadLine::new(text, &error))?;
    let log = key.public().clone();
    ensure!(
        file.origin == log.name().as_str(),
        "`origin` is {:?}, but the key is that of {:?}: the files are of two logs",
        file.origin,
        log.name().as_str()
    );
    let mut keys = Vec::new();
    for (i, root) in file.roots.iter().enumerate() {
        keys.push(VerifierKey::parse(root).with_context(|| format!("`roots[{i}]`"))?);
    }
    Ok(Genesis { log, roots: Roots::new(file.threshold, keys)? })
}
