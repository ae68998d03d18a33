//! What Wheeltap is not asked about. Nothing of it can be stopped by an index; `wheeltap
//! doctor` names each.

use super::{
    ALL, CASE, Case, FOUR, GoesRound, LIB_1_1, NOT_POETRY, PIPS, Poetry, Refused, Tox, Uv, Way, add_version,
    replace_wheel,
};
use crate::clients::stage::{intruders, wheel};

pub(super) fn cases() -> Vec<Case> {
    let case = Case { asked: "tap-lib", hostile: add_version, bites: FOUR, through: GoesRound, ..CASE };
    let not_poetry = Case { clients: NOT_POETRY, bites: NOT_POETRY, ..case };
    vec![
        // poetry's is a supplemental source, which it asks for what the first one has not.
        Case {
            name: "a version that is not logged, in a further index",
            bites: NOT_POETRY,
            but: &[(Poetry, LIB_1_1)],
            way: Way::ExtraIndex,
            named: &["pip-extra-index", "uv-extra-index-variable", "poetry-source"],
            ..case
        },
        Case {
            name: "a version that is not logged, in a further index",
            asked: "tap-lib>=1.2",
            way: Way::ExtraIndex,
            named: &["pip-extra-index", "uv-extra-index-variable", "poetry-source"],
            ..case
        },
        // poetry has no such setting.
        Case {
            name: "a version that is not logged, in a directory for find-links",
            way: Way::FindLinks,
            named: &["pip-find-links", "uv-find-links-variable"],
            ..not_poetry
        },
        Case {
            name: "a version that is not logged, named by its address",
            asked: "tap-lib @ FILE",
            way: Way::Named,
            named: &["direct-reference"],
            ..case
        },
        // Lines with options are pip's. uv reads them, too, but takes its variable first.
        Case {
            name: "a version that is not logged, in an index that the requirements name",
            asked: "--index-url OTHER\ntap-lib",
            bites: PIPS,
            but: &[(Uv, LIB_1_1)],
            way: Way::Named,
            named: &["requirements-index"],
            ..not_poetry
        },
        // poetry's lock has digests, and no addresses of files; tox takes the digests only.
        Case {
            name: "other bytes under a logged name, with their address in a lock",
            asked: "tap-lib==1.1",
            hostile: replace_wheel,
            but: &[(Tox, Refused("other hash"))],
            way: Way::Lock,
            named: &["lock-addresses"],
            ..not_poetry
        },
        Case {
            name: "a project that the log does not cover",
            asked: "free-lib",
            hostile: |shelf| {
                let page = shelf.get_mut("free-lib").expect("a page");
                *page.file(".whl") = wheel(&intruders("free-lib", "1.0"));
            },
            clients: ALL,
            bites: ALL,
            named: &["uncovered-projects"],
            ..case
        },
    ]
}
