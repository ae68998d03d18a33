//! The interface in process: statuses, headers, and that nothing bad is stored.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use log_core::api::{LookupAnswer, LookupRequest, Problem, Receipt, ReceiptStatus};
use log_core::entry::SignedStatement;
use log_core::hash::{Hash, encode_base64};
use log_core::proof_file::ProofFile;
use log_core::testing::{genesis, policy, sha256, signed, signed_policy, signed_release};
use log_core::trust_policy::TrustPolicy;
use log_core::verdict::{Trust, check_answer, check_proof_file};
use tower::ServiceExt as _;

use super::*;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::pool::pool;
use crate::reader::Reader;
use crate::store::memory::{Fault, Faults};
use crate::testing::TestLog;

struct Server {
    router: Router,
    app: App,
    faults: Faults,
}

/// A log with its first policy behind the router.
fn server() -> Server {
    let log = TestLog::with_policy();
    let (pool, mut receiver) = pool();
    let objects = Arc::clone(&log.sequencer.stores.log);
    let app = App {
        genesis: Arc::new(genesis()),
        pool,
        newest: log.sequencer.newest.clone(),
        view: log.sequencer.view.clone(),
        reader: Reader::new(Arc::clone(&objects)),
        objects,
        metrics: Arc::new(Metrics::new(0)),
        clock: || 1_700_000_000,
    };
    let front = Front::new(&Config::default(), Arc::clone(&app.metrics), 0);
    let faults = log.faults.clone();
    let runtime = tokio::runtime::Handle::current();
    std::thread::spawn(move || log.sequencer.run(log.state.expect("started"), &mut receiver, &runtime));
    Server { router: router(app.clone(), &front), app, faults }
}

impl Server {
    async fn call(&self, method: Method, path: &str, body: Vec<u8>) -> (StatusCode, HeaderMap, Vec<u8>) {
        let request = Request::builder().method(method).uri(path).body(Body::from(body)).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body");
        (parts.status, parts.headers, body.to_vec())
    }

    async fn get(&self, path: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
        self.call(Method::GET, path, Vec::new()).await
    }

    async fn submit(&self, signed: &SignedStatement) -> Receipt {
        let (status, _, body) = self.post("/api/v1/statements", signed.envelope.to_canonical()).await;
        assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).expect("a receipt")
    }

    async fn post(&self, path: &str, body: Vec<u8>) -> (StatusCode, HeaderMap, Vec<u8>) {
        self.call(Method::POST, path, body).await
    }

    /// A submission that must be refused, and must change nothing.
    async fn refused(&self, body: Vec<u8>) -> Problem {
        let before = self.app.newest.get().expect("published").size;
        let (status, headers, body) = self.post("/api/v1/statements", body).await;
        assert_eq!(headers["content-type"], "application/problem+json");
        let problem: Problem = serde_json::from_slice(&body).expect("a problem document");
        assert_eq!(problem.status, status.as_u16());
        assert!(!problem.next_step.is_empty());
        assert_eq!(self.app.newest.get().expect("published").size, before);
        problem
    }
}

fn trust() -> Trust {
    let text = format!("log {}\nquorum none\n", genesis().log.to_vkey());
    Trust { policy: TrustPolicy::parse(&text).expect("a policy"), genesis: genesis(), max_age: None }
}

#[tokio::test]
async fn submissions_are_idempotent_and_proven() {
    let server = server();
    let release = signed_release("nova", "1.0", "a", "team");
    let receipt = server.submit(&release).await;
    assert_eq!((receipt.index, receipt.status), (2, ReceiptStatus::Logged));
    assert_eq!(receipt.entry, encode_base64(&release.envelope.to_canonical()));
    let file = ProofFile::parse(receipt.proof.as_bytes()).expect("a proof file");
    let open = trust().open(file.checkpoint.as_bytes(), 0).expect("a checkpoint");
    let facts = check_proof_file(&genesis(), &open, &file).expect("a good proof");
    assert_eq!(facts.releases.len(), 1);
    server.submit(&signed_release("nova", "2.0", "a", "team")).await;
    // Another spelling of the same envelope is the same statement.
    let mut spaced = release.envelope.to_canonical();
    spaced.extend_from_slice(b" \n");
    let (status, _, body) = server.post("/api/v1/statements", spaced).await;
    let again: Receipt = serde_json::from_slice(&body).expect("a receipt");
    assert_eq!((status, again.index, again.status), (StatusCode::OK, 2, ReceiptStatus::AlreadyLogged));
}

