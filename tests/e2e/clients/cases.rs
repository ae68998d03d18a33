//! What an index can do to its users, and what is to come of it.
//!
//! All of pip, uv, poetry and tox are asked in each case, but where one of them has no way
//! to say what is asked; the case says so then.

mod caches;
mod extra_files;
mod failures;
mod metadata;
mod modes;
mod other_bytes;
mod states;
mod ways_round;

use super::installers::Client::{self, Pdm, Pip, PipTools, Poetry, Tox, Uv};
use super::stage::{intruders, wheel};
use crate::hostile::{Page, Shelf};

/// One thing that an index does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    /// What it does.
    pub(crate) name: &'static str,
    /// What is asked for: lines of a requirements file. `HASH` stands for the digest of the
    /// intruder's `tap_lib-1.1-py3-none-any.whl`, `OTHER` for the hostile index, and `FILE`
    /// for the intruder's wheel of 1.2 there.
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
    /// How Wheeltap is used.
    pub(crate) with: With,
    /// Where the hostile index is.
    pub(crate) way: Way,
    /// More variables of the installers.
    pub(crate) variables: &'static [(&'static str, &'static str)],
    /// The findings with which `wheeltap doctor` names what goes round; each installer has one
    /// or more of them.
    pub(crate) named: &'static [&'static str],
    /// What the installers' own caches hold; none: they have no cache.
    pub(crate) warm: Option<Warm>,
}

/// What comes of a case with Wheeltap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Through {
    /// Exactly these official distributions.
    Gets(&'static [(&'static str, &'static str)]),
    /// The same, built from their official sdists.
    Builds(&'static [(&'static str, &'static str)]),
    /// Nothing, and the installer shows this text.
    Refused(&'static str),
    /// Nothing; the installers do not show why, or for a reason of their own.
    Nothing,
    /// Wheeltap is not asked, or does not know the project: as without it. `wheeltap doctor`
    /// says so.
    GoesRound,
}

/// How Wheeltap is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum With {
    /// `wheeltap proxy` with these arguments.
    Proxy(&'static [&'static str]),
    /// `wheeltap proxy`, whose log does not answer.
    LogDown,
    /// `wheeltap run`.
    Run,
}

/// Where the hostile index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It is the one that is asked, and that the proxy stands in front of.
    Index,
    /// It is a further index beside an honest one, in the installer's settings.
    ExtraIndex,
    /// It is a directory with the intruder's wheel of `tap-lib` 1.2, in the settings.
    FindLinks,
    /// What is asked for names it.
    Named,
    /// A lock was made there; it is also the one that the proxy stands in front of.
    Lock,
}

/// What an installer has in its own cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Warm {
    /// What the hostile index gave it, which was asked directly.
    FromIndex,
    /// What came through the proxy, or directly for `wheeltap run`; then the release was
    /// withdrawn.
    ThenWithdrawn,
}

use Through::{Builds, Gets, GoesRound, Nothing, Refused};

const LIB_1_0: Through = Gets(&[("tap-lib", "1.0")]);
const LIB_1_1: Through = Gets(&[("tap-lib", "1.1")]);
const APP: Through = Gets(&[("tap-app", "1.0"), ("tap-lib", "1.1")]);

const FOUR: &[Client] = &[Pip, Uv, Poetry, Tox];
const ALL: &[Client] = &[Pip, Uv, Poetry, Pdm, Tox, PipTools];
/// `===` and `--hash` in a requirement are pip's, which tox hands on to it; uv has them too,
/// poetry does not.
const NOT_POETRY: &[Client] = &[Pip, Uv, Tox];
const PIPS: &[Client] = &[Pip, Tox];

const CASE: Case = Case {
    name: "",
    asked: "tap-lib==1.1",
    hostile: |_| {},
    clients: FOUR,
    bites: &[],
    through: LIB_1_1,
    but: &[],
    with: With::Proxy(&[]),
    way: Way::Index,
    variables: &[],
    named: &[],
    warm: None,
};

/// The groups, each with its title.
pub(crate) fn groups() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("Extra files", extra_files::cases()),
        ("Other bytes", other_bytes::cases()),
        ("Metadata", metadata::cases()),
        ("What the index says of files that the log knows", states::cases()),
        ("An index that fails", failures::cases()),
        ("Pages only: `wheeltap proxy --index-only`", modes::index_only()),
        ("A log that does not answer", modes::log_down()),
        ("What an installer has in its own cache", caches::cases()),
        ("Ways round the proxy", ways_round::cases()),
    ]
}

/// The intruder's wheel instead of the official one; the page is right about it.
fn replace_wheel(shelf: &mut Shelf) {
    *lib(shelf).file("1.1-py3-none-any.whl") = wheel(&intruders("tap-lib", "1.1"));
}

/// The intruder's wheel under the digest of the official one.
fn swap_bytes(shelf: &mut Shelf) {
    lib(shelf).file("1.1-py3-none-any.whl").bytes = wheel(&intruders("tap-lib", "1.1")).bytes;
}

/// A release that nobody made.
fn add_version(shelf: &mut Shelf) {
    lib(shelf).files.push(wheel(&intruders("tap-lib", "1.2")));
}

fn lib(shelf: &mut Shelf) -> &mut Page {
    shelf.get_mut("tap-lib").expect("a page")
}
