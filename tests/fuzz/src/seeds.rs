//! Good inputs for every target, from which the fuzzer starts.

use log_core::api::{
    BatchEnd, BatchLine, BatchReceipt, Committed, EntryJson, LookupRequest, Problem, Receipt, ReceiptStatus,
};
use log_core::bundle::push_entry;
use log_core::evidence::Evidence;
use log_core::hash::{EMPTY_ROOT, encode_base64};
use log_core::note::Note;
use log_core::policy::Policy;
use log_core::testing::{key, policy, public, release};
use log_core::witness_api::AddCheckpoint;
use serde::Serialize;

use super::world::{WORLD, trust_policy};

/// The seeds of a target.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let all = [
        of_names(target),
        of_what_is_signed(target),
        of_what_is_proven(target),
        of_files(target),
        of_what_is_wanted(target),
    ];
    all.concat()
}

fn of_names(target: &str) -> Vec<Vec<u8>> {
    match target {
        "artifact" => texts(&[
            "oslo.config",
            "9.6.0",
            "1!2.0rc1.post3.dev4+local.1",
            "v1.0-1",
            "nova-27.0.0.tar.gz",
            "oslo.config-9.6.0-1-py2.py3-none-any.whl",
            "a-1-py3-none-any.whl.metadata",
            "foo-1-2.zip",
            "foo-1.0-1.win32-py2.7.exe",
            "foo-1.0_1-py2.7.egg",
        ]),
        "key" => vec![
            public("log.example").to_vkey().into_bytes(),
            key("w.example").cosigner().to_vkey().into_bytes(),
            key("a").to_skey().into_bytes(),
        ],
        "tile-path" => {
            texts(&["tile/0/x001/x234/067.p/7", "tile/entries/000", "tile/63/999", "tile/1/000.p/255"])
        }
        "doctor" => super::around::seeds(),
        _ => Vec::new(),
    }
}

fn of_what_is_signed(target: &str) -> Vec<Vec<u8>> {
    let world = &*WORLD;
    let entries = world.log.entries();
    match target {
        "envelope" => {
            let mut all = entries.to_vec();
            all.pop();
            let spaced = String::from_utf8(all[1].clone()).expect("UTF-8").replace(',', " ,\n");
            all.push(spaced.into_bytes());
            all
        }
        "statement" => {
            let payloads = world.signed.iter().map(|signed| signed.envelope.payload().to_vec());
            let sourced = release("a", "1!2.0+x", "a").to_payload();
            payloads.chain([sourced]).collect()
        }
        "entry" => entries.to_vec(),
        "policy" => vec![json(&policy().to_document()), json(&long_policy().to_document())],
        "note" | "checkpoint" => vec![
            world.note.clone().into_bytes(),
            world.log.checkpoint().into_bytes(),
            Note::parse(world.note.as_bytes()).expect("a note").text().as_bytes().to_vec(),
        ],
        "cosignature" => {
            let note = Note::parse(world.note.as_bytes()).expect("a note");
            let line = note.signatures().last().expect("the witness's").to_string();
            let (_, blob) = line.trim_end().rsplit_once(' ').expect("a line");
            vec![log_core::hash::decode_base64(blob).expect("base64")[4..].to_vec()]
        }
        "trust-policy" => {
            let text = trust_policy();
            let none = text.replace("quorum g", "# no quorum\nquorum none");
            vec![text.into_bytes(), none.into_bytes()]
        }
        "witness" => {
            let proof = world.log.consistency(3);
            let request = AddCheckpoint { old: 3, proof, checkpoint: world.note.clone() };
            let (_, lines) = world.note.split_once("\n\n").expect("signatures");
            vec![request.encode(), lines.as_bytes().to_vec(), b"7\n".to_vec()]
        }
        _ => Vec::new(),
    }
}

