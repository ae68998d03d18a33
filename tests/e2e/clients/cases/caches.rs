//! Installers with a cache of their own, which they ask before any index.

use super::extra_files::add_build_tag;
use super::{CASE, Case, FOUR, GoesRound, LIB_1_1, Refused, Uv, Warm, Way, With, replace_wheel};

/// pip keeps what it got by https, and from a host that it was told to trust.
const KEEPS: &[(&str, &str)] = &[("PIP_TRUSTED_HOST", "127.0.0.1")];

pub(super) fn cases() -> Vec<Case> {
    let other = Case {
        name: "other bytes under a logged name, which the installer has in its cache",
        hostile: replace_wheel,
        bites: FOUR,
        through: Refused("other hash"),
        variables: KEEPS,
        warm: Some(Warm::FromIndex),
        ..CASE
    };
    let tagged = Case {
        name: "an extra wheel with a build tag, which the installer has in its cache",
        hostile: add_build_tag,
        through: LIB_1_1,
        ..other
    };
    // What is asked for is withdrawn in between; each time another version.
    let withdrawn = Case {
        name: "verified, kept in the installer's cache, and then withdrawn in the log",
        asked: "tap-back==1.1",
        hostile: |_| {},
        with: With::Proxy(&["--max-age", "0"]),
        through: Refused("withdrawn"),
        warm: Some(Warm::ThenWithdrawn),
        ..other
    };
    vec![
        Case { with: With::Run, ..other },
        Case { with: With::Run, ..tagged },
        other,
        tagged,
        Case { asked: "tap-back==1.0", with: With::Run, ..withdrawn },
        withdrawn,
        // Only uv does not ask then.
        Case {
            name: "verified, in a lock and in the installer's cache, and then withdrawn in the log",
            asked: "tap-back==1.2",
            way: Way::Lock,
            but: &[(Uv, GoesRound)],
            named: &["uv-cache"],
            ..withdrawn
        },
    ]
}
