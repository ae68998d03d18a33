//! Real installers at an index that misbehaves, each case once directly and once through
//! Wheeltap.
//!
//! Directly, to see that the case is an attack: else the other half would prove nothing.
//! With Wheeltap no installer may get anything that the log does not vouch for, but
//! where the table says that Wheeltap is not asked; and there `wheeltap doctor` has to say
//! so. What came of each case is in `docs/clients.md`, word by word. After a change:
//! `WHEELTAP_BLESS=1 cargo test --test e2e clients`.

mod bench;
mod cases;
pub(crate) mod installers;
pub(crate) mod stage;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use crate::harness::Scene;
use crate::hostile::{Index, sha256};
use crate::tools;
use cases::{Case, Through, Warm, Way, With};
use installers::{Asked, Came, Client};

/// What all cases have in common.
struct Hall {
    programs: PathBuf,
    /// With the trust file of a log that runs.
    scene: Scene,
    index: Index,
    /// An index without fault.
    honest: String,
    /// What an intruder offers for find-links.
    directory: TempDir,
    /// What came directly, by the case's name, what was asked for, and the installer: cases of
    /// one name differ in how Wheeltap is used.
    direct: Mutex<BTreeMap<(&'static str, &'static str, Client), Came>>,
}

/// One installer in one case.
struct Row<'a> {
    case: &'a Case,
    client: Client,
    without: Came,
    with: Came,
}

#[test]
fn no_installer_gets_what_the_log_does_not_vouch_for() {
    let Some(programs) = tools::install(tools::CLIENTS) else { return };
    let (scene, log) = stage::log();
    scene.write(
        "down/trust.toml",
        scene.trust_text("http://127.0.0.1:9/", "log.pub", "root.key.pub").as_bytes(),
    );
    let index = Index::start();
    let honest = index.put("honest", stage::honest());
    let directory = tempfile::tempdir().expect("a directory");
    let wheel = stage::wheel(&stage::intruders("tap-lib", "1.2"));
    fs::write(directory.path().join(wheel.name), wheel.bytes).expect("written");
    let hall = Hall { programs, scene, index, honest, directory, direct: Mutex::default() };

    let groups = cases::groups();
    let cases: Vec<(usize, &Case)> = groups.iter().flat_map(|(_, cases)| cases).enumerate().collect();
    let (still, moving): (Vec<_>, Vec<_>) =
        cases.into_iter().partition(|(_, case)| case.warm != Some(Warm::ThenWithdrawn));
    let mut rows: Vec<Row<'_>> =
        in_parallel(&still, |(at, case)| hall.play(*at, case)).into_iter().flatten().collect();
    // One after the other, so that the log's entries have the same numbers each time.
    rows.extend(moving.iter().flat_map(|(at, case)| hall.play(*at, case)));
    let wrong: Vec<String> = rows.iter().filter_map(|row| check(row).err()).collect();
    drop(log);
    let page = table::render(&groups, &rows);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/clients.md");
    if std::env::var_os("WHEELTAP_BLESS").is_some() {
        fs::write(&path, &page).expect("written");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/clients.md differs from what came; WHEELTAP_BLESS=1 writes it again:\n{page}"
    );
}

