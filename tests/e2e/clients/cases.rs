//! What an index can do to its users, and what is to come of it.

use super::installers::Client::{self, Pdm, Pip, PipTools, Poetry, Tox, Uv};
use super::stage::{intruders, official, wheel, wheel_for};
use crate::hostile::{Shelf, md5, sha256};

/// One thing that an index does.
pub(crate) struct Case {
    /// What it does.
    pub(crate) name: &'static str,
    /// What is asked for: lines of a requirements file. `HASH` stands for the digest of the
    /// intruder's `tap_lib-1.1-py3-none-any.whl`.
    pub(crate) asked: &'static str,
    pub(crate) hostile: fn(&mut Shelf),
    /// Who is asked to install.
    pub(crate) clients: &'static [Client],
    /// Who of them, without Wheeltap, installs what is not official, or was withdrawn.
    pub(crate) bites: &'static [Client],
    /// What comes of it with Wheeltap.
    pub(crate) through: Through,
    /// Who fares otherwise.
    pub(crate) but: &'static [(Client, Through)],
    /// More arguments of the proxy.
    pub(crate) proxy: &'static [&'static str],
    /// The index is not the proxy's upstream but another one, in `--extra-index-url`.
    pub(crate) is_extra: bool,
}

/// What comes of a case with Wheeltap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Through {
    /// Exactly these official distributions.
    Gets(&'static [(&'static str, &'static str)]),
    /// Nothing, and the installer shows this text.
    Refused(&'static str),
    /// Nothing; the installers do not show why.
    Nothing,
    /// Wheeltap is not asked, or does not know the project: as without it.
    GoesRound,
}

use Through::{Gets, GoesRound, Nothing, Refused};

const LIB_1_0: Through = Gets(&[("tap-lib", "1.0")]);
const LIB_1_1: Through = Gets(&[("tap-lib", "1.1")]);
const APP: Through = Gets(&[("tap-app", "1.0"), ("tap-lib", "1.1")]);

/// The installers with a resolver of their own.
const RESOLVERS: &[Client] = &[Pip, Uv, Poetry];
const ALL: &[Client] = &[Pip, Uv, Poetry, Pdm, Tox, PipTools];
const ALL_BUT_PDM: [Client; 5] = [Pip, Uv, Poetry, Tox, PipTools];
/// `===`, and `--hash` in a requirement, are pip's; uv has them too.
const PIP_AND_UV: &[Client] = &[Pip, Uv];

const CASE: Case = Case {
    name: "",
    asked: "tap-lib==1.1",
    hostile: |_| {},
    clients: RESOLVERS,
    bites: &[],
    through: LIB_1_1,
    but: &[],
    proxy: &[],
    is_extra: false,
};

/// The groups, each with its title.
pub(crate) fn groups() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("Extra files", extra_files()),
        ("Other bytes", other_bytes()),
        ("Metadata", metadata()),
        ("What the index says of files that the log knows", states()),
        ("An index that fails", failures()),
        ("Ways round the proxy", ways_round()),
    ]
}

fn add_build_tag(shelf: &mut Shelf) {
    lib(shelf).files.push(wheel_for(&intruders("tap-lib", "1.1"), "1-py3-none-any"));
}

fn add_platform_tag(shelf: &mut Shelf) {
    let tag = format!("py3-none-manylinux2014_{}", std::env::consts::ARCH);
    lib(shelf).files.push(wheel_for(&intruders("tap-lib", "1.1"), &tag));
}

