//! What must hold for every parser of outside bytes, whatever the bytes are.
//!
//! * It does not panic, and takes no more time and memory than its bounds allow (libFuzzer
//!   watches both).
//! * What it accepts it writes again: byte for byte where there is one spelling, else as
//!   something that reads the same.
//! * Nobody can forge: what is accepted as signed was signed, and what is accepted as
//!   proven is in the log. The keys, and one small honest log, are fixed (`world`).
//! * Nobody can accuse that log of anything.
//!
//! | module | targets |
//! |---|---|
//! | [`around`] | files of projects that say where packages come from |
//! | [`names`] | projects, versions, file names, keys, tile paths |
//! | [`signed`] | envelopes, statements, policies, notes, checkpoints, witnesses |
//! | [`proven`] | proofs, answers, receipts, evidence |
//! | [`wanted`] | requirements, lock files, saved proofs |
//! | [`stored`] | files: bundles, pages of indexes, trust files, records of the log |
//!
//! A target is a function of bytes that panics when a promise is broken.

pub mod around;
pub mod names;
pub mod proven;
pub mod seeds;
pub mod signed;
pub mod stored;
pub mod wanted;
pub mod world;

/// A target.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const TARGETS: [(&str, Target); 32] = [
    ("artifact", names::artifact),
    ("key", names::key),
    ("tile-path", names::tile_path),
    ("envelope", signed::envelope),
    ("statement", signed::statement),
    ("entry", signed::entry),
    ("policy", signed::policy),
    ("note", signed::note),
    ("checkpoint", signed::checkpoint),
    ("cosignature", signed::cosignature),
    ("trust-policy", signed::trust_policy),
    ("witness", signed::witness),
    ("inclusion", proven::inclusion),
    ("consistency", proven::consistency),
    ("map-proof", proven::map_proof),
    ("basis", proven::basis),
    ("proof-file", proven::proof_file),
    ("lookup-request", proven::lookup_request),
    ("lookup-answer", proven::lookup_answer),
    ("receipt", proven::receipt),
    ("evidence", proven::evidence),
    ("history", proven::history),
    ("bundle", stored::bundle),
    ("commitment", stored::commitment),
    ("page", stored::page),
    ("trust-file", stored::trust_file),
    ("head", stored::head),
    ("staging", stored::staging),
    ("requirements", wanted::requirements),
    ("lock", wanted::lock),
    ("saved-proofs", wanted::saved_proofs),
    ("doctor", around::doctor_files),
];

/// The target called `name`.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target)
}
