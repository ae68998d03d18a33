//! kill -9 of a running log, again and again, while statements stream in: nothing
//! that was acknowledged is lost, and no two checkpoints contradict one another.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use log_core::api::{Receipt, ReceiptStatus};
use log_core::checkpoint::OpenCheckpoint;
use log_core::dsse::Envelope;
use log_core::edge::Edge;
use log_core::hash::{Hash, decode_base64, leaf_hash};
use log_core::history::History;
use log_core::key::{SignerKey, VerifierKey};
use log_core::policy::Roots;
use log_core::proof_file::ProofFile;
use log_core::rules::Genesis;
use log_core::testing::release;
use log_core::tile::entry_bundles;
use log_core::trust_policy::TrustPolicy;
use log_core::verdict::{Trust, check_proof_file};
use log_io::fetch::Http;
use log_io::source::LogSource;

use crate::harness::{Scene, free_port};

const KILLS: u64 = 100;
const SENDERS: u64 = 32;

/// What the senders know.
#[derive(Default)]
struct Seen {
    /// Payload → receipt of everything that was acknowledged.
    receipts: Mutex<BTreeMap<Vec<u8>, Receipt>>,
    stop: AtomicBool,
    next: AtomicU64,
    /// Statements that were committed before a kill and acknowledged after it.
    found_again: AtomicU64,
}

impl Seen {
    fn count(&self) -> usize {
        self.receipts.lock().expect("not poisoned").len()
    }
}

/// Numbers that differ from run to run; `WHEELTAP_SEED` repeats one.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let given = std::env::var("WHEELTAP_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| RandomState::new().build_hasher().finish());
        Self(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % bound
    }
}