impl Hall {
    /// Plays one case with all its installers.
    fn play<'a>(&self, at: usize, case: &'a Case) -> Vec<Row<'a>> {
        let mut pages = stage::honest();
        (case.hostile)(&mut pages);
        let hostile = self.index.put(&format!("case-{at}"), pages);
        let upstream = if matches!(case.way, Way::Index | Way::Lock) { &hostile } else { &self.honest };
        let wheel = stage::wheel(&stage::intruders("tap-lib", "1.2"));
        let requirements = case
            .asked
            .replace("HASH", &intruders_wheel())
            .replace("FILE", &format!("{}{}", hostile.trim_end_matches("simple/"), wheel.path()))
            .replace("OTHER", &hostile);
        let without = Asked {
            variables: case.variables,
            further_index: (case.way == Way::ExtraIndex).then_some(&hostile),
            find_links: (case.way == Way::FindLinks).then_some(self.directory.path()),
            locked_at: (case.way == Way::Lock).then_some(&hostile),
            ..Asked::new(upstream, &requirements)
        };
        let down = ["--trust", "down/trust.toml"];
        let arguments = match case.with {
            With::Proxy(arguments) => Some(arguments),
            With::LogDown => Some(&down[..]),
            With::Run => None,
        };
        let proxy = arguments.map(|arguments| self.scene.proxy(&format!("proxy-{at}"), upstream, arguments));
        let index = proxy.as_ref().map_or(upstream, |proxy| &proxy.url);
        let run = (case.with == With::Run).then_some(&self.scene);
        // A lock of what is withdrawn later is made where it is installed from.
        let locked_at = without.locked_at.map(|at| if case.warm.is_some() { index } else { at });
        let doctor = (!case.named.is_empty()).then_some(&self.scene);
        let with = Asked { index, locked_at, run, doctor, ..without };
        let caches: Vec<TempDir> =
            case.clients.iter().map(|_| tempfile::tempdir().expect("a directory")).collect();
        let own = |at: usize| case.warm.map(|_| caches[at].path());
        let before: Vec<Came> =
            case.clients.iter().map(|client| self.directly(case, *client, without)).collect();
        if let Some(warm) = case.warm {
            for (at, client) in case.clients.iter().enumerate() {
                // Under `wheeltap run` nothing gets into its own cache.
                let directly = warm == Warm::FromIndex || run.is_some();
                let asked = if directly { without } else { Asked { doctor: None, ..with } };
                let first = client.install(&self.programs, Asked { cache: own(at), ..asked });
                let kept = own(at).and_then(|cache| fs::read_dir(cache).ok()).map_or(0, Iterator::count);
                let is_warm = !first.installed.is_empty() && kept > 0;
                assert!(is_warm, "{}: {}: {first:?}", case.name, client.name());
            }
        }
        if let Some((Warm::ThenWithdrawn, (project, version))) = case.warm.zip(case.asked.split_once("==")) {
            stage::withdraw(&self.scene, project, version);
        }
        let clients = case.clients.iter().enumerate().zip(before);
        clients
            .map(|((at, client), without)| {
                let mut with = client.install(&self.programs, Asked { cache: own(at), ..with });
                // Others may be of the surroundings, and not of the case.
                with.found.retain(|finding| case.named.contains(&&**finding));
                Row { case, client: *client, without, with }
            })
            .collect()
    }

    /// What comes without Wheeltap.
    fn directly(&self, case: &Case, client: Client, asked: Asked<'_>) -> Came {
        let key = (case.name, case.asked, client);
        let known = self.direct.lock().expect("no worker panicked").get(&key).cloned();
        known.unwrap_or_else(|| {
            let now = client.install(&self.programs, asked);
            self.direct.lock().expect("no worker panicked").insert(key, now.clone());
            now
        })
    }
}

/// What must come of a case, whatever the page says.
fn check(row: &Row<'_>) -> Result<(), String> {
    let (case, client) = (row.case, row.client);
    let holds = |holds: bool, what: &str, came: &Came| {
        let case = format!("{} ({}, {:?}): {}", case.name, case.asked, case.with, client.name());
        if holds { Ok(()) } else { Err(format!("{case}: {what}: {came:#?}")) }
    };
    let (without, with) = (&row.without, &row.with);
    holds(all_good(without) != case.bites.contains(&client), "without Wheeltap", without)?;
    let through = case.but.iter().find(|(except, _)| *except == client).map_or(case.through, |(_, but)| *but);
    if through == Through::GoesRound {
        holds(with.installed == without.installed, "other than without Wheeltap", with)?;
        return holds(!with.found.is_empty(), "doctor does not name it", with);
    }
    holds(all_good(with), "the log does not vouch for it", with)?;
    let expected = match through {
        Through::Gets(expected) | Through::Builds(expected) => expected,
        Through::Refused(_) | Through::Nothing | Through::GoesRound => &[],
    };
    let mut versions = with.installed.iter().map(|(name, installed)| (&**name, &*installed.version));
    holds(versions.by_ref().eq(expected.iter().copied()), "other versions", with)?;
    let built = with.installed.values().any(|installed| installed.built_from_sdist);
    holds(built == matches!(through, Through::Builds(_)), "built from an sdist, or not", with)?;
    let Through::Refused(why) = through else { return Ok(()) };
    holds(with.said.contains(&format!("Wheeltap: {why}")), "the reason is not shown", with)
}

/// Whether all that was installed is official, and nothing of it was withdrawn.
fn all_good(came: &Came) -> bool {
    came.installed.iter().all(|(project, installed)| {
        stage::is_official(project, installed) && !stage::is_withdrawn(project, &installed.version)
    })
}

fn intruders_wheel() -> String {
    sha256(&stage::wheel(&stage::intruders("tap-lib", "1.1")).bytes)
}

/// Does all jobs, some at a time; gives the results in the order of the jobs.
pub(crate) fn in_parallel<J: Sync, R: Send>(jobs: &[J], work: impl Fn(&J) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    let workers = std::thread::available_parallelism().map_or(2, usize::from) + 1;
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(at) else { return };
                    let result = work(job);
                    done.lock().expect("no worker panicked").insert(at, result);
                }
            });
        }
    });
    done.into_inner().expect("no worker panicked").into_values().collect()
}