fn of_what_is_proven(target: &str) -> Vec<Vec<u8>> {
    let world = &*WORLD;
    let entries = world.log.entries();
    match target {
        "inclusion" => {
            (0..6).map(|index| proof(&[index, index], &world.log.proven(index.into()).proof)).collect()
        }
        "consistency" => {
            let of = |old: u8| {
                let mut edge = log_core::edge::Edge::new();
                world.leaves().into_iter().take(old.into()).for_each(|leaf| drop(edge.push(leaf)));
                let proof_hashes = world.log.consistency(old.into());
                proof(&[old], &[&[edge.root()], proof_hashes.as_slice()].concat())
            };
            (1..6).map(of).collect()
        }
        "map-proof" => {
            let results = (0u8..).zip(&world.answer.results);
            results.filter_map(|(at, result)| Some([vec![at], json(result.map.as_ref()?)].concat())).collect()
        }
        "basis" => vec![json(&world.log.basis(&[]))],
        "proof-file" => {
            let mut file = world.log.proof_file(1);
            file.checkpoint.clone_from(&world.note);
            let extra = file.extra.clone().expect("Wheeltap's");
            vec![file.to_string().into_bytes(), extra]
        }
        "lookup-request" => vec![json(&LookupRequest { keys: world.keys.clone() })],
        "lookup-answer" => vec![json(&world.answer)],
        "receipt" => receipts(),
        "evidence" => evidence(),
        "history" => vec![framed(entries), framed(&entries[..2])],
        _ => Vec::new(),
    }
}

fn of_what_is_wanted(target: &str) -> Vec<Vec<u8>> {
    let nova = &release("nova", "1.1", "a").files;
    let (name, hash) = (nova[0].name.as_str(), nova[0].sha256.to_hex());
    match target {
        "requirements" => vec![
            format!("nova[a]===1.1 ; python_version > '3' \\\n  --hash=sha256:{hash}  # why\n-r more.txt\n-e .\n--pre\n")
                .into_bytes(),
            format!("nova @ https://f.example/{name}#sha256={hash}\nabsent (==1.0)\n./x.zip\n").into_bytes(),
            include_bytes!("../../../crates/log-client/src/locks/fixtures/requirements.txt").to_vec(),
        ],
        "lock" => {
            let uv = format!(
                "version = 1\n[[package]]\nname = \"nova\"\nversion = \"1.1\"\nsource = {{ registry = \"https://i.example\" }}\n\
                 sdist = {{ url = \"https://f.example/{name}\", hash = \"sha256:{hash}\" }}\n"
            );
            vec![
                uv.into_bytes(),
                include_bytes!("../../../crates/log-client/src/locks/fixtures/uv.lock").to_vec(),
                include_bytes!("../../../crates/log-client/src/locks/fixtures/poetry.lock").to_vec(),
                include_bytes!("../../../crates/log-client/src/locks/fixtures/pdm.lock").to_vec(),
                include_bytes!("../../../crates/log-client/src/locks/fixtures/pdm.static.lock").to_vec(),
                include_bytes!("../../../crates/log-client/src/locks/fixtures/pylock.uv.toml").to_vec(),
                include_bytes!("../../../crates/log-client/src/locks/fixtures/Pipfile.lock").to_vec(),
                include_bytes!("../../../crates/log-client/src/locks/fixtures/report.json").to_vec(),
                b"\"a,b\".py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\nx-1.dist-info/RECORD,,\n".to_vec(),
            ]
        }
        "saved-proofs" => vec![super::wanted::honest_proofs()],
        _ => Vec::new(),
    }
}

