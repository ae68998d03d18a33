//! Real installers at an index that misbehaves, each case once directly and once through
//! `wheeltap proxy`.
//!
//! Directly, to see that the case is an attack: else the other half would prove nothing.
//! Through the proxy no installer may get anything that the log does not vouch for, but
//! where the table says that Wheeltap is not asked. What came of each case is in
//! `docs/clients.md`, word by word. After a change:
//! `WHEELTAP_BLESS=1 cargo test --test e2e clients`.

mod cases;
pub(crate) mod installers;
pub(crate) mod stage;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::harness::Server;
use crate::hostile::{Index, sha256};
use crate::tools;
use cases::{Case, Through};
use installers::{Asked, Came, Client};

/// One installer, to be asked in one case.
struct Job<'a> {
    case: &'a Case,
    client: Client,
    upstream: String,
    extra: Option<String>,
    proxy: Arc<Server>,
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
    let index = Index::start();
    let groups = cases::groups();
    let honest = index.put("honest", stage::honest());
    let mut jobs = Vec::new();
    for (at, case) in groups.iter().flat_map(|(_, cases)| cases).enumerate() {
        let mut shelf = stage::honest();
        (case.hostile)(&mut shelf);
        let hostile = index.put(&format!("case-{at}"), shelf);
        let (upstream, extra) = if case.is_extra { (&honest, Some(&hostile)) } else { (&hostile, None) };
        let proxy = Arc::new(scene.proxy(&format!("proxy-{at}"), upstream, case.proxy));
        jobs.extend(case.clients.iter().map(|client| Job {
            case,
            client: *client,
            upstream: upstream.clone(),
            extra: extra.cloned(),
            proxy: Arc::clone(&proxy),
        }));
    }
    let rows = in_parallel(&jobs, |job| {
        let requirements = job.case.asked.replace("HASH", &intruders_wheel());
        let install = |index: &str| {
            let asked = Asked { index, extra_index: job.extra.as_deref(), requirements: &requirements };
            job.client.install(&programs, asked)
        };
        Row {
            case: job.case,
            client: job.client,
            without: install(&job.upstream),
            with: install(&job.proxy.url),
        }
    });
    for row in &rows {
        check(row);
    }
    drop(log);
    let page = table::render(&groups, &rows);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/clients.md");
    if std::env::var_os("WHEELTAP_BLESS").is_some() {
        fs::write(&path, &page).expect("written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/clients.md differs from what came; WHEELTAP_BLESS=1 writes it again:\n{page}"
    );
}

/// What must come of a case, whatever the page says.
fn check(row: &Row<'_>) {
    let (case, client) = (row.case, row.client);
    let what = format!("{} ({}): {}", case.name, case.asked, client.name());
    assert_eq!(
        !all_good(&row.without),
        case.bites.contains(&client),
        "{what}: without Wheeltap: {:?}",
        row.without
    );
    let with = &row.with;
    let through = case.but.iter().find(|(except, _)| *except == client).map_or(case.through, |(_, but)| *but);
    if through == Through::GoesRound {
        assert_eq!(with.installed, row.without.installed, "{what}: {with:?}");
        return;
    }
    assert!(all_good(with), "{what}: the log does not vouch for it: {with:?}");
    let versions: Vec<(&str, &str)> =
        with.installed.iter().map(|(name, installed)| (name.as_str(), installed.version.as_str())).collect();
    let expected = match through {
        Through::Gets(expected) => expected,
        Through::Refused(_) | Through::Nothing | Through::GoesRound => &[],
    };
    assert_eq!(versions, expected, "{what}: {with:?}");
    assert!(with.installed.values().all(|installed| !installed.built_from_sdist), "{what}: {with:?}");
    if let Through::Refused(why) = through {
        assert!(with.said.contains(&format!("Wheeltap: {why}")), "{what}: {with:?}");
    }
}

/// Whether all that was installed is official, and nothing of it was withdrawn.
fn all_good(came: &Came) -> bool {
    came.installed.iter().all(|(project, installed)| {
        let withdrawn = (project.as_str(), installed.version.as_str()) == ("tap-gone", "1.1");
        stage::is_official(project, installed) && !withdrawn
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
