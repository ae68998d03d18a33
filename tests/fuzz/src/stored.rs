//! Files: of logs, of indexes, and of those who trust a log.

use log_core::bundle::{parse_bundle, push_entry};
use log_core::commitment::IndexCommitment;
use log_core::simple_index::{Page, html, json, write};

use super::world::project;

// Included as files: the crates that they are of bring servers, TLS and a database, all
// of which would have to be built once more for fuzzing.
#[allow(dead_code, unreachable_pub, reason = "a file of another crate")]
#[path = "../../../crates/log-server/src/head.rs"]
mod head_record;
#[allow(dead_code, unreachable_pub, reason = "a file of another crate")]
#[path = "../../../crates/log-server/src/staging.rs"]
mod staging_record;
#[allow(dead_code, unreachable_pub, reason = "a file of another crate")]
#[path = "../../../crates/log-io/src/trust_file.rs"]
mod trusted_log;

/// The first byte is the number of entries; then the bundle.
pub fn bundle(bytes: &[u8]) {
    let [count, bundle @ ..] = bytes else { return };
    let Ok(entries) = parse_bundle(bundle, usize::from(*count)) else { return };
    let mut again = Vec::new();
    for entry in entries {
        push_entry(&mut again, entry);
    }
    assert_eq!(again, bundle);
}

/// Index commitments.
pub fn commitment(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Some(commitment) = IndexCommitment::parse(text) else { return };
    assert_eq!(commitment.to_string(), text);
    assert!(!commitment.dates(commitment.size));
}

/// Pages of package indexes.
pub fn page(bytes: &[u8]) {
    if let Ok(page) = Page::parse(&project("nova"), bytes) {
        assert!(page.len() * 2 < bytes.len(), "more files than there is room for");
    }
    let (first, rest) = (bytes.first().copied().unwrap_or_default(), bytes);
    let offer = if first == b'{' { json::parse(&project("nova"), rest).ok() } else { html::parse(rest).ok() };
    let Some(offer) = offer else { return };
    assert!(offer.files.len() * 2 <= bytes.len(), "more files than there is room for");
    // What is passed on says the same: of each file every digest that somebody might go by.
    let again =
        json::parse(&project("nova"), write::to_json(&project("nova"), &offer).as_bytes()).expect("a page");
    for (file, again) in offer.files.iter().zip(&again.files) {
        assert_eq!((&file.name, &file.url, &file.yanked), (&again.name, &again.url, &again.yanked));
        assert!(again.sha256().is_subset(&file.sha256()));
    }
}

/// Trust files.
pub fn trust_file(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(trusted) = trusted_log::TrustedLog::parse(text) {
        assert!(trusted.trust.max_age.is_none() || !trusted.trust.policy.has_no_quorum());
        assert!(
            (1..=trusted.trust.genesis.roots.keys.len()).contains(&trusted.trust.genesis.roots.threshold)
        );
    }
}

/// The log's head record.
pub fn head(bytes: &[u8]) {
    if let Some(head) = head_record::HeadRecord::parse(bytes) {
        assert_eq!(head.to_string().as_bytes(), bytes);
    }
}

/// The entries of a round.
pub fn staging(bytes: &[u8]) {
    if let Some(staging) = staging_record::Staging::parse(bytes) {
        assert_eq!(staging.encode(), bytes);
    }
}
