//! Files that the project did not release, beside those that it did.

use super::{
    ALL, Builds, CASE, Case, Client, FOUR, LIB_1_0, LIB_1_1, NOT_POETRY, Nothing, PIPS, Pip, PipTools,
    Poetry, Refused, Tox, Uv, With, add_version, lib, replace_wheel,
};
use crate::clients::stage::{intruders, wheel, wheel_for};
use crate::hostile::{Listed, Shelf};

/// An extra file, and which ways to ask for `tap-lib` get it.
struct Extra {
    name: &'static str,
    hostile: fn(&mut Shelf),
    /// In the order of [`ASKED`].
    bites: [bool; 5],
    /// What the proxy says to those who would get it; the others get the official wheel.
    through: super::Through,
    /// Who gets it of all installers, under `==` where that gets it, else under `>=`.
    of_all: &'static [Client],
}

const ASKED: [&str; 5] = ["tap-lib==1.1", "tap-lib===1.1", "tap-lib>=1.1", "tap-lib~=1.1", "tap-lib"];

const NOT_LOGGED: super::Through = Refused("not logged");

const EXTRAS: [Extra; 4] = [
    Extra {
        name: "an extra wheel with a build tag",
        hostile: add_build_tag,
        bites: [true; 5],
        through: LIB_1_1,
        // pdm takes the wheel without a build tag.
        of_all: &[Pip, Uv, Poetry, Tox, PipTools],
    },
    Extra {
        name: "an extra wheel with a platform tag",
        hostile: |shelf| {
            let tag = format!("py3-none-manylinux2014_{}", std::env::consts::ARCH);
            lib(shelf).files.push(wheel_for(&intruders("tap-lib", "1.1"), &tag));
        },
        bites: [true; 5],
        through: LIB_1_1,
        of_all: ALL,
    },
    Extra {
        name: "a post release",
        hostile: |shelf| lib(shelf).files.push(wheel(&intruders("tap-lib", "1.1.post1"))),
        bites: [false, false, true, true, true],
        through: NOT_LOGGED,
        of_all: ALL,
    },
    Extra {
        name: "a release of another epoch",
        hostile: |shelf| lib(shelf).files.push(wheel(&intruders("tap-lib", "1!0.1"))),
        bites: [false, false, true, false, true],
        through: NOT_LOGGED,
        of_all: ALL,
    },
];

pub(super) fn add_build_tag(shelf: &mut Shelf) {
    lib(shelf).files.push(wheel_for(&intruders("tap-lib", "1.1"), "1-py3-none-any"));
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![Case { name: "nothing wrong", clients: ALL, ..CASE }];
    for Extra { name, hostile, bites, through, of_all } in EXTRAS {
        // All installers are asked once, in the first way that gets the file.
        let once = bites.iter().position(|bites| *bites);
        for (at, (asked, bites)) in ASKED.into_iter().zip(bites).enumerate() {
            let (clients, bitten) = match asked {
                "tap-lib===1.1" => (NOT_POETRY, NOT_POETRY),
                _ if once == Some(at) => (ALL, of_all),
                _ => (FOUR, FOUR),
            };
            let (bites, through) = if bites { (bitten, through) } else { (&[][..], LIB_1_1) };
            cases.push(Case { name, asked, hostile, clients, bites, through, ..CASE });
        }
    }
    cases.extend(others());
    cases
}

fn others() -> Vec<Case> {
    let hide = With::Proxy(&["--on-unlogged", "hide"]);
    let version = Case {
        name: "a version that is not logged",
        asked: "tap-lib",
        hostile: add_version,
        bites: FOUR,
        through: NOT_LOGGED,
        ..CASE
    };
    let without_wheel = Case {
        name: "the newest wheel is left out, its sdist is not",
        asked: "tap-lib",
        hostile: |shelf| lib(shelf).files.retain(|file| !file.name.contains("1.1-py3")),
        // The official sdist; its code runs, as without Wheeltap.
        through: Builds(&[("tap-lib", "1.1")]),
        ..CASE
    };
    vec![
        Case { clients: ALL, bites: ALL, ..version },
        Case { through: LIB_1_1, with: hide, ..version },
        Case {
            name: "a version that is not logged, as an sdist",
            hostile: |shelf| {
                let sdist = intruders("tap-lib", "1.2").sdist().expect("an sdist");
                lib(shelf).files.push(Listed::new(sdist));
            },
            ..version
        },
        Case {
            name: "the logged version in another spelling, 1.1.0",
            asked: "tap-lib==1.1",
            hostile: |shelf| lib(shelf).files.push(wheel(&intruders("tap-lib", "1.1.0"))),
            bites: PIPS,
            ..CASE
        },
        Case {
            name: "a local version, 1.1+more",
            asked: "tap-lib==1.1",
            hostile: |shelf| lib(shelf).files.push(wheel(&intruders("tap-lib", "1.1+more"))),
            bites: FOUR,
            through: NOT_LOGGED,
            ..CASE
        },
        Case {
            name: "the official wheel twice, the second time with other bytes",
            hostile: |shelf| lib(shelf).files.push(wheel(&intruders("tap-lib", "1.1"))),
            bites: PIPS,
            ..CASE
        },
        // What is left is official, and what is gone is for `wheeltap monitor` to notice.
        Case {
            name: "the newest release is left out",
            asked: "tap-lib",
            hostile: |shelf| lib(shelf).files.retain(|file| !file.name.contains("1.1")),
            through: LIB_1_0,
            ..CASE
        },
        without_wheel,
        Case {
            name: "the newest wheel has other bytes, its sdist has not",
            asked: "tap-lib",
            hostile: replace_wheel,
            bites: FOUR,
            through: LIB_1_0,
            with: hide,
            ..CASE
        },
        Case {
            name: "the newest wheel has other bytes, its sdist has not",
            hostile: replace_wheel,
            bites: FOUR,
            through: Nothing,
            with: hide,
            ..CASE
        },
        Case {
            name: "a wheel of an older version is replaced",
            asked: "tap-lib<1.1",
            hostile: |shelf| *lib(shelf).file("1.0-py3-none-any.whl") = wheel(&intruders("tap-lib", "1.0")),
            bites: FOUR,
            through: Refused("other hash"),
            ..CASE
        },
    ]
}
