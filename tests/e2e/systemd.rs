//! The unit file of the operations manual is one that systemd understands.

use std::path::Path;
use std::process::Command;

use crate::harness::{Ended, Scene, binary, has, missing};

#[test]
fn the_unit_file_is_understood() {
    if missing("systemd-analyze", has("systemd-analyze", "--version")) {
        return;
    }
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/wheeltap-log.service");
    let unit = std::fs::read_to_string(unit).expect("a file");
    // It looks for the program.
    let unit = unit.replace("/usr/local/bin/wheeltap-log", binary("wheeltap-log").to_str().expect("UTF-8"));
    let scene = Scene::empty();
    let name = scene.write("wheeltap-log.service", unit.as_bytes());
    let output = Command::new("systemd-analyze").arg("verify").arg(scene.path(&name)).output();
    let ended = Ended::from(output.expect("it runs"));
    // What it does not know it only warns of.
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
}
