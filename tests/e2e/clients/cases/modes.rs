//! Other ways to run the proxy: for pages only, and with a log that does not answer.

use super::extra_files::add_build_tag;
use super::metadata::lie;
use super::other_bytes::{swap_bytes_with_fragment, swap_bytes_with_md5, swap_bytes_without_digest};
use super::{
    APP, CASE, Case, FOUR, GoesRound, NOT_POETRY, Nothing, PIPS, Poetry, Refused, Uv, With, replace_wheel,
    swap_bytes,
};

/// Installers fetch files themselves, and compare them with the digest on the page.
pub(super) fn index_only() -> Vec<Case> {
    let case = Case { with: With::Proxy(&["--index-only"]), ..CASE };
    let compared = Case { through: Nothing, ..case };
    vec![
        Case { name: "nothing wrong", ..case },
        Case { name: "an extra wheel with a build tag", hostile: add_build_tag, bites: FOUR, ..case },
        Case {
            name: "other bytes under a logged name",
            hostile: replace_wheel,
            bites: FOUR,
            through: Refused("other hash"),
            ..case
        },
        Case { name: "other bytes, while the page has the official digest", hostile: swap_bytes, ..compared },
        Case {
            name: "other bytes; the page has the official sha256, and their md5",
            hostile: swap_bytes_with_md5,
            bites: PIPS,
            ..compared
        },
        Case {
            name: "other bytes; the page has the official sha256, and theirs in the URL's fragment",
            hostile: swap_bytes_with_fragment,
            bites: PIPS,
            ..compared
        },
        Case {
            name: "other bytes, without any digest",
            hostile: swap_bytes_without_digest,
            bites: FOUR,
            ..compared
        },
        Case {
            name: "other bytes, while the page has the official digest, and the user pins them",
            asked: "tap-lib==1.1 --hash=sha256:HASH",
            hostile: swap_bytes,
            clients: NOT_POETRY,
            bites: NOT_POETRY,
            through: GoesRound,
            named: &["proxy-index-only"],
            ..case
        },
        Case {
            name: "metadata that is not the wheel's, and brings a further package",
            asked: "tap-app",
            hostile: lie,
            bites: &[Uv, Poetry],
            // It comes from the index, and is not what the log has.
            through: Nothing,
            but: &[(Poetry, APP)],
            ..case
        },
        Case {
            name: "withdrawn in the log",
            asked: "tap-gone",
            bites: FOUR,
            through: Refused("withdrawn"),
            ..case
        },
    ]
}

/// Without the log's word what it covers is refused.
pub(super) fn log_down() -> Vec<Case> {
    let case = Case { with: With::LogDown, through: Refused("no verdict"), ..CASE };
    vec![
        Case { name: "nothing wrong", ..case },
        Case { name: "other bytes under a logged name", hostile: replace_wheel, bites: FOUR, ..case },
    ]
}
