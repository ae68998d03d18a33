//! Yanked, quarantined, withdrawn.

use super::{ALL, CASE, Case, FOUR, LIB_1_0, Nothing, Refused, lib};
use crate::hostile::Shelf;

const REASON: &str = "does not start";

fn yank(shelf: &mut Shelf) {
    for file in lib(shelf).files.iter_mut().filter(|file| file.name.contains("1.1")) {
        file.yanked = Some(REASON);
    }
}

pub(super) fn cases() -> Vec<Case> {
    let withdrawn = Refused("withdrawn");
    vec![
        Case { name: "yanked", hostile: yank, asked: "tap-lib", through: LIB_1_0, ..CASE },
        // That files are yanked is advice, which installers and the proxy leave to the user.
        Case { name: "yanked, and pinned by the user", hostile: yank, ..CASE },
        Case {
            name: "yanked, all of them",
            hostile: |shelf| lib(shelf).files.iter_mut().for_each(|file| file.yanked = Some(REASON)),
            asked: "tap-lib",
            through: Nothing,
            ..CASE
        },
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
            bites: FOUR,
            through: withdrawn,
            ..CASE
        },
    ]
}
