//! schemathesis (<https://schemathesis.io>) asks a running log whatever its OpenAPI
//! document allows, and what it forbids, and compares the answers with the document: no
//! 5xx, no status, media type or body that is not there, no malformed request accepted.
//!
//! It cannot sign, so the test hands it real statements as examples of the document.

use std::path::Path;
use std::process::Command;

use log_core::dsse::Envelope;
use log_core::key::SignerKey;
use log_core::testing::release;
use serde_json::{Value, json};

use crate::harness::{Ended, Scene};
use crate::tools;

/// Releases beside the one of the examples: more than a full tile of entries.
const RELEASES: usize = 300;

#[tokio::test]
async fn the_interface_is_what_its_document_says() {
    let Some(programs) = tools::install(tools::SCHEMATHESIS) else { return };
    let (scene, server) = Scene::with_server();
    let key = SignerKey::parse(scene.read("team.key").trim_end()).expect("a key");
    let mallory = SignerKey::parse(scene.read("mallory.key").trim_end()).expect("a key");
    let envelope = |version: &str, content: &str, key: &SignerKey| {
        let mut envelope = Envelope::unsigned(release("nova", version, content).to_payload());
        envelope.sign(key);
        String::from_utf8(envelope.to_canonical()).expect("JSON")
    };
    let lines: Vec<String> = (0..RELEASES).map(|i| envelope(&format!("1.{i}"), "a", &key)).collect();
    let client = reqwest::Client::new();
    let statements = format!("{}api/v1/statements", server.url);
    let sent = client.post(statements).header("content-type", "application/jsonl").body(lines.join("\n"));
    assert_eq!(sent.send().await.expect("an answer").status(), 200);
    scene.append("27.0.0");

    let answer = client.get(format!("{}api/v1/openapi.json", server.url)).send().await.expect("an answer");
    let text = answer.bytes().await.expect("a body");
    let mut document: Value = serde_json::from_slice(&text).expect("JSON");
    let example = |text: String| json!({ "value": serde_json::from_str::<Value>(&text).expect("JSON") });
    document["paths"]["/api/v1/statements"]["post"]["requestBody"]["content"]["application/json"]["examples"] = json!({
        "new": example(envelope("2.0", "a", &key)),
        "again": example(lines[7].clone()),
        "conflict": example(envelope("1.7", "b", &key)),
        "stranger": example(envelope("3.0", "a", &mallory)),
    });
    scene.write("openapi.json", document.to_string().as_bytes());

    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/schemathesis");
    let mut command = Command::new(programs.join("schemathesis"));
    command.arg("--config-file").arg(files.join("schemathesis.toml"));
    command.args(["run", "openapi.json", "--url", &server.url, "--no-color"]);
    command.env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", &files).current_dir(scene.path(""));
    let ended = Ended::from(command.output().expect("it runs"));
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    // What it has seen; else it would have compared nothing.
    let metrics = client.get(format!("{}metrics", server.private)).send().await.expect("an answer");
    let metrics = metrics.text().await.expect("text");
    for (route, statuses) in [
        ("/checkpoint", &[200, 405][..]),
        ("/tile/{level}/{*path}", &[200, 404, 405]),
        ("/tile/entries/{*path}", &[200, 404, 405]),
        ("/api/v1/statements", &[200, 400, 403, 405, 409, 413]),
        ("/api/v1/lookup", &[200, 400, 405]),
        ("/api/v1/openapi.json", &[200, 405]),
    ] {
        for status in statuses {
            let series = format!("wheeltap_http_requests_total{{route=\"{route}\",status=\"{status}\"}}");
            assert!(metrics.contains(&series), "{series} is not in {metrics}");
        }
    }
    assert_eq!(server.terminate(), Some(0), "it is still well");
}
