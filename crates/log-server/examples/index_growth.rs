//! Grows the on-disk index and prints what it costs at each size.
//!
//! ```text
//! cargo run --release -p log-server --example index_growth -- DIRECTORY [ENTRIES] [--look-up]
//! ```
//!
//! An entry has three map keys of its own and that of its project, and five other keys.
//! Rounds have 4,096 entries. With `--look-up` each entry's own keys are looked up first, as the log
//! does to find duplicates. The directory must be empty, and is left as it is.

#![expect(clippy::cast_precision_loss, reason = "the numbers are for people")]

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use log_core::hash::{Hash, digest};
use log_io::outcome::print;
use log_server::index::{EntryKeys, Family, IndexStore, Mark};

const ROUND: u64 = 4_096;
const DEFAULT_ENTRIES: u64 = 1_000_000;
const PROOFS: u64 = 300;

/// A quarter of the entries are of a few projects, the others of many.
const HOT_PROJECTS: u64 = 16;
const PROJECTS: u64 = 100_000;

#[expect(clippy::disallowed_methods, reason = "a tool that measures")]
fn now() -> Instant {
    Instant::now()
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().context("the first argument is an empty directory")?;
    let rest: Vec<String> = arguments.collect();
    let look_up = rest.iter().any(|argument| argument == "--look-up");
    let entries = rest.iter().find_map(|argument| argument.parse().ok()).unwrap_or(DEFAULT_ENTRIES);
    let directory = Path::new(&directory);

    let mut store = IndexStore::open(directory, "growth")?;
    if store.mark() != Mark::EMPTY {
        bail!("the directory has an index already");
    }
    let mut size = 0;
    let mut report = 100_000;
    let (mut began, mut cpu, mut from, mut slowest) = (now(), cpu_seconds()?, 0, 0);
    print("    entries  entries/s  CPU µs/entry  slowest round ms  RSS MB  disk B/record  ms for 300 proofs");
    while size < entries {
        let round: Vec<EntryKeys> = (size..size + ROUND).map(entry).collect();
        let round_began = now();
        if look_up {
            for entry in &round {
                for (family, key) in
                    [(Family::Map, entry.map[0]), (Family::Map, entry.map[1]), (Family::Aux, entry.aux[0])]
                {
                    ensure!(store.list_newest(family, &key, 1)?.is_empty(), "a key that was not added");
                }
            }
        }
        store.apply(&round)?;
        size += ROUND + 1;
        store.settle(mark(size))?;
        slowest = slowest.max(round_began.elapsed().as_millis());
        if size >= report {
            let elapsed = began.elapsed().as_secs_f64();
            let cpu_micros = (cpu_seconds()? - cpu) * 1e6 / (size - from) as f64;
            let rate = (size - from) as f64 / elapsed;
            let proofs = proof_millis(&store, size)?;
            print(format!(
                "{size:>11} {rate:>10.0} {cpu_micros:>13.1} {slowest:>17} {:>7} {:>14.1} {proofs:>18.1}",
                memory_bytes()? >> 20,
                disk_bytes(directory)? as f64 / (9 * size) as f64,
            ));
            report = if report < 1_000_000 { 1_000_000 } else { report + 1_000_000 };
            (began, cpu, from, slowest) = (now(), cpu_seconds()?, size, 0);
        }
    }
    let began = now();
    store.flush_now()?;
    print(format!("flushed in {:.1} s", began.elapsed().as_secs_f64()));
    let (mark, root) = (store.mark(), store.map_root());
    drop(store);
    print(format!("disk: {:.1} bytes a record", disk_bytes(directory)? as f64 / (9 * size) as f64));
    let began = now();
    let store = IndexStore::open(directory, "growth")?;
    print(format!("opened in {:.2} s", began.elapsed().as_secs_f64()));
    ensure!((store.mark(), store.map_root()) == (mark, root), "it is not what was written");
    print(format!(
        "{:.1} ms for {PROOFS} proofs; RSS {} MB",
        proof_millis(&store, size)?,
        memory_bytes()? >> 20
    ));
    Ok(())
}

fn entry(index: u64) -> EntryKeys {
    let key = |n: u8| digest(&[&index.to_be_bytes(), &[n]]);
    let random = u64::from_be_bytes(*key(0).as_bytes().first_chunk().unwrap_or(&[0; 8]));
    let projects = if random.is_multiple_of(4) { HOT_PROJECTS } else { PROJECTS };
    let project = digest(&[b"project", &(random / 4 % projects).to_be_bytes()]);
    EntryKeys {
        index,
        map: vec![key(1), key(2), key(3), project],
        aux: vec![key(4), key(5), key(6), key(7), key(8)],
    }
}

fn mark(size: u64) -> Mark {
    Mark { size, root: digest(&[&size.to_be_bytes()]) }
}

fn proof_millis(store: &IndexStore, size: u64) -> anyhow::Result<f64> {
    let some = |n: u64| {
        digest(&[&n.to_be_bytes(), b"some"]).as_bytes().first_chunk().copied().map_or(0, u64::from_be_bytes)
    };
    let keys: Vec<Hash> = (0..PROOFS).map(|n| entry(some(n) % size).map[(n % 4) as usize]).collect();
    let began = now();
    let proven = store.reader().prove(&keys)?;
    let millis = began.elapsed().as_secs_f64() * 1e3;
    ensure!(proven.proofs.len() == keys.len(), "a proof is missing");
    Ok(millis)
}

/// The memory of this process.
fn memory_bytes() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? << 10)
}

/// The time of all threads of this process.
fn cpu_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(") ").context("the name's end")?;
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / 100.0)
}

fn disk_bytes(directory: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for part in ["map", "aux", "levels"] {
        for file in std::fs::read_dir(directory.join(part))? {
            // A file may be deleted meanwhile.
            bytes += file?.metadata().map_or(0, |metadata| metadata.len());
        }
    }
    Ok(bytes)
}
