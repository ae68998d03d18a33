//! Reading what is new in a log, up to a checkpoint that is trusted.

use futures_util::{StreamExt as _, stream};
use log_core::edge::Edge;
use log_core::follow::Follower;
use log_core::statement::Statement;
use log_core::tile::{Level, TILE_WIDTH, TileId};
use log_core::trust_policy::TrustedCheckpoint;
use log_io::outcome::{Exit, Failure, progress};
use log_io::session::Session;

use super::place::Place;
use super::report::{Event, Kind, Watch, without_end};

/// Bundles that are read ahead.
const BUNDLES_AT_ONCE: usize = 8;

/// Most events of one reading; a project with more new entries is read again.
const MAX_EVENTS: usize = 100_000;

/// What was read.
#[derive(Debug)]
pub struct Pass {
    /// What there is to say.
    pub events: Vec<Event>,
    /// Where the reading ended.
    pub follower: Follower,
    /// The tree that all of it is proven to be in.
    pub checkpoint: TrustedCheckpoint,
}

impl Pass {
    /// The first rule that the log broke.
    pub fn broken_rule(&self) -> Option<&Event> {
        self.events.iter().find(|event| event.kind == Kind::NotAllowed)
    }
}

/// Reads what is new since a place, and checks all of it. Of what is `silent` only that rules
/// were broken is kept.
pub async fn pass(
    session: &Session,
    place: Option<&Place>,
    watch: &Watch,
    silent: bool,
    now: u64,
) -> Result<Pass, Failure> {
    let checkpoint = session.checkpoint(now).await?;
    let size = checkpoint.checkpoint.size();
    let mut follower = start(session, place).await?;
    let mut events = Vec::new();
    let mut newest = follower.timeline().policies().last().map(|dated| dated.policy.clone());
    if size <= follower.size() {
        // An older checkpoint was proven to be of the same history.
        return Ok(Pass { events, follower, checkpoint });
    }
    let first = follower.size() / TILE_WIDTH;
    let ids =
        (first..size.div_ceil(TILE_WIDTH)).filter_map(|index| TileId::in_tree(Level::Entries, index, size));
    let mut bundles = stream::iter(ids).map(|id| session.source.entries(id)).buffered(BUNDLES_AT_ONCE);
    let mut skip = usize::try_from(follower.size() % TILE_WIDTH).unwrap_or(0);
    while let Some(entries) = bundles.next().await {
        progress(format_args!("reading the log: {} of {size} entries", follower.size()));
        for entry in entries?.iter().skip(std::mem::take(&mut skip)) {
            let index = follower.size();
            let pushed = follower.push(entry);
            let said = watch.events(index, &pushed, newest.as_ref());
            events.extend(said.into_iter().filter(|event| !silent || event.kind == Kind::NotAllowed));
            for judged in pushed.judged {
                if let (Statement::Policy(policy), Ok(())) = (judged.signed.statement, judged.result) {
                    newest = Some(policy.policy);
                }
            }
            if events.len() > MAX_EVENTS {
                return Err(Failure::new(format!("there is more to report than {MAX_EVENTS} events"))
                    .hint("watch fewer projects, or begin with --since now"));
            }
        }
    }
    progress("");
    // Only a reading that ends in the signed root says anything about the log.
    if follower.root() != checkpoint.checkpoint.root() {
        return Err(Failure::with_exit(Exit::Invalid, "the entries do not lead to the signed root")
            .hint("what answered is broken, or not the log; try another mirror"));
    }
    if !follower.ends_in_commitment() {
        events.push(without_end(size));
    }
    Ok(Pass { events, follower, checkpoint })
}

/// A reader at a place, or at the beginning.
async fn start(session: &Session, place: Option<&Place>) -> Result<Follower, Failure> {
    let genesis = session.log.trust.genesis.clone();
    let Some(place) = place else { return Ok(Follower::new(genesis)) };
    let mut tiles = Vec::new();
    for id in Edge::tiles(place.size) {
        tiles.push(session.source.tile(id).await?);
    }
    let edge = Edge::from_tiles(place.size, &tiles);
    let edge = edge.ok_or_else(|| Failure::with_exit(Exit::Invalid, "the tiles at the place are short"))?;
    place.follower(genesis, edge).map_err(|error| {
        Failure::with_exit(Exit::Invalid, format!("cannot go on at the place: {error:#}"))
            .hint("what answers has another history than was read; compare with `wheeltap lookup`, or another mirror")
    })
}
