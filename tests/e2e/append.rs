//! A release of real packages, from their files to proofs and look-ups.

use log_client::offline_index;
use log_core::artifact::{ProjectName, Version};
use log_core::hash::digest;
use log_core::proof_file::ProofFile;
use serde_json::Value;

use crate::harness::Scene;

#[test]
fn a_release_is_logged_proven_and_found() {
    let (scene, server) = Scene::with_server();
    let project = ProjectName::parse("nova").expect("a name");
    let packages =
        offline_index::build(&project, &Version::parse("27.0.0").expect("a version")).expect("built");
    let mut files: Vec<String> = packages
        .iter()
        .map(|package| scene.write(&format!("dist/{}", package.name), &package.bytes))
        .collect();
    let mut append: Vec<&str> =
        vec!["append", "--key", "team.key", "--project", "Nova", "--version", "27.0.0"];
    append.extend(files.iter().map(String::as_str));
    let printed = scene.ok("wheeltap", &append);
    for package in &packages {
        // As `sha256sum` prints it.
        assert!(printed.contains(&format!("{}  {}\n", package.sha256.to_hex(), package.name)), "{printed}");
    }
    // A release job that runs twice succeeds twice, with the same proof of the same entry.
    let proof = scene.read(&format!("{}.tlog-proof", files[0]));
    scene.append("28.0.0");
    // `dist/*` has the proofs now, and perhaps another order.
    let proofs: Vec<String> = files.iter().map(|file| format!("{file}.tlog-proof")).collect();
    let mut repeated = append[..7].to_vec();
    repeated.extend(proofs.iter().chain(files.iter().rev()).map(String::as_str));
    scene.ok("wheeltap", &repeated);
    let again = scene.read(&format!("{}.tlog-proof", files[0]));
    let index = |text: &str| ProofFile::parse(text.as_bytes()).expect("a proof").index;
    assert_eq!((index(&proof), index(&again)), (2, 2));

    // The wheel's metadata, which pip sees through PEP 658, is part of the statement.
    let wheel = packages.iter().find(|package| package.metadata.is_some()).expect("a wheel");
    let metadata = digest(&[wheel.metadata.as_deref().expect("metadata")]).to_hex();
    let lookup = ["lookup", "--digest", &metadata, "--format", "json"];
    let found: Value = serde_json::from_str(&scene.ok("wheeltap", &lookup)).expect("JSON");
    assert_eq!((&found["schema"], &found["entries"][0]["version"]), (&1.into(), &"27.0.0".into()));
    let named = found["entries"][0]["files"]
        .as_array()
        .expect("files")
        .iter()
        .any(|file| file["name"] == format!("{}.metadata", wheel.name) && file["sha256"] == metadata);
    assert!(named, "{found}");

    // Everything found by every key, and nothing by others.
    let name = packages[0].name.as_str();
    for keys in [
        vec!["--file", name],
        vec!["--project", "nova"],
        vec!["--project", "nova", "--version", "27.0"],
        vec!["--project", "nova", "--file", name],
    ] {
        let found = scene.ok("wheeltap", &[vec!["lookup"], keys.clone()].concat());
        assert!(found.contains("entry 2  nova 27.0.0"), "{keys:?}: {found}");
    }
    for keys in [["--file", "nova-1.0.tar.gz"], ["--project", "glance"], ["--digest", &"0".repeat(64)]] {
        assert_eq!(scene.run("wheeltap", &[&["lookup"], &keys[..]].concat()).code, Some(10), "{keys:?}");
    }

    // Online, then offline with nobody there.
    files.insert(0, "verify".to_owned());
    let mut verify: Vec<&str> = files.iter().map(String::as_str).collect();
    scene.ok("wheeltap", &verify);
    // Both that it is logged and that something is not are proven to be all there is.
    let intruder = scene.sdist("27.0.0.post1", "an intruder's bytes");
    let mut json = verify.clone();
    json.extend([intruder.as_str(), "--format", "json"]);
    let ended = scene.run("wheeltap", &json);
    assert_eq!(ended.code, Some(10), "{ended:?}");
    let json: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!((&json["complete"], &json["files"][2]["verdict"]), (&true.into(), &"not-logged".into()));
    server.kill();
    verify.insert(1, "--offline");
    let ended = scene.run("wheeltap", &verify);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout.matches("verified  ").count(), 2, "{}", ended.stdout);
    assert!(ended.stderr.contains("not that nothing else is logged"), "{}", ended.stderr);
}

#[test]
fn a_wheel_that_two_readers_read_differently_is_not_signed() {
    let (scene, _server) = Scene::with_server();
    let file = scene.write("dist/nova-1.0-py3-none-any.whl", b"PK but not a zip");
    let append = ["append", "--key", "team.key", "--project", "nova", "--version", "1.0", &file];
    let ended = scene.run("wheeltap", &append);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("nova-1.0-py3-none-any.whl"), "{}", ended.stderr);
}