#[test]
fn a_hundred_kills_lose_nothing() {
    let scene = Scene::with_log();
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/");
    let server = scene.serve_on("log", port);
    scene.trust(&url);
    scene.ok("wheeltap", &["policy", "submit", "policy.json"]);
    server.kill();

    let key = Arc::new(SignerKey::parse(scene.read("team.key").trim_end()).expect("a key"));
    let seen = Arc::new(Seen::default());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let senders: Vec<_> =
        (0..SENDERS).map(|_| runtime.spawn(send(url.clone(), Arc::clone(&key), Arc::clone(&seen)))).collect();

    let log_key = VerifierKey::parse(scene.read("log.pub").trim_end()).expect("a key");
    let mut checkpoints: Vec<String> = Vec::new();
    let mut random = Random::new();
    eprintln!("WHEELTAP_SEED={}", random.0);
    for kill in 0..KILLS {
        let server = scene.serve_on("log", port);
        checkpoints.push(scene.read("log/public/checkpoint"));
        // Mostly soon after the start, so that kills fall into the recovery and the first
        // rounds; now and then when the stream has run for a while, however slow it is.
        std::thread::sleep(Duration::from_micros(random.below(200_000)));
        if kill % 10 == 9 {
            let enough = seen.count() + 2 * usize::try_from(SENDERS).expect("few");
            for _ in 0..1_000 {
                if seen.count() >= enough {
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            std::thread::sleep(Duration::from_micros(random.below(50_000)));
        }
        server.kill();
        checkpoints.push(scene.read("log/public/checkpoint"));
    }
    seen.stop.store(true, Ordering::Relaxed);
    let server = scene.serve_on("log", port);
    runtime.block_on(async {
        for sender in senders {
            sender.await.expect("a sender ends");
        }
    });
    checkpoints.push(scene.read("log/public/checkpoint"));

    let receipts = seen.receipts.lock().expect("not poisoned");
    let found_again = seen.found_again.load(Ordering::Relaxed);
    eprintln!("{} acknowledged, of which {found_again} only after a kill", receipts.len());
    assert!(receipts.len() > 200, "the stream was too thin: {}", receipts.len());
    assert!(found_again > 0, "no kill fell between commit and answer");

    // The whole log, as the world reads it.
    let root = VerifierKey::parse(scene.read("root.key.pub").trim_end()).expect("a key");
    let genesis = Genesis { log: log_key.clone(), roots: Roots::new(1, vec![root]).expect("one root") };
    let (entries, history) = runtime.block_on(read(&url, &genesis));
    let newest = OpenCheckpoint::open(checkpoints.last().expect("one").as_bytes(), &log_key).expect("signed");
    assert_eq!((history.size(), history.root()), (newest.size(), newest.root()));

    let mut edge = Edge::new();
    let mut roots: Vec<Hash> = vec![edge.root()];
    for entry in &entries {
        edge.push(leaf_hash(entry));
        roots.push(edge.root());
    }
    let text = format!("log {}\nquorum none\n", log_key.to_vkey());
    let trust = Trust { policy: TrustPolicy::parse(&text).expect("a policy"), genesis, max_age: None };
    for (payload, receipt) in receipts.iter() {
        let index = usize::try_from(receipt.index).expect("small");
        let entry = decode_base64(&receipt.entry).expect("base64");
        assert_eq!(entries[index], entry, "entry {index} is another one now");
        assert_eq!(Envelope::parse_canonical(&entry).expect("an envelope").payload(), payload);
        let proof = ProofFile::parse(receipt.proof.as_bytes()).expect("a proof");
        let open = trust.open(proof.checkpoint.as_bytes(), 0).expect("signed");
        check_proof_file(&trust.genesis, &open, &proof).expect("the receipt verifies");
        checkpoints.push(proof.checkpoint);
    }
    // All trees ever signed are sizes of one tree, so each is consistent with each.
    let mut last = 0;
    for (i, checkpoint) in checkpoints.iter().enumerate() {
        let open = OpenCheckpoint::open(checkpoint.as_bytes(), &log_key).expect("signed");
        assert_eq!(open.root(), roots[usize::try_from(open.size()).expect("small")], "{checkpoint}");
        if i < usize::try_from(2 * KILLS).expect("small") {
            assert!(open.size() >= last, "the published checkpoint went back");
            last = open.size();
        }
    }
    server.kill();
}

/// Sends new statements, one after the other, each until it is acknowledged.
async fn send(url: String, key: Arc<SignerKey>, seen: Arc<Seen>) {
    let http = Http::new("test").expect("a client");
    let statements = format!("{url}api/v1/statements");
    while !seen.stop.load(Ordering::Relaxed) {
        let number = seen.next.fetch_add(1, Ordering::Relaxed);
        let mut envelope = Envelope::unsigned(release("nova", &format!("{number}.0"), "a").to_payload());
        envelope.sign(&key);
        let mut tries = 0;
        let receipt = loop {
            match http.post(&statements, envelope.to_canonical(), 1 << 20).await {
                Ok((_, body)) => break serde_json::from_slice::<Receipt>(&body).expect("a receipt"),
                Err(error) => {
                    assert!(error.status().is_none_or(|status| status.as_u16() == 503), "{error}");
                    tries += 1;
                    assert!(tries < 200, "the log does not come back: {error}");
                }
            }
        };
        if receipt.status == ReceiptStatus::AlreadyLogged {
            seen.found_again.fetch_add(1, Ordering::Relaxed);
        }
        seen.receipts.lock().expect("not poisoned").insert(envelope.payload().to_vec(), receipt);
    }
}

async fn read(url: &str, genesis: &Genesis) -> (Vec<Vec<u8>>, History) {
    let source = LogSource::new(Http::new("test").expect("a client"), url).expect("a URL");
    let checkpoint = source.checkpoint().await.expect("a checkpoint");
    let open = OpenCheckpoint::open(&checkpoint, &genesis.log).expect("signed");
    let mut history = History::new(genesis.clone());
    let mut entries = Vec::new();
    for bundle in entry_bundles(open.size()) {
        for entry in source.entries(bundle).await.expect("a bundle") {
            history.push(&entry).expect("an honest log");
            entries.push(entry);
        }
    }
    (entries, history)
}
