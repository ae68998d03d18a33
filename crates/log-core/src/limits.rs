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

/// Longest `.tlog-proof`: the entry and all policies in base64 twice over (once per
/// line, once for the `extra` line), 2,048 proofs of 64 hash lines of 45 bytes in base64
/// (a policy has at least 2,048 / 4 bytes), and a checkpoint.
pub const MAX_PROOF_FILE_BYTES: usize = (MAX_ENTRY_BYTES + MAX_POLICY_HISTORY_BYTES) * 16 / 9
    + 2_048 * MAX_PROOF_HASHES * 45 * 4 / 3
    + MAX_NOTE_BYTES
    + 1024;

/// Most statements between two index commitments: what one round of the sequencer
/// takes. A reader judges a round when its commitment has come, so this bounds what it
/// holds meanwhile: 4,096 entries of 64 KiB, 256 MiB.
pub const MAX_ROUND: usize = 4_096;

/// Most statements in one submission of JSON lines.
pub const MAX_BATCH: usize = 1_000;

/// Longest submission of JSON lines: 16 MiB, 1,000 statements of 16 KiB. (1,000 of the
/// longest would be 131 MB; whoever has such sends fewer at once.)
pub const MAX_BATCH_BYTES: usize = 16 << 20;

/// All policies of a log together, in bytes of their entries: they travel with each
/// look-up, since a client must know all of them. 400 versions of 10 KiB.
pub const MAX_POLICY_HISTORY_BYTES: usize = 4 << 20;

/// Longest time a policy may have to wait, in seconds: 90 days. A longer one would
/// lock everybody out of mending a mistake.
pub const MAX_COOL_DOWN: u64 = 90 * 24 * 3_600;

/// Longest text of a withdrawal, and of other texts for people in a statement.
pub const MAX_TEXT_BYTES: usize = 1_000;

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
/// the line, 4,000 proofs of 64 hashes at 47 characters (12 MiB; each entry may need a
/// commitment that dates it), 1,000 proofs from the index of 256 steps at 52 (13 MiB),
/// and all policies in base64 (6 MiB).
pub const MAX_LOOKUP_ANSWER_BYTES: usize = 48 << 20;

/// Longest answer to a submission of JSON lines that a client reads: 1,000 proofs of 64
/// hashes (3 MiB), 1,000 entries in base64 that differ from what was sent (24 MiB at
/// the most, since the submission has 16 MiB), all policies (6 MiB), 1,000 commitments
/// with proofs (4 MiB).
pub const MAX_BATCH_ANSWER_BYTES: usize = 48 << 20;

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
