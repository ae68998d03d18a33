//! Metadata beside a wheel, from which installers learn what else to install; and parts of
//! wheels that are read instead.

use super::{APP, CASE, Case, FOUR, PIPS, Poetry, Refused, Uv};
use crate::clients::stage::{intruders, official, wheel};
use crate::hostile::{Listed, Shelf, sha256};

/// What `tap-app` would bring with it if its metadata were an intruder's.
fn lying_metadata() -> Vec<u8> {
    let mut recipe = official("tap-app", "1.0");
    recipe.requires.push("evil-lib".to_owned());
    wheel(&recipe).metadata.expect("a wheel's")
}

fn app_wheel(shelf: &mut Shelf) -> &mut Listed {
    shelf.get_mut("tap-app").expect("a page").file(".whl")
}

/// The page vouches for metadata that is not the wheel's.
pub(super) fn lie(shelf: &mut Shelf) {
    let (file, lie) = (app_wheel(shelf), lying_metadata());
    file.metadata_sha256 = Some(sha256(&lie));
    file.metadata = Some(lie);
}

/// The intruder's wheel, of which installers read the end to learn what it needs.
fn replace_and_hide_metadata(shelf: &mut Shelf) {
    let mut recipe = intruders("tap-app", "1.0");
    recipe.requires.push("evil-lib".to_owned());
    let file = app_wheel(shelf);
    file.bytes = wheel(&recipe).bytes;
    (file.metadata, file.metadata_sha256) = (None, None);
    file.hashes.clear();
}

pub(super) fn cases() -> Vec<Case> {
    let case = Case { asked: "tap-app", through: APP, ..CASE };
    let in_parts =
        Case { hostile: replace_and_hide_metadata, bites: FOUR, through: Refused("other bytes"), ..case };
    vec![
        Case { name: "nothing wrong", ..case },
        Case {
            name: "metadata that is not the wheel's, and brings a further package",
            hostile: lie,
            bites: &[Uv, Poetry],
            ..case
        },
        Case {
            name: "metadata that is not what the page says",
            hostile: |shelf| app_wheel(shelf).metadata = Some(lying_metadata()),
            ..case
        },
        Case {
            name: "metadata that is announced and not there",
            hostile: |shelf| app_wheel(shelf).metadata = None,
            ..case
        },
        // uv asks with HEAD and for ranges.
        Case { name: "no metadata beside the wheel, and no digest: installers read parts of it", ..in_parts },
        // pip does so when it is told to.
        Case {
            name: "the same, with pip's `--use-feature=fast-deps`",
            clients: PIPS,
            bites: PIPS,
            variables: &[("PIP_USE_FEATURE", "fast-deps")],
            ..in_parts
        },
    ]
}
