//! What is sent: requests, with what is needed to judge their answers.
//!
//! All is made, and all statements are signed, before the clock starts.

use std::sync::Arc;

use hyper::body::Bytes;
use log_core::api::{JSON_LINES, LOOKUP_PATH, LookupKey, LookupRequest, STATEMENTS_PATH};
use log_core::statement::{Release, ReleaseFile};
use log_core::tile::TileId;

use super::batch;
use super::http::Message;
use super::measure::{Cost, cost};
use super::parallel;
use super::statements::{Random, Statements};

/// Statements from this number on are never logged.
const NEVER_LOGGED: u64 = 1 << 40;

/// Requests, and what making them took.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The requests.
    pub(crate) requests: Arc<[Request]>,
    /// What it took to make and sign them.
    pub(crate) cost: Cost,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// What is asked for.
    pub(crate) ask: Ask,
    /// What is sent.
    pub(crate) message: Message,
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    /// To log the statement with this number.
    Append(u64),
    /// To log several at once.
    Batch(Vec<u64>),
    /// What is logged about some keys.
    Lookup(Vec<Asked>),
    /// A tile or entry bundle.
    Tile(TileId),
    /// The newest checkpoint.
    Checkpoint,
}

/// A key of a look-up, and what must be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The key.
    pub(crate) key: LookupKey,
    /// The numbers of statements that are logged about it.
    pub(crate) statements: Vec<u64>,
}

impl Ask {
    /// Whether it sends statements.
    pub(crate) fn appends(&self) -> bool {
        matches!(self, Self::Append(_) | Self::Batch(_))
    }

    /// How many things are asked for, each with an answer of its own.
    pub(crate) fn answers(&self) -> usize {
        match self {
            Self::Batch(statements) => statements.len(),
            Self::Append(_) | Self::Lookup(_) | Self::Tile(_) | Self::Checkpoint => 1,
        }
    }
}

/// Which statements are appended, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Appends {
    /// The first new number.
    pub(crate) first: u64,
    /// How many are sent, duplicates included.
    pub(crate) count: u64,
    /// How many of 100 are sent again, not for the first time.
    pub(crate) duplicates: u64,
    /// How many there are in one request; 1 is a request for each.
    pub(crate) batch: usize,
}

/// Which keys are looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lookups {
    /// Requests.
    pub(crate) count: u64,
    /// Keys in each.
    pub(crate) keys: usize,
    /// Statements below this number are logged.
    pub(crate) logged: u64,
}

/// A plan of what `make` makes.
pub(crate) fn plan(make: impl FnOnce() -> Vec<Request>) -> Plan {
    let (requests, cost) = cost(make);
    Plan { requests: requests.into(), cost }
}

/// Requests that append, and the number of statements that are new.
pub(crate) fn appends(statements: &Statements, which: Appends, random: &mut Random) -> (Vec<Request>, u64) {
    let mut new = 0;
    let mut numbers = Vec::new();
    for _ in 0..which.count {
        if new > 0 && random.below(100) < which.duplicates {
            numbers.push(which.first + random.below(new));
        } else {
            numbers.push(which.first + new);
            new += 1;
        }
    }
    let at = |number: u64| usize::try_from(number - which.first).unwrap_or(usize::MAX);
    let sign = |i: usize| Bytes::from(statements.envelope(which.first + i as u64));
    let envelopes = parallel::map(0..at(which.first + new), sign);
    let single = |number: &u64| Request {
        ask: Ask::Append(*number),
        message: post(STATEMENTS_PATH, "application/json", envelopes[at(*number)].clone()),
    };
    let several = |numbers: &[u64]| {
        let lines = numbers.iter().map(|number| &*envelopes[at(*number)]);
        let message = post(STATEMENTS_PATH, JSON_LINES, batch::body(lines));
        Request { ask: Ask::Batch(numbers.to_vec()), message }
    };
    let requests = match which.batch {
        0 | 1 => numbers.iter().map(single).collect(),
        size => numbers.chunks(size).map(several).collect(),
    };
    (requests, new)
}

/// Requests that look up random keys: of 20, fourteen files, two releases and a project
/// that are logged, two files and a project that are not.
pub(crate) fn lookups(statements: &Statements, which: Lookups, random: &mut Random) -> Vec<Request> {
    let request = |_| {
        let asked: Vec<Asked> = (0..which.keys).map(|_| asked(statements, which.logged, random)).collect();
        let keys = asked.iter().map(|asked| asked.key.clone()).collect();
        let body = serde_json::to_vec(&LookupRequest { keys }).unwrap_or_default();
        Request { ask: Ask::Lookup(asked), message: post(LOOKUP_PATH, "application/json", body.into()) }
    };
    (0..which.count).map(request).collect()
}

/// Requests for random ones of these tiles, and for checkpoints.
pub(crate) fn tiles(count: u64, tiles: &[TileId], random: &mut Random) -> Vec<Request> {
    let request = |_| {
        let chosen = usize::try_from(random.below(tiles.len() as u64)).unwrap_or(0);
        match tiles.get(chosen) {
            Some(tile) => get(Ask::Tile(*tile), tile.path()),
            None => get(Ask::Checkpoint, "checkpoint".to_owned()),
        }
    };
    (0..count).map(request).collect()
}

/// A request for the newest checkpoint.
pub(crate) fn checkpoint() -> Request {
    get(Ask::Checkpoint, "checkpoint".to_owned())
}

/// The requests of several plans in one random order, each plan's own kept.
pub(crate) fn mixed(plans: Vec<Vec<Request>>, random: &mut Random) -> Vec<Request> {
    let mut left: u64 = plans.iter().map(|plan| plan.len() as u64).sum();
    let mut plans: Vec<_> = plans.into_iter().map(Vec::into_iter).collect();
    let mut all = Vec::new();
    while left > 0 {
        let mut at = random.below(left);
        let of = plans.iter_mut().find(|plan| {
            let length = plan.len() as u64;
            let here = at < length;
            at = at.saturating_sub(length);
            here
        });
        all.extend(of.and_then(Iterator::next));
        left -= 1;
    }
    all
}

fn asked(statements: &Statements, logged: u64, random: &mut Random) -> Asked {
    let number = random.below(logged);
    let (there, absent) = (statements.release(number), statements.release(number + NEVER_LOGGED));
    let file = |release: Release, statements, random: &mut Random| {
        // The metadata of wheels has no list in the index.
        let artifacts: Vec<&ReleaseFile> = release.artifacts().collect();
        let one = usize::try_from(random.below(artifacts.len() as u64)).unwrap_or(0);
        let name = artifacts[one].name.clone();
        Asked { key: LookupKey::File { project: release.project, name, from: 0 }, statements }
    };
    match random.below(20) {
        0..14 => file(there, vec![number], random),
        14..16 => Asked {
            key: LookupKey::Release { project: there.project, version: there.version, from: 0 },
            statements: vec![number],
        },
        16 => Asked {
            key: LookupKey::Project { name: there.project, from: 0 },
            statements: statements.about(statements.project_of(number), logged).collect(),
        },
        17 | 18 => file(absent, vec![], random),
        _ => {
            let name = statements.project(statements.project_of(number) + NEVER_LOGGED);
            Asked { key: LookupKey::Project { name, from: 0 }, statements: vec![] }
        }
    }
}

fn post(path: &str, content_type: &'static str, body: Bytes) -> Message {
    Message { path: path.to_owned(), body: Some((content_type, body)) }
}

fn get(ask: Ask, path: String) -> Request {
    Request { ask, message: Message { path, body: None } }
}
