//! The unit files of the manuals are such that systemd understands them.

use std::path::Path;
use std::process::Command;

use crate::harness::{Ended, Scene, binary, has, missing};

#[test]
fn the_unit_files_are_understood() {
    if missing("systemd-analyze", has("systemd-analyze", "--version")) {
        return;
    }
    let scene = Scene::empty();
    for (unit, program) in [("wheeltap-log.service", "wheeltap-log"), ("wheeltap-proxy.service", "wheeltap")]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(unit);
        let text = std::fs::read_to_string(path).expect("a file");
        // It looks for the program.
        let installed = format!("/usr/local/bin/{program} ");
        assert!(text.contains(&installed), "{unit}");
        let text = text.replace(&installed, &format!("{} ", binary(program).to_str().expect("UTF-8")));
        let name = scene.write(unit, text.as_bytes());
        let output = Command::new("systemd-analyze").arg("verify").arg(scene.path(&name)).output();
        let ended = Ended::from(output.expect("it runs"));
        // What it does not know it only warns of.
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    }
}
