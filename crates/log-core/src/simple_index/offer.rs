//! A project's page with all that installers go by, whatever server it is from.
//!
//! Invariant: what [`super::write`] writes of an [`Offer`] reads as the same offer, in
//! JSON and, but for what HTML cannot say, in HTML. Texts are as the index has them, and
//! untrusted: nothing here says that a name is a file name, or that a URL is one.
//!
//! Left out: `gpg-sig`, since nobody serves such signatures any more; alternate locations
//! (PEP 708, rejected); keys that start with `_`, which are private to a server.
//!
//! Specification: PEP 503, 592, 658, 691, 700, 714, 740, 792.

use std::collections::BTreeSet;

use crate::hash::Hash;

/// Most digests that a page gives one file; some ten algorithms are in use anywhere.
pub const MAX_DIGESTS: usize = 16;

/// The newest minor version of the format that this knows: 1.4 (PEP 792).
pub const NEWEST_MINOR: u64 = 4;

/// What an index offers of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    /// The minor version of the format that the index claims.
    pub minor: u64,
    /// What URLs are relative to, when it is not the page (`<base href>`).
    pub base: Option<String>,
    /// How the project is doing.
    pub status: Option<ProjectStatus>,
    /// All versions, when the index lists them.
    pub versions: Option<Vec<String>>,
    /// The files, in the index's order.
    pub files: Vec<Offered>,
}

/// How a project is doing (PEP 792): `active`, `archived`, `quarantined`, `deprecated`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectStatus {
    /// In one word.
    pub status: String,
    /// In the index's words.
    pub reason: Option<String>,
}

/// Digests by algorithm.
pub type Digests = Vec<(String, String)>;

/// One file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offered {
    /// Its name.
    pub name: String,
    /// Where it is, perhaps relative to the page; without a fragment.
    pub url: String,
    /// Its digests, from the page and from the fragment of its URL. One algorithm is
    /// there twice when the index contradicts itself.
    pub digests: Digests,
    /// The interpreters it is for.
    pub requires_python: Option<String>,
    /// How many bytes it has.
    pub size: Option<u64>,
    /// When it was uploaded.
    pub upload_time: Option<String>,
    /// Why it should not be used; may be empty. `None` when it is not yanked.
    pub yanked: Option<String>,
    /// The digests of `<file>.metadata`, perhaps none. `None` when that is not offered.
    pub metadata: Option<Digests>,
    /// Where its attestations are (PEP 740).
    pub provenance: Option<String>,
}

impl Offered {
    /// Every SHA-256 that the index gives it; what is none of 64 lower-case hex digits is
    /// left out.
    pub fn sha256(&self) -> BTreeSet<Hash> {
        sha256_of(&self.digests)
    }

    /// The same for its metadata.
    pub fn metadata_sha256(&self) -> BTreeSet<Hash> {
        self.metadata.as_ref().map(sha256_of).unwrap_or_default()
    }

    /// Adds the digests in the fragment of `url`, which it takes off. pip looks for one
    /// after any `#` or `&`.
    pub(super) fn set_url(&mut self, url: &str) {
        let (plain, fragment) = url.split_once('#').unwrap_or((url, ""));
        plain.clone_into(&mut self.url);
        for (algorithm, digest) in fragment.split(['#', '&']).filter_map(|part| part.split_once('=')) {
            if is_algorithm(algorithm) && self.digests.len() < MAX_DIGESTS {
                add(&mut self.digests, algorithm, digest);
            }
        }
    }
}

fn sha256_of(digests: &Digests) -> BTreeSet<Hash> {
    let sha256 = digests.iter().filter(|(algorithm, _)| algorithm == "sha256");
    sha256.filter_map(|(_, digest)| Hash::parse_hex(digest)).collect()
}

/// Whether a word in a URL's fragment is a digest's, and not, say, `egg` or `subdirectory`.
fn is_algorithm(word: &str) -> bool {
    matches!(word, "md5" | "sha1" | "sha224" | "sha256" | "sha384" | "sha512")
}

/// Adds a digest, once.
pub(super) fn add(digests: &mut Digests, algorithm: &str, digest: &str) {
    let new = (algorithm.to_owned(), digest.to_owned());
    if !digests.contains(&new) {
        digests.push(new);
    }
}

/// Reads `sha256=<hex>`, `true` or nothing, as HTML has it for metadata.
pub(super) fn parse_metadata(text: &str) -> Option<Digests> {
    match text.split_once('=') {
        Some((algorithm, digest)) => Some(vec![(algorithm.to_owned(), digest.to_owned())]),
        None if text == "false" => None,
        None => Some(Vec::new()),
    }
}