#[tokio::test]
async fn each_refusal_has_its_status_and_kind() {
    let server = server();
    server.submit(&signed_release("nova", "1.0", "a", "team")).await;
    let bytes = |signed: SignedStatement| signed.envelope.to_canonical();
    let good = String::from_utf8(bytes(signed_release("nova", "2.0", "a", "team"))).expect("UTF-8");
    let other = signed_release("nova", "3.0", "a", "team");
    let other_sig = encode_base64(&other.envelope.signatures()[0].signature);
    let own_sig = signed_release("nova", "2.0", "a", "team");
    let own_sig = encode_base64(&own_sig.envelope.signatures()[0].signature);
    let unsigned = signed(other.envelope.payload().to_vec(), &[]);
    for (body, status, kind) in [
        (vec![b' '; log_core::limits::MAX_SUBMISSION_BYTES + 1], 413, "too-large"),
        (Vec::new(), 400, "bad-envelope"),
        (good.replace("payloadType", "type").into_bytes(), 400, "bad-envelope"),
        (good.replace("\"payload\":\"ey", "\"payload\":\"AA").into_bytes(), 400, "bad-statement"),
        (good.replace(&own_sig, &other_sig).into_bytes(), 403, "bad-signature"),
        (bytes(unsigned), 403, "bad-signature"),
        (bytes(signed_release("nova", "2.0", "a", "mallory")), 403, "unknown-key"),
        (bytes(signed_release("oslo-log", "2.0", "a", "team")), 403, "not-for-project"),
        (bytes(signed_release("nova", "1.0", "other bytes", "team")), 409, "conflict"),
        (bytes(signed_policy(policy(), &["root2", "root3"])), 200, ""),
    ] {
        if status == 200 {
            // The first policy again, by other root keys: the same statement.
            let (found, ..) = server.post("/api/v1/statements", body).await;
            assert_eq!(found, StatusCode::OK);
            continue;
        }
        let problem = server.refused(body).await;
        assert_eq!(problem.kind, format!("urn:wheeltap:problem:{kind}"));
        assert_eq!(problem.status, status, "{kind}");
        assert_eq!(problem.earlier.is_some(), kind == "conflict");
    }
}

