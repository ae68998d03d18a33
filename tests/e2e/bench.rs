//! The bench measures a log, and believes nothing that it answers.

use serde_json::Value;

use crate::harness::Scene;

/// A log whose policy lets `team` publish what the bench records.
fn scene() -> (Scene, crate::harness::Server) {
    let scene = Scene::with_log();
    let keys = ["--log-key", "log.pub", "--root", "root.key.pub", "--publisher", "team.key.pub", "bench-*"];
    let policy = [&["policy", "init"], keys.as_slice(), &["--cover", "*", "--out", "bench.json"]].concat();
    scene.ok("wheeltap", &policy);
    scene.ok("wheeltap", &["policy", "sign", "--key", "root.key", "bench.json"]);
    let server = scene.serve("log");
    scene.trust(&server.url);
    scene.ok("wheeltap", &["policy", "submit", "bench.json"]);
    (scene, server)
}

fn measure(scene: &Scene, subject: &[&str]) -> Value {
    let short =
        ["--duration", "2", "--warmup", "0", "--connections", "4", "--projects", "5", "--format", "json"];
    let json = scene.ok("wheeltap", &[&["bench"], subject, &short].concat());
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["schema"], 1);
    assert!(json["ceiling"]["echoes"]["per_second"].as_f64().is_some_and(|rate| rate > 0.0), "{json}");
    json["measured"][0].clone()
}

#[test]
fn each_load_is_verified() {
    let (scene, server) = scene();
    let appends = ["appends", "--key", "team.key", "--seed", "7", "--count", "60", "--duplicates", "30"];
    let first = measure(&scene, &appends);
    assert_eq!((&first["good"], &first["errors"]), (&60.into(), &serde_json::json!({})), "{first}");
    let again = first["already_logged"].as_u64().expect("a number");
    assert!(again > 0 && again < 60, "{first}");
    // The same statements again are there, whoever asks, and have the old indices.
    let second = measure(&scene, &appends);
    assert_eq!((&second["good"], &second["already_logged"]), (&60.into(), &60.into()), "{second}");

    let by_the_clock = [appends.as_slice(), &["--rate", "100"]].concat();
    let third = measure(&scene, &by_the_clock);
    assert_eq!((&third["requests"], &third["rate_wanted"]), (&60.into(), &100.0.into()), "{third}");
    let tiles = measure(&scene, &["tiles", "--count", "300"]);
    assert_eq!(tiles["good"], 300, "{tiles}");
    for subject in ["lookups", "mixed"] {
        let load = [subject, "--key", "team.key", "--seed", "8", "--population", "30", "--count", "40"];
        let measured = measure(&scene, &load);
        assert!(measured["good"].as_u64().is_some_and(|good| good >= 40), "{measured}");
        assert_eq!(measured["errors"], serde_json::json!({}), "{measured}");
    }
    // What answers is another log.
    let (other, other_server) = self::scene();
    other.trust(&server.url);
    let load = ["bench", "appends", "--key", "team.key", "--count", "5", "--duration", "1", "--warmup", "0"];
    let ended = other.run("wheeltap", &load);
    assert_eq!(ended.code, Some(1), "nothing was logged: {ended:?}");
    let ended = other.run("wheeltap", &["bench", "tiles", "--count", "5", "--duration", "1"]);
    assert_eq!(ended.code, Some(11), "{ended:?}");
    drop(other_server);
}

#[test]
fn a_log_of_its_own() {
    let scene = Scene::empty();
    let json =
        scene.ok("wheeltap", &["bench", "local", "--entries", "700", "--duration", "1", "--format", "json"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let measured = json["measured"].as_array().expect("measurements");
    assert!(measured.len() >= 5, "{json}");
    for measured in measured {
        assert!(measured["good"].as_u64().is_some_and(|good| good > 0), "{measured}");
        assert_eq!(measured["errors"], serde_json::json!({}), "{measured}");
    }
    for figure in
        ["resident_bytes", "disk_public_bytes", "start_after_kill_seconds", "start_after_stop_seconds"]
    {
        assert!(json["figures"][figure].as_f64().is_some_and(|value| value > 0.0), "{figure} {json}");
    }
}

#[test]
fn a_proxy_before_an_index() {
    let scene = Scene::empty();
    let short = ["bench", "proxy", "--packages", "3", "--connections", "2", "--duration", "1"];
    let more = ["--streams", "2", "--large", "3MiB", "--dir", "work", "--format", "json"];
    let json = scene.ok("wheeltap", &[&short[..], &more[..]].concat());
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let keys: Vec<_> = json["measured"].as_array().expect("rows").iter().map(|row| &row["key"]).collect();
    assert_eq!(keys, ["pages_cold", "files_cold", "pages_warm", "files_warm", "large_cold", "large_warm"]);
    for row in json["measured"].as_array().expect("rows") {
        for side in ["direct", "proxy"] {
            assert!(row[side]["per_second"].as_f64().is_some_and(|rate| rate > 0.0), "{row}");
        }
        let large = row["key"].as_str().is_some_and(|key| key.starts_with("large"));
        assert_eq!(row["added_seconds"]["p99"].is_null(), large, "{row}");
    }
    // What came through it was verified by it and kept.
    let kept = scene.path("work/large/cache/sha256");
    assert_eq!(std::fs::read_dir(kept).expect("a cache").count(), 2);
    assert_eq!(scene.run("wheeltap", &["bench", "proxy", "--dir", "work"]).code, Some(2), "it is not empty");
}

#[test]
fn load_is_for_ones_own_logs() {
    let scene = Scene::with_log();
    scene.trust("http://192.0.2.1/");
    let ended = scene.run("wheeltap", &["bench", "tiles"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--i-operate-this-log"), "{ended:?}");
}