fn extra_files() -> Vec<Case> {
    let mut cases = vec![Case { name: "nothing wrong", clients: ALL, ..CASE }];
    let names = [
        // pdm takes the wheel without a build tag.
        ("an extra wheel with a build tag", add_build_tag as fn(&mut Shelf), &ALL_BUT_PDM[..]),
        ("an extra wheel with a platform tag", add_platform_tag, ALL),
    ];
    for (name, hostile, bites) in names {
        cases.extend([
            Case { name, hostile, clients: ALL, bites, ..CASE },
            Case { name, hostile, asked: "tap-lib===1.1", clients: PIP_AND_UV, bites: PIP_AND_UV, ..CASE },
            Case { name, hostile, asked: "tap-lib>=1.1", bites: RESOLVERS, ..CASE },
            Case { name, hostile, asked: "tap-lib", bites: RESOLVERS, ..CASE },
        ]);
    }
    for (name, version, asked) in [
        ("a version that is not logged", "1.2", "tap-lib"),
        ("a post release", "1.1.post1", "tap-lib>=1.1"),
        ("a release of another epoch", "1!0.1", "tap-lib>=1.0"),
    ] {
        let hostile: fn(&mut Shelf) = match version {
            "1.2" => |shelf| lib(shelf).files.push(wheel(&intruders("tap-lib", "1.2"))),
            "1.1.post1" => |shelf| lib(shelf).files.push(wheel(&intruders("tap-lib", "1.1.post1"))),
            _ => |shelf| lib(shelf).files.push(wheel(&intruders("tap-lib", "1!0.1"))),
        };
        let through = Refused("not logged");
        cases.push(Case { name, asked, hostile, clients: ALL, bites: ALL, through, ..CASE });
    }
    let hide = &["--on-unlogged", "hide"];
    cases.push(Case {
        name: "a version that is not logged",
        asked: "tap-lib",
        hostile: |shelf| lib(shelf).files.push(wheel(&intruders("tap-lib", "1.2"))),
        bites: RESOLVERS,
        proxy: hide,
        ..CASE
    });
    cases
}

/// The intruder's wheel instead of the official one; the page is right about it.
fn replace_wheel(shelf: &mut Shelf) {
    *lib(shelf).file("1.1-py3-none-any.whl") = wheel(&intruders("tap-lib", "1.1"));
}

/// The intruder's wheel under the digest of the official one.
fn swap_bytes(shelf: &mut Shelf) {
    lib(shelf).file("1.1-py3-none-any.whl").bytes = wheel(&intruders("tap-lib", "1.1")).bytes;
}

