//! A log's public directory behind a plain static web server.

use std::path::Path;
use std::process::Command;

use log_io::fetch::Http;

use crate::harness::{Scene, Server, free_port, has, missing};

#[test]
fn verification_works_against_a_static_web_server() {
    if missing("Python 3", has("python3", "--version")) {
        return;
    }
    let (scene, server) = Scene::with_server();
    let good = scene.append("1.0");
    scene.append("2.0");
    server.kill();

    let port = free_port();
    let port_text = port.to_string();
    let arguments = ["-m", "http.server", &port_text, "--bind", "127.0.0.1", "--directory"];
    let mut python = Command::new("python3");
    let server = Server::spawn(python.args(arguments).arg(scene.path("log/public")), port);

    // Every file under the directory is served as it is, and there are no others
    // but the log's: no key, no temporary file.
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let http = Http::new("test").expect("a client");
    let files = files_below(&scene.path("log/public"));
    assert!(files.len() > 5, "{files:?}");
    for file in &files {
        assert!(file == "checkpoint" || log_core::tile::TileId::parse(file).is_some(), "{file}");
        let answer = runtime.block_on(http.get(&format!("{}{file}", server.url), 1 << 24));
        let bytes = answer.expect("an answer").expect("a file");
        assert_eq!(bytes, std::fs::read(scene.path("log/public").join(file)).expect("a file"), "{file}");
    }

    for url in [server.url.clone(), format!("file://{}", scene.path("log/public").display())] {
        scene.trust(&url);
        let ended = scene.run("wheeltap", &["verify", &good, "--format", "json"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let json: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
        assert_eq!((&json["complete"], &json["files"][0]["verdict"]), (&true.into(), &"verified".into()));
        let unknown = scene.sdist("3.0", "an intruder's bytes");
        assert_eq!(scene.run("wheeltap", &["verify", &unknown]).code, Some(10));
        let path = scene.write("other/nova-1.0.tar.gz", b"other bytes");
        assert_eq!(scene.run("wheeltap", &["verify", &path]).code, Some(11));
        let looked = scene.run("wheeltap", &["lookup", "--project", "nova"]);
        assert_eq!(looked.code, Some(0), "{looked:?}");
        assert!(looked.stdout.contains("nova 2.0"), "{}", looked.stdout);
        // Statements cannot be sent there, and the message says so.
        let append = ["append", "--key", "team.key", "--project", "nova", "--version", "3.0", &unknown];
        assert_eq!(scene.run("wheeltap", &append).code.map(|code| code == 0), Some(false));
    }

    // More files than fit into one look-up are all judged against the whole log.
    scene.trust(&server.url);
    let many: Vec<String> = (1..=400).map(|i| scene.sdist(&format!("{i}.0"), "official bytes")).collect();
    let mut verify = vec!["verify", "--format", "json"];
    verify.extend(many.iter().map(String::as_str));
    let json: serde_json::Value = serde_json::from_str(&scene.run("wheeltap", &verify).stdout).expect("JSON");
    let verdicts = json["files"].as_array().expect("files").iter().map(|file| &file["verdict"]);
    assert_eq!(verdicts.clone().filter(|verdict| *verdict == "verified").count(), 2);
    assert_eq!(verdicts.filter(|verdict| *verdict == "not-logged").count(), 398);

    // A damaged file is noticed, whichever it is.
    scene.trust(&server.url);
    for file in files.iter().filter(|file| file.starts_with("tile/entries/")) {
        let path = scene.path("log/public").join(file);
        let bytes = std::fs::read(&path).expect("a file");
        let mut damaged = bytes.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        std::fs::write(&path, damaged).expect("written");
        let ended = scene.run("wheeltap", &["verify", &good]);
        let newest = file.ends_with(".p/6");
        assert_eq!(ended.code, Some(if newest { 11 } else { 0 }), "{file}: {ended:?}");
        std::fs::write(&path, bytes).expect("written");
    }
}

fn files_below(directory: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in next.read_dir().expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let path = path.strip_prefix(directory).expect("below it");
                files.push(path.to_str().expect("UTF-8").to_owned());
            }
        }
    }
    files
}
