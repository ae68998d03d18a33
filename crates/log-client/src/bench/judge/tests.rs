//! An honest log's answers, and every way in which they could be wrong.

use log_core::api::{LookupKey, Receipt, ReceiptStatus};
use log_core::entry::SignedStatement;
use log_core::hash::{EMPTY_ROOT, encode_base64};
use log_core::policy::Roots;
use log_core::testing::{SmallLog, genesis, key, policy, public, signed_policy};
use log_io::fetch::Http;
use log_io::trust_file::TrustedLog;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::drive::Sent;
use super::super::plan::{self, Appends};
use super::super::statements::{Random, Statements};
use super::*;

/// Statements 0, 1 and 2 are the entries 1, 2 and 3.
struct World {
    statements: Statements,
    log: SmallLog,
    judge: Judge,
    _state: TempDir,
}

impl World {
    fn new() -> Self {
        let statements = Statements::new(key("oslo"), "oslo-bench", 7, 2).expect("a prefix");
        let signed = |number| {
            let envelope =
                log_core::dsse::Envelope::parse(&statements.envelope(number)).expect("an envelope");
            SignedStatement::new(envelope).expect("a statement")
        };
        let log =
            SmallLog::with(&[signed_policy(policy(), &["root1", "root2"]), signed(0), signed(1), signed(2)]);
        let Roots { threshold, keys } = genesis().roots;
        let roots = Roots::new(threshold, keys).expect("roots");
        let trust =
            TrustedLog::to_text("http://127.0.0.1:1/", &public("log.example"), &roots).expect("a text");
        let state = tempfile::tempdir().expect("a directory");
        let trust = TrustedLog::parse(&trust).expect("a trust file");
        let session = Session::new(Http::new("test").expect("a client"), trust, state.path());
        Self { statements, log, judge: Judge::new(session.expect("a session")), _state: state }
    }

    /// What becomes of an answer to the first request of the plan.
    fn judge(&mut self, plan: &[Request], status: u16, body: Vec<u8>) -> Result<Vec<Said>, Distrust> {
        let answer = Ok(Answer { status, body });
        let said = self.judge.one(plan, &Sent { request: 0, latency: std::time::Duration::ZERO, answer })?;
        self.judge.indices.check(&said).map_err(Distrust::Malformed).map(|()| said)
    }

    fn receipt(&self, index: u64, status: ReceiptStatus) -> Receipt {
        let entry = encode_base64(&self.log.proven(index).entry);
        Receipt { index, status, entry, proof: self.log.proof_file(index).to_string() }
    }

    fn line(&self, index: u64, status: &str) -> Value {
        let proof = self.log.proven(index).proof;
        let proof: Vec<String> = proof.iter().map(|hash| hash.to_base64()).collect();
        json!({"logged": {"index": index, "status": status, "proof": proof}})
    }

    fn end(&self) -> Value {
        json!({"checkpoint": self.log.checkpoint(), "basis": self.log.basis(&[])})
    }

    fn requests(&self, batch: usize) -> Vec<Request> {
        let which = Appends { first: 0, count: 3, duplicates: 0, batch };
        plan::appends(&self.statements, which, &mut Random(0)).0
    }
}

type Damage = fn(&mut Vec<Value>);

fn lines(values: &[Value]) -> Vec<u8> {
    let mut lines = values.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    lines.push('\n');
    lines.into_bytes()
}

fn logged(statement: u64, again: bool) -> Said {
    Said::Logged { statement, index: statement + 1, again }
}