fn of_files(target: &str) -> Vec<Vec<u8>> {
    let world = &*WORLD;
    let (size, entries) = (world.log.size(), world.log.entries());
    match target {
        "bundle" => vec![[vec![6], framed(entries)].concat(), vec![0], vec![1, 0, 0]],
        "commitment" => vec![entries[usize::try_from(size).expect("small") - 1].clone()],
        "page" => texts(&[PAGE]),
        "trust-file" => {
            let (policy, root) = (trust_policy(), public("root1").to_vkey());
            let text = format!(
                "[[log]]\nurl = \"https://log.example/\"\npolicy = \"\"\"\n{policy}\"\"\"\nroots = [\"{root}\"]\nthreshold = 1\nmax_age = 86400\n"
            );
            vec![text.into_bytes()]
        }
        "head" => vec![
            format!("wheeltap/head@v1\n{size}\n{}\n7-x\n", world.log.root().to_base64()).into_bytes(),
            format!("wheeltap/head@v1\n0\n{}\n-\n", EMPTY_ROOT.to_base64()).into_bytes(),
        ],
        "staging" => vec![[b"wheeltap/staging@v1\n7\n6\n".to_vec(), framed(entries)].concat()],
        _ => Vec::new(),
    }
}

const PAGE: &str = r#"{"meta":{"api-version":"1.1"},"name":"nova","versions":["1.0"],"files":[
{"filename":"nova-1.0.tar.gz","url":"../nova-1.0.tar.gz","hashes":{"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},"size":7},
{"filename":"nova-1.0-py3-none-any.whl","url":"a","hashes":{},"core-metadata":{"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},"dist-info-metadata":true,"yanked":"why"}]}"#;

fn long_policy() -> Policy {
    let mut policy = policy();
    policy.version = 2;
    policy.cool_down = 86_400;
    policy.publishers[0].keys[0].until = Some(1_800_000_000);
    policy
}

fn receipts() -> Vec<Vec<u8>> {
    let proven = WORLD.log.proven(1);
    let receipt = Receipt {
        index: 1,
        status: ReceiptStatus::AlreadyLogged,
        entry: encode_base64(&proven.entry),
        proof: WORLD.log.proof_file(1).to_string(),
    };
    let proof = proven.proof.iter().map(|hash| hash.to_base64()).collect();
    let in_batch =
        BatchReceipt { index: 1, status: ReceiptStatus::Logged, entry: Some("AA==".into()), proof };
    let problem = Problem {
        kind: "urn:wheeltap:problem:conflict".into(),
        title: "A title".into(),
        status: 409,
        detail: "a detail".into(),
        next_step: "a next step".into(),
        earlier: Some(receipt.clone()),
    };
    let end = BatchEnd { checkpoint: WORLD.note.clone(), basis: WORLD.log.basis(&[]) };
    vec![
        json(&receipt),
        json(&Committed { index: 7 }),
        json(&BatchLine::Logged(in_batch)),
        json(&BatchLine::Committed(Committed { index: 7 })),
        json(&BatchLine::Problem(Box::new(problem.clone()))),
        json(&problem),
        json(&end),
    ]
}

/// What could be said against the log, if it were true.
fn evidence() -> Vec<Vec<u8>> {
    let json_of = |index| EntryJson::new(&WORLD.log.proven(index));
    let fork = Evidence::fork(WORLD.note.clone(), WORLD.note.clone(), WORLD.log.root(), &[]);
    let rule = Evidence::BrokenRule {
        checkpoint: WORLD.note.clone(),
        basis: WORLD.log.basis(&[]),
        entries: vec![json_of(1), json_of(2), json_of(3)],
    };
    let history = Evidence::BrokenHistory {
        checkpoint: WORLD.note.clone(),
        entries: WORLD.log.entries().iter().map(|entry| encode_base64(entry)).collect(),
    };
    let rollback = Evidence::Rollback {
        witness: key("w.example").cosigner().to_vkey(),
        larger: WORLD.note.clone(),
        smaller: WORLD.note.clone(),
    };
    vec![json(&fork), json(&rule), json(&history), json(&rollback)]
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("JSON")
}

fn framed(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        push_entry(&mut bytes, entry);
    }
    bytes
}

fn proof(head: &[u8], hashes: &[log_core::hash::Hash]) -> Vec<u8> {
    let mut bytes = head.to_vec();
    for hash in hashes {
        bytes.extend_from_slice(hash.as_bytes());
    }
    bytes
}
