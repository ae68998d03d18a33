//! A logged name with bytes that are not the logged ones, or with another digest.

use super::{ALL, CASE, Case, FOUR, NOT_POETRY, Nothing, PIPS, Refused, lib, replace_wheel, swap_bytes};
use crate::hostile::{Shelf, md5, sha256};

/// The intruder's wheel under the official sha256, and with its own md5 beside that.
pub(super) fn swap_bytes_with_md5(shelf: &mut Shelf) {
    swap_bytes(shelf);
    let file = lib(shelf).file("1.1-py3-none-any.whl");
    file.hashes.insert("md5", md5(&file.bytes));
}

/// The intruder's wheel under the official sha256, and its own in the URL.
pub(super) fn swap_bytes_with_fragment(shelf: &mut Shelf) {
    swap_bytes(shelf);
    let file = lib(shelf).file("1.1-py3-none-any.whl");
    file.fragment = Some(sha256(&file.bytes));
}

/// The intruder's wheel, and a page without its digest.
pub(super) fn swap_bytes_without_digest(shelf: &mut Shelf) {
    swap_bytes(shelf);
    lib(shelf).file("1.1-py3-none-any.whl").hashes.clear();
}

pub(super) fn cases() -> Vec<Case> {
    let case = Case { through: Refused("other bytes"), ..CASE };
    vec![
        Case {
            name: "other bytes under a logged name",
            hostile: replace_wheel,
            clients: ALL,
            bites: ALL,
            through: Refused("other hash"),
            ..case
        },
        Case {
            name: "other bytes under a logged name, and the user pins them",
            asked: "tap-lib==1.1 --hash=sha256:HASH",
            hostile: replace_wheel,
            clients: NOT_POETRY,
            bites: NOT_POETRY,
            through: Refused("other hash"),
            ..case
        },
        Case { name: "other bytes, while the page has the official digest", hostile: swap_bytes, ..case },
        Case {
            name: "other bytes, while the page has the official digest, and the user pins them",
            asked: "tap-lib==1.1 --hash=sha256:HASH",
            hostile: swap_bytes,
            clients: NOT_POETRY,
            bites: NOT_POETRY,
            ..case
        },
        Case {
            name: "other bytes; the page has the official sha256, and their md5",
            hostile: swap_bytes_with_md5,
            bites: PIPS,
            ..case
        },
        Case {
            name: "other bytes; the page has the official sha256, and theirs in the URL's fragment",
            hostile: swap_bytes_with_fragment,
            bites: PIPS,
            ..case
        },
        Case {
            name: "official bytes, and a wrong sha256 in the URL's fragment",
            hostile: |shelf| lib(shelf).file("1.1-py3-none-any.whl").fragment = Some(sha256(b"other")),
            ..CASE
        },
        Case {
            name: "other bytes, without any digest",
            hostile: swap_bytes_without_digest,
            bites: FOUR,
            ..case
        },
        Case {
            name: "official bytes, without any digest",
            hostile: |shelf| lib(shelf).files.iter_mut().for_each(|file| file.hashes.clear()),
            ..CASE
        },
        Case {
            name: "a file that ends in its middle",
            hostile: |shelf| lib(shelf).file("1.1-py3-none-any.whl").truncated = true,
            through: Nothing,
            ..CASE
        },
    ]
}