#[tokio::test]
async fn a_failing_store_is_said_and_survived() {
    let server = server();
    server.submit(&signed_release("nova", "1.0", "a", "team")).await;
    server.faults.arm(0, Fault::Lost);
    let release = signed_release("nova", "2.0", "a", "team");
    let body = release.envelope.to_canonical();
    let (status, headers, _) = server.post("/api/v1/statements", body.clone()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(headers.contains_key("retry-after"));
    // What is published stays true and is answered; statements are refused at once.
    let lookup = br#"{"keys":[{"project":{"name":"nova"}}]}"#.to_vec();
    assert_eq!(server.post("/api/v1/lookup", lookup).await.0, StatusCode::OK);
    let (status, ..) = server.post("/api/v1/statements", body).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    // Nobody has to ask for it, or to start the process again.
    server.faults.disarm();
    for _ in 0..200 {
        if server.app.newest.for_statements().is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.submit(&release).await;
}

#[tokio::test]
async fn lookups_are_proven() {
    let server = server();
    for version in ["1.0", "2.0"] {
        server.submit(&signed_release("nova", version, "a", "team")).await;
    }
    let digest: Hash = sha256("nova-2.0.tar.gz a");
    let request = format!(
        r#"{{"keys":[{{"file":{{"project":"nova","name":"nova-1.0.tar.gz"}}}},{{"digest":{{"sha256":"{}"}}}},{{"project":{{"name":"nova"}}}},{{"project":{{"name":"nova","from":3}}}},{{"file":{{"project":"nova","name":"nova-9.tar.gz"}}}}]}}"#,
        digest.to_hex()
    );
    let request = request.into_bytes();
    let (status, _, body) = server.post("/api/v1/lookup", request.clone()).await;
    assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
    let answer: LookupAnswer = serde_json::from_slice(&body).expect("an answer");
    let indices: Vec<&[u64]> = answer.results.iter().map(|result| result.entries.as_slice()).collect();
    assert_eq!(indices, [&[2][..], &[4], &[2, 4], &[4], &[]]);
    let open = trust().open(answer.checkpoint.as_bytes(), 0).expect("a checkpoint");
    let request: LookupRequest = serde_json::from_slice(&request).expect("a request");
    let facts = check_answer(&genesis(), &open, &request.keys, &answer).expect("a true answer");
    assert!(!facts.complete, "one key asked for a part of its list");
    let mut whole = request.keys.clone();
    whole.remove(3);
    let request = serde_json::to_vec(&LookupRequest { keys: whole.clone() }).expect("JSON");
    let (_, _, body) = server.post("/api/v1/lookup", request).await;
    let answer: LookupAnswer = serde_json::from_slice(&body).expect("an answer");
    let open = trust().open(answer.checkpoint.as_bytes(), 0).expect("a checkpoint");
    let facts = check_answer(&genesis(), &open, &whole, &answer).expect("a true answer");
    assert!(facts.complete, "presence and absence are proven");
    assert_eq!(facts.releases.iter().map(|release| release.index).collect::<Vec<_>>(), [2, 4]);
}

#[tokio::test]
async fn bad_lookups_name_the_problem() {
    let server = server();
    let many = format!(r#"{{"keys":[{}]}}"#, vec![r#"{"project":{"name":"a"}}"#; 1_001].join(","));
    for (body, names) in [
        ("", "EOF"),
        (r#"{"keys":[]}"#, "1 to 1000"),
        (many.as_str(), "1001"),
        (r#"{"keys":[{"project":{"name":"A"}}]}"#, "\"A\""),
        (r#"{"keys":[{"digest":{"sha256":"zz"}}]}"#, "64 lower-case"),
    ] {
        let (status, _, answer) = server.post("/api/v1/lookup", body.as_bytes().to_vec()).await;
        let problem: Problem = serde_json::from_slice(&answer).expect("a problem document");
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(problem.detail.contains(names), "{} should name {names}", problem.detail);
    }
    let (status, ..) = server.post("/api/v1/lookup", vec![b' '; MAX_LOOKUP_BYTES + 1]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn tiles_are_served_as_the_specification_says() {
    let server = server();
    let (status, headers, body) = server.get("/checkpoint").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(headers["cache-control"], "no-cache");
    assert!(body.starts_with(b"log.example\n2\n"));
    for path in ["/tile/0/000.p/2", "/tile/entries/000.p/2"] {
        let (status, headers, _) = server.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert_eq!(headers["content-type"], "application/octet-stream");
        assert_eq!(headers["cache-control"], "public, max-age=604800, immutable");
        assert_eq!(headers["access-control-allow-origin"], "*");
    }
    for path in [
        "/",
        "/tile/0/000",
        "/tile/0/000.p/3",
        "/tile/0/000.p/02",
        "/tile/0/0",
        "/tile/0/000%2ep/2",
        "/tile/0/..%2f..%2fcheckpoint",
        "/tile/entries/../../private/log.key",
        "/private/log.key",
    ] {
        let (status, headers, body) = server.get(path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(headers["cache-control"], "no-store", "{path}");
        let problem: Problem = serde_json::from_slice(&body).expect("a problem document");
        assert!(!problem.next_step.is_empty());
    }
    for (method, path, allowed) in [
        (Method::POST, "/checkpoint", "GET,HEAD"),
        (Method::GET, "/api/v1/lookup", "POST"),
        (Method::POST, "/api/v1/openapi.json", "GET,HEAD"),
    ] {
        let (status, headers, _) = server.call(method, path, Vec::new()).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(headers["allow"], allowed);
    }
}