#[test]
fn receipts() {
    let mut world = World::new();
    let plan = world.requests(1);
    let good = world.receipt(1, ReceiptStatus::Logged);
    let json = |receipt: &Receipt| serde_json::to_vec(receipt).expect("JSON");
    assert_eq!(world.judge(&plan, 200, json(&good)), Ok(vec![logged(0, false)]));
    let again = Receipt { status: ReceiptStatus::AlreadyLogged, ..good.clone() };
    assert_eq!(world.judge(&plan, 200, json(&again)), Ok(vec![logged(0, true)]));

    let other = world.receipt(2, ReceiptStatus::AlreadyLogged);
    let damaged = good.proof.replace(&world.log.proven(1).proof[0].to_base64(), &EMPTY_ROOT.to_base64());
    for (bad, what) in [
        (good.clone(), "new for a second time"),
        (other.clone(), "another statement"),
        (Receipt { index: 2, ..again.clone() }, "another index"),
        (Receipt { entry: other.entry, ..again.clone() }, "another entry"),
        (Receipt { proof: other.proof, ..again.clone() }, "another proof"),
        (Receipt { proof: damaged, ..again.clone() }, "a damaged proof"),
        (
            Receipt { proof: again.proof.replace("log.example", "lag.example"), ..again.clone() },
            "another log",
        ),
    ] {
        assert!(world.judge(&plan, 200, json(&bad)).is_err(), "{what}");
    }
    assert!(world.judge(&plan, 200, b"{}".to_vec()).is_err());
    let problem =
        br#"{"type":"urn:wheeltap:problem:busy","title":"","status":503,"detail":"","next_step":""}"#;
    assert_eq!(world.judge(&plan, 503, problem.to_vec()), Ok(vec![Said::Not("busy".into())]));
    assert_eq!(world.judge(&plan, 502, Vec::new()), Ok(vec![Said::Not("status-502".into())]));
    let committed = br#"{"index":1}"#;
    assert_eq!(
        world.judge(&plan, 202, committed.to_vec()),
        Ok(vec![Said::Committed { statement: 0, index: 1 }])
    );
    assert!(world.judge(&plan, 202, br#"{"index":9}"#.to_vec()).is_err());
}

#[test]
fn batches() {
    let new = || {
        let world = World::new();
        let plan = world.requests(3);
        let body = vec![
            world.line(1, "logged"),
            world.line(2, "already-logged"),
            world.line(3, "logged"),
            world.end(),
        ];
        (world, plan, body)
    };
    let (mut world, plan, body) = new();
    let said = world.judge(&plan, 200, lines(&body));
    assert_eq!(said, Ok(vec![logged(0, false), logged(1, true), logged(2, false)]));

    let problem = json!({"problem": {"type": "urn:wheeltap:problem:conflict", "title": "", "status": 409, "detail": "", "next_step": ""}});
    let (mut world, plan, mut body) = new();
    body[1] = problem;
    body[2] = json!({"committed": {"index": 3}});
    let said = world.judge(&plan, 200, lines(&body));
    let committed = Said::Committed { statement: 2, index: 3 };
    assert_eq!(said, Ok(vec![logged(0, false), Said::Not("conflict".into()), committed]));

    let damages: [(&str, Damage); 8] = [
        ("in another order", |body| body.swap(0, 2)),
        ("one index for two", |body| body[1]["logged"]["index"] = json!(1)),
        ("no proof", |body| body[0]["logged"]["proof"] = json!([])),
        ("another entry", |body| body[0]["logged"]["entry"] = json!(encode_base64(b"x"))),
        ("a line is missing", |body| drop(body.remove(1))),
        ("no checkpoint", |body| body[3]["checkpoint"] = json!("")),
        ("no policy", |body| body[3]["basis"]["policies"] = json!([])),
        ("a commitment with a bad proof", |body| body[3]["basis"]["commitment"]["proof"] = json!([])),
    ];
    for (what, damage) in damages {
        let (mut world, plan, mut body) = new();
        damage(&mut body);
        assert!(world.judge(&plan, 200, lines(&body)).is_err(), "{what}");
    }
}

#[test]
fn lookups() {
    let mut world = World::new();
    let plan = world.requests(1);
    let receipt = serde_json::to_vec(&world.receipt(1, ReceiptStatus::Logged)).expect("JSON");
    world.judge(&plan, 200, receipt).expect("a receipt");
    let key = |statement, statements: &[u64]| {
        let name = world.statements.project(world.statements.project_of(statement));
        Asked { key: LookupKey::Project { name, from: 0 }, statements: statements.to_vec() }
    };
    let (there, unexpected, absent) = (
        key(0, &[0]),
        key(1, &[]),
        Asked { key: LookupKey::Project { name: world.statements.project(9), from: 0 }, statements: vec![] },
    );
    let plan = |asked: &[Asked]| {
        let message = Message { path: String::new(), body: None };
        vec![Request { ask: Ask::Lookup(asked.to_vec()), message }]
    };
    let answer = |log: &SmallLog, asked: &[Asked]| {
        let keys: Vec<LookupKey> = asked.iter().map(|asked| asked.key.clone()).collect();
        log.answer(&keys)
    };
    let json = |answer: &LookupAnswer| serde_json::to_vec(answer).expect("JSON");

    let asked = [there.clone(), absent.clone()];
    let good = answer(&world.log, &asked);
    assert_eq!(world.judge(&plan(&asked), 200, json(&good)), Ok(vec![Said::Found(2)]));
    // Of a project that nothing should be known about, something is.
    let asked = [unexpected];
    let extra = answer(&world.log, &asked);
    assert!(world.judge(&plan(&asked), 200, json(&extra)).is_err());
    // An honest log that has lost what was logged before.
    let lost = SmallLog::with(&[signed_policy(policy(), &["root1", "root2"])]);
    let asked = [there];
    let less = answer(&lost, &asked);
    assert!(world.judge(&plan(&asked), 200, json(&less)).is_err());
    // An answer that is not whole.
    let mut cut = answer(&world.log, &asked);
    cut.results[0].entries.clear();
    assert!(world.judge(&plan(&asked), 200, json(&cut)).is_err());
}

#[test]
fn tiles_and_checkpoints() {
    let mut world = World::new();
    let tile = log_core::tile::TileId::parse("tile/0/000.p/5").expect("a path");
    let other = tile.full();
    world.judge.know_tiles([(tile, digest(&[b"right"]))].into());
    let plan = plan::tiles(1, &[tile], &mut Random(0));
    assert_eq!(world.judge(&plan, 200, b"right".to_vec()), Ok(vec![Said::Found(1)]));
    assert!(world.judge(&plan, 200, b"wrong".to_vec()).is_err());
    assert!(world.judge(&plan::tiles(1, &[other], &mut Random(0)), 200, b"right".to_vec()).is_err());
    let plan = [plan::checkpoint()];
    let checkpoint = world.log.checkpoint();
    assert_eq!(world.judge(&plan, 200, checkpoint.clone().into_bytes()), Ok(vec![Said::Found(1)]));
    assert!(world.judge(&plan, 200, checkpoint.replace("\n5\n", "\n6\n").into_bytes()).is_err());
}
