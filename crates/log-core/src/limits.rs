//! Every bound of the protocol, in one place, each with its arithmetic. (A bound on
//! something else stands where that is read: an index page, a wheel, a connection.)
//!
//! A bound is checked before the bytes are decoded, so that hostile input costs
//! no more than honest input of the largest legal size.

/// Longest log entry: the length prefix in an entry bundle is 16 bits (tlog-tiles).
pub const MAX_ENTRY_BYTES: usize = 65_535;

/// Largest entry bundle: 256 entries with a two-byte length each, 16,777,472 bytes.
pub const MAX_BUNDLE_BYTES: usize = 256 * (2 + MAX_ENTRY_BYTES);

/// A hash tile: 256 hashes of 32 bytes.
pub const MAX_TILE_BYTES: usize = 256 * 32;

/// Longest submission: the canonical envelope is at most an entry; twice that
/// leaves room for white space and long-winded escapes.
pub const MAX_SUBMISSION_BYTES: usize = 2 * MAX_ENTRY_BYTES;

/// Largest tree size. Below 2^63 no index arithmetic overflows (wire format §1.1).
pub const MAX_TREE_SIZE: u64 = (1 << 63) - 1;

/// Longest inclusion or consistency proof for a tree below 2^63 leaves:
/// 63 levels, and the consistency proof names one more hash.
pub const MAX_PROOF_HASHES: usize = 64;

/// Most signature lines on a note. C2SP demands at least 16; Go stops at 100.
pub const MAX_NOTE_SIGNATURES: usize = 100;

/// Longest note. A checkpoint text is below 1 KiB; 100 signature lines with
/// 255-byte names and ML-DSA signatures (3,244 characters) are 350,600 bytes.
pub const MAX_NOTE_BYTES: usize = 400_000;

/// Longest key name or origin: cosignatures carry the length in one byte.
pub const MAX_NAME_BYTES: usize = 255;

/// Most signatures in one envelope: a threshold of root keys, and no more.
pub const MAX_ENVELOPE_SIGNATURES: usize = 16;

/// Longest trust policy text: 32 logs, witnesses and groups at 1 KiB each.
pub const MAX_TRUST_POLICY_BYTES: usize = 96 * 1024;

/// Longest `.tlog-proof`: two entries in base64 twice over (once per line, once
/// for the `extra` line), 2 × 64 hash lines of 45 bytes, and a checkpoint.
pub const MAX_PROOF_FILE_BYTES: usize =
    2 * MAX_ENTRY_BYTES * 16 / 9 + 4 * MAX_PROOF_HASHES * 45 + MAX_NOTE_BYTES + 1024;

/// Most keys in one look-up request (one lock file).
pub const MAX_LOOKUP_KEYS: usize = 1_000;

/// Longest look-up request: 1,000 keys of a 255-byte file name, a 128-byte
/// project, and 100 bytes of JSON around them.
pub const MAX_LOOKUP_BYTES: usize = MAX_LOOKUP_KEYS * (255 + 128 + 100);

/// Most entries in one look-up answer.
pub const MAX_LOOKUP_ENTRIES: usize = 2_000;

/// Entries, in base64 characters, in one look-up answer; it stops after the one that
/// crosses this line and says where to go on.
pub const MAX_LOOKUP_ANSWER_ENTRY_BYTES: usize = 4 << 20;

/// Longest look-up answer a client reads: 4 MiB of entries and the one that crosses
/// the line, 2,000 proofs of 64 hashes at 47 characters (6 MiB), and 1,000 proofs from
/// the index of 256 steps at 52 (13 MiB).
pub const MAX_LOOKUP_ANSWER_BYTES: usize = 32 << 20;

/// Most roots, publishers, projects, and keys or patterns of one publisher, in a
/// policy. The entry limit is the real bound; this one gives the better message.
pub const MAX_POLICY_ITEMS: usize = 1_000;

/// Most files in one release statement. 65,535 bytes of envelope hold 49,151
/// bytes of payload, and a subject takes at least 96.
pub const MAX_SUBJECTS: usize = 512;

/// Longest project name. PyPI's own limit is lower in practice; the longest
/// name met there has 80 characters.
pub const MAX_PROJECT_NAME_BYTES: usize = 128;

/// Longest version, as written and normalised.
pub const MAX_VERSION_BYTES: usize = 128;

/// Longest file name: what file systems take.
pub const MAX_FILE_NAME_BYTES: usize = 255;