fn other_bytes() -> Vec<Case> {
    let refused = Refused("other");
    vec![
        Case {
            name: "other bytes under a logged name",
            hostile: replace_wheel,
            clients: ALL,
            bites: ALL,
            through: refused,
            ..CASE
        },
        Case {
            name: "other bytes under a logged name, and the user pins them",
            asked: "tap-lib==1.1 --hash=sha256:HASH",
            hostile: replace_wheel,
            clients: PIP_AND_UV,
            bites: PIP_AND_UV,
            through: refused,
            ..CASE
        },
        Case {
            name: "other bytes, while the page has the official digest",
            hostile: swap_bytes,
            through: refused,
            ..CASE
        },
        Case {
            name: "other bytes; the page has the official sha256, and their md5",
            hostile: |shelf| {
                swap_bytes(shelf);
                let file = lib(shelf).file("1.1-py3-none-any.whl");
                file.hashes.insert("md5", md5(&file.bytes));
            },
            bites: &[Pip],
            through: refused,
            ..CASE
        },
        Case {
            name: "other bytes; the page has the official sha256, and theirs in the URL's fragment",
            hostile: |shelf| {
                swap_bytes(shelf);
                let file = lib(shelf).file("1.1-py3-none-any.whl");
                file.fragment = Some(sha256(&file.bytes));
            },
            bites: &[Pip],
            through: refused,
            ..CASE
        },
        Case {
            name: "official bytes, and a wrong sha256 in the URL's fragment",
            hostile: |shelf| lib(shelf).file("1.1-py3-none-any.whl").fragment = Some(sha256(b"other")),
            ..CASE
        },
        Case {
            name: "other bytes, without any digest",
            hostile: |shelf| {
                swap_bytes(shelf);
                lib(shelf).file("1.1-py3-none-any.whl").hashes.clear();
            },
            bites: RESOLVERS,
            through: refused,
            ..CASE
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

/// What `tap-app` would bring with it if its metadata were an intruder's.
fn lying_metadata() -> Vec<u8> {
    let mut recipe = official("tap-app", "1.0");
    recipe.requires.push("evil-lib".to_owned());
    wheel(&recipe).metadata.expect("a wheel's")
}

fn app_wheel(shelf: &mut Shelf) -> &mut crate::hostile::Listed {
    shelf.get_mut("tap-app").expect("a page").file(".whl")
}

fn metadata() -> Vec<Case> {
    let case = Case { asked: "tap-app", ..CASE };
    vec![
        Case { name: "nothing wrong", through: APP, ..case },
        Case {
            name: "metadata that is not the wheel's, and brings a further package",
            hostile: |shelf| {
                let (file, lie) = (app_wheel(shelf), lying_metadata());
                file.metadata_sha256 = Some(sha256(&lie));
                file.metadata = Some(lie);
            },
            bites: &[Uv, Poetry],
            through: APP,
            ..case
        },
        Case {
            name: "metadata that is not what the page says",
            hostile: |shelf| app_wheel(shelf).metadata = Some(lying_metadata()),
            through: APP,
            ..case
        },
        Case {
            name: "metadata that is announced and not there",
            hostile: |shelf| app_wheel(shelf).metadata = None,
            through: APP,
            ..case
        },
        Case {
            name: "no metadata beside the wheel, and no digest: installers read parts of it",
            hostile: |shelf| {
                let mut recipe = intruders("tap-app", "1.0");
                recipe.requires.push("evil-lib".to_owned());
                let file = app_wheel(shelf);
                file.bytes = wheel(&recipe).bytes;
                (file.metadata, file.metadata_sha256) = (None, None);
                file.hashes.clear();
            },
            bites: RESOLVERS,
            through: Refused("other"),
            ..case
        },
    ]
}

fn states() -> Vec<Case> {
    let yank: fn(&mut Shelf) = |shelf| {
        for file in lib(shelf).files.iter_mut().filter(|file| file.name.contains("1.1")) {
            file.yanked = Some("does not start");
        }
    };
    let withdrawn = Refused("withdrawn");
    vec![
        Case { name: "yanked", hostile: yank, asked: "tap-lib", through: LIB_1_0, ..CASE },
        Case { name: "yanked, and pinned by the user", hostile: yank, ..CASE },
        Case {
            name: "quarantined",
            hostile: |shelf| {
                let page = lib(shelf);
                page.project_status = Some(("quarantined", "malware was found"));
                page.files.clear();
            },
            through: Nothing,
            ..CASE
        },
        Case {
            name: "withdrawn in the log",
            asked: "tap-gone",
            clients: ALL,
            bites: ALL,
            through: withdrawn,
            ..CASE
        },
        Case {
            name: "withdrawn in the log, and pinned by the user",
            asked: "tap-gone==1.1",
            bites: RESOLVERS,
            through: withdrawn,
            ..CASE
        },
    ]
}

fn failures() -> Vec<Case> {
    let with = |name, hostile| Case { name, hostile, through: Nothing, ..CASE };
    vec![
        with("the page is answered with 404", |shelf| lib(shelf).status = 404),
        with("the page is answered with 403", |shelf| lib(shelf).status = 403),
        with("the page is answered with 500", |shelf| lib(shelf).status = 500),
        with("the page is answered with 503", |shelf| lib(shelf).status = 503),
        with("the page is in API version 2.0", |shelf| lib(shelf).api_version = "2.0"),
    ]
}

fn ways_round() -> Vec<Case> {
    vec![
        Case {
            name: "a version that is not logged, in an --extra-index-url",
            asked: "tap-lib",
            hostile: |shelf| lib(shelf).files.push(wheel(&intruders("tap-lib", "1.2"))),
            clients: PIP_AND_UV,
            bites: PIP_AND_UV,
            through: GoesRound,
            is_extra: true,
            ..CASE
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
            through: GoesRound,
            ..CASE
        },
    ]
}

fn lib(shelf: &mut Shelf) -> &mut crate::hostile::Page {
    shelf.get_mut("tap-lib").expect("a page")
}
