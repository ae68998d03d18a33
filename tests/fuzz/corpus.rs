//! The fuzz targets on their seeds, and on every input that was once a bug: an ordinary
//! test, without a fuzzer.
//!
//! After a change of the formats: `WHEELTAP_BLESS=1 cargo test --test fuzz`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

#[allow(unreachable_pub, reason = "for the fuzzer it is a library")]
#[path = "src/lib.rs"]
mod targets;

use targets::{TARGETS, seeds, target};

#[test]
fn the_seeds_are_good_inputs_of_today() {
    let bless = std::env::var_os("WHEELTAP_BLESS").is_some();
    let directory = fuzz().join("seeds");
    if bless {
        let _ = fs::remove_dir_all(&directory);
    }
    let mut expected = BTreeMap::new();
    for (name, _) in TARGETS {
        let seeds = seeds::seeds(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for (number, seed) in seeds.into_iter().enumerate() {
            expected.insert(directory.join(name).join(number.to_string()), seed);
        }
    }
    if bless {
        for (path, seed) in &expected {
            fs::create_dir_all(path.parent().expect("a target's")).expect("a directory");
            fs::write(path, seed).expect("written");
        }
    }
    let found: BTreeMap<PathBuf, Vec<u8>> =
        files(&directory).into_iter().map(|path| (path.clone(), fs::read(path).expect("a file"))).collect();
    let bytes: usize = found.values().map(Vec::len).sum();
    assert!(bytes < 200_000, "the seeds have {bytes} bytes");
    let names = |seeds: &BTreeMap<PathBuf, Vec<u8>>| seeds.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected), "WHEELTAP_BLESS=1 writes them again");
    assert!(found == expected, "the seeds are of other formats; WHEELTAP_BLESS=1 writes them again");
}

#[test]
fn every_target_takes_its_seeds_and_old_bugs() {
    for directory in ["seeds", "regressions"] {
        for path in files(&fuzz().join(directory)) {
            let name =
                path.parent().and_then(Path::file_name).and_then(|name| name.to_str()).expect("a target");
            let target = target(name).unwrap_or_else(|| panic!("{} is of no target", path.display()));
            let bytes = fs::read(&path).expect("a file");
            println!("{}", path.display());
            target(&bytes);
            // And every beginning of it, and it with each byte gone, when there are not many.
            let step = (bytes.len() / 200).max(1);
            for at in (0..bytes.len()).step_by(step) {
                target(&bytes[..at]);
                target(&[&bytes[..at], &bytes[at + 1..]].concat());
            }
        }
    }
}

/// The honest inputs are not refused: a target that returns early tests nothing.
#[test]
fn the_world_is_honest() {
    let world = &*targets::world::WORLD;
    assert!(world.says(&world.facts) && world.says(&world.all));
    assert!(world.facts.complete && world.all.complete);
    assert_eq!((world.all.releases.len(), world.all.withdrawals.len()), (3, 1));
    let file = log_core::proof_file::ProofFile::parse(&seeds::seeds("proof-file")[0]).expect("a proof file");
    let checkpoint = world.trust.open(file.checkpoint.as_bytes()).expect("a checkpoint");
    log_core::verdict::check_proof_file(&world.genesis, &checkpoint, &file).expect("an honest proof");
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz")
}

/// All files of all targets below a directory; none when there is no such directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = |directory: &Path| {
        let entries = fs::read_dir(directory).into_iter().flatten();
        entries.map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>()
    };
    let mut files: Vec<PathBuf> = entries(directory).iter().flat_map(|target| entries(target)).collect();
    files.sort();
    files
}
