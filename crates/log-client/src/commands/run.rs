//! `wheeltap run`: one command behind a proxy of its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use log_io::args::LogArgs;
use log_io::outcome::{Failure, note, shown};
use log_io::{durable, process};
use serde_json::json;
use tokio::process::Command;

use crate::doctor::rules::Severity;
use crate::doctor::surroundings::Surroundings;
use crate::doctor::{self, Finding, Place as Where, Target, read};
use crate::proxy::settings::PYPI;
use crate::proxy::{self, OnUnlogged, Proxy, ProxyConfig, Summary};
use crate::run::arguments;
use crate::run::child;
use crate::run::environment::{self, Changes};
use crate::run::place::{self, Place};
use crate::run::uv_lock::{self, UvLock};

/// The number of the JSON of the report.
const SCHEMA: u32 = 1;

/// What is set aside when it stands in a file of pip's or uv's configuration.
const SIDE_DOORS: [&str; 4] = ["pip-extra-index", "pip-find-links", "pip-no-index", "uv-index-strategy"];

/// Files that the summary names; the report has all.
const NAMED: usize = 20;

/// How long it may take to lead the addresses in a lock back to the index.
const LEADING_BACK: Duration = Duration::from_secs(10);

/// Arguments of `wheeltap run`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wheeltap run -- tox -r
  wheeltap run -- pip install nova
  wheeltap run -- uv sync
pip, tox, pip-tools, uv, pdm, pipenv and poetry are pointed at a proxy on this machine for this one command, \
builds in isolation included; other indexes in the environment and in pip's configuration are set aside. What \
still bypasses the proxy is said before the command starts: see `wheeltap doctor`, and docs/run.md.

The exit code is the command's own, 128 and the number of a signal that ended it; 1 or 2 when it was not \
started.")]
pub struct RunArgs {
    /// The index to ask [default: the one that pip or uv are set to, else `PyPI`]
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// Another host that the index's files may be on; repeat for several
    #[arg(long = "file-host", value_name = "HOST")]
    file_hosts: Vec<String>,
    /// What becomes of files without a good verdict [default: block]
    #[arg(long, value_enum, value_name = "WHAT")]
    on_unlogged: Option<OnUnlogged>,
    /// Where verified files are kept [default: ~/.cache/wheeltap]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Write what was verified and held back to a file, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
    command: Vec<OsString>,
    #[command(flatten)]
    log: LogArgs,
}

/// Runs the command; gives its exit code.
pub async fn run(args: &RunArgs) -> Result<u8, Failure> {
    // What the proxy would log is in the summary, and not between the lines of an installer.
    process::set_filter("off")?;
    let directory = uv_lock::directory(&args.command, std::env::var_os("UV_WORKING_DIR"));
    let start = Path::new(".").join(&directory);
    let arguments = arguments::read(&args.command);
    let named = arguments.files.iter().map(|file| start.join(file)).filter(|file| file.exists());
    let surroundings =
        read::read(std::env::vars_os(), &[start.clone()].into_iter().chain(named).collect::<Vec<_>>());
    let settings = read::settings(&surroundings.variables, &start);
    let sessions = args.log.sessions("wheeltap")?;
    let cache = args.cache.clone().map_or_else(ProxyConfig::default_cache, Ok)?;
    let place = Place::new(&cache).with_context(|| format!("cannot write to {}", cache.display()))?;
    let mut config = ProxyConfig::new(cache, args.log.state_directory()?);
    config.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let projects = uv_lock::projects(&directory, &args.command, std::env::var_os("UV_PROJECT"));
    let locks = uv_lock::before(&projects);
    if let Some(url) = args.upstream.clone().or_else(|| upstream(&settings)) {
        let (url, user) = environment::credentials(&url);
        config.upstream.url = url;
        if let Some((name, password)) = user {
            (config.upstream.username, config.upstream.password) = (Some(name), Some(password));
        }
    }
    let registry = registry(&config.upstream.url, &settings);
    if args.upstream.is_none() && config.upstream.url != PYPI {
        note(format_args!("wheeltap: the index is {}, as pip or uv are set", shown(&config.upstream.url)));
    }
    config.upstream.file_hosts.extend(args.file_hosts.iter().cloned());
    config.on_unlogged = args.on_unlogged.unwrap_or_default();
    let proxy = proxy::start(config, sessions).await?;
    let index_url = proxy.index_url();
    let changes = environment::changes(&surroundings.variables, &index_url, place.path());
    warn(&surroundings, &changes, &index_url);
    for option in &arguments.elsewhere {
        note(format_args!("wheeltap: warning: the command's own option {option} bypasses the proxy"));
    }

    let mut command = command(args, &place)?;
    command.stdin(Stdio::inherit()).envs(&changes.set);
    let misspelt = changes.misspelt.iter().map(String::as_str);
    for name in changes.removed.iter().copied().chain(misspelt) {
        command.env_remove(name);
    }
    let program = command.as_std().get_program().to_owned();
    let mut child = command.spawn().map_err(|error| {
        Failure::usage(format!("cannot start {}: {error}", program.display()))
            .hint("is it installed, and in PATH?")
    })?;
    let status = child::wait(&mut child).await.context("cannot wait for the command")?;
    let code = child::code(status);
    let summary = proxy.summary();
    lead_back(&locks, &proxy, &registry).await;
    proxy.stop().await;
    say(&summary);
    if let Some(path) = &args.report {
        let report = json!({"schema": SCHEMA, "exit_code": code, "summary": &summary});
        let written = durable::write(path, format!("{report:#}\n").as_bytes());
        let written = written.with_context(|| format!("cannot write {}", path.display()));
        match written {
            Err(error) if code == 0 => return Err(error.into()),
            Err(error) => note(format_args!("wheeltap: {error:#}")),
            Ok(()) => {}
        }
    }
    Ok(code)
}

/// The index of the user's own settings, for the proxy to stand in front of.
fn upstream(surroundings: &Surroundings) -> Option<String> {
    let pip = doctor::pip::index_url(surroundings).map(|setting| setting.value);
    pip.or_else(|| doctor::uv::default_index(surroundings).map(|(_, url)| url))
}

/// The index as uv writes it into a lock: as its own settings have it, where they mean it.
fn registry(upstream: &str, surroundings: &Surroundings) -> String {
    let same = |url: &String| url.trim_end_matches('/') == upstream.trim_end_matches('/');
    let own = doctor::uv::default_index(surroundings).map(|(_, url)| environment::credentials(&url).0);
    own.filter(same).unwrap_or_else(|| match upstream {
        // uv's own default has no slash at its end.
        PYPI => PYPI.trim_end_matches('/').to_owned(),
        other => environment::credentials(other).0,
    })
}

/// Leads the addresses in the lock that the command made back to the index, unless that
/// takes long or somebody interrupts it.
async fn lead_back(locks: &[UvLock], proxy: &Proxy, registry: &str) {
    let index_url = proxy.index_url();
    let address = index_url.trim_end_matches("simple/");
    let made = locks.iter().find_map(|lock| Some((lock, lock.made_with(address)?)));
    let Some((lock, made)) = made else { return };
    let text = tokio::select! {
        text = led_back(&made, address, proxy, registry) => text,
        () = tokio::time::sleep(LEADING_BACK) => Err(io::Error::other("the index takes long to answer")),
        ended = child::interrupted() => ended.and(Err(io::Error::other("a signal has ended this"))),
    };
    let path = lock.path().display();
    match text.and_then(|text| lock.replace(&made, &text)) {
        Ok(()) => note(format_args!("wheeltap: {path} has the addresses of {registry}, not of this run")),
        Err(error) => note(format_args!("wheeltap: {path} keeps addresses that end with this run: {error}")),
    }
}

/// A lock with the addresses of the index. It has all of them or none, so the first that the
/// index does not have is the last that is asked for.
async fn led_back(made: &str, address: &str, proxy: &Proxy, registry: &str) -> io::Result<String> {
    let not_all = || io::Error::other("not all of its files are served from the index");
    let index_url = proxy.index_url();
    let mut instead = BTreeMap::new();
    for found in uv_lock::addresses(made, address) {
        let is_index = found.trim_end_matches('/') == index_url.trim_end_matches('/');
        let there = if is_index { Some(registry.to_owned()) } else { proxy.index_has(&found).await };
        instead.insert(found, there.ok_or_else(not_all)?);
    }
    uv_lock::rewritten(made, address, &instead).ok_or_else(not_all)
}

/// The command, with the way into poetry when there is one: by its name, and when the
/// command is poetry by its path.
fn command(args: &RunArgs, place: &Place) -> anyhow::Result<Command> {
    let (program, arguments) = args.command.split_first().context("a command")?;
    let search = std::env::var_os("PATH").unwrap_or_default();
    let named = Path::new(program).file_name().is_some_and(|name| name == "poetry");
    let by_path = named && Path::new(program).components().count() > 1;
    let poetry = if by_path { Some(PathBuf::from(program)) } else { place::find("poetry", &search) };
    let Some(poetry) = poetry else {
        let mut command = Command::new(program);
        command.args(arguments);
        return Ok(command);
    };
    let programs =
        place.wrap_poetry(&std::path::absolute(poetry)?).context("cannot stand in for PyPI in poetry")?;
    let mut command = if named { Command::new(programs.join("poetry")) } else { Command::new(program) };
    let path = std::env::join_paths([programs].into_iter().chain(std::env::split_paths(&search)))?;
    command.args(arguments).env("PATH", path);
    Ok(command)
}

/// What is said before the command starts.
fn warn(surroundings: &Surroundings, changes: &Changes, index_url: &str) {
    let aside: Vec<&str> =
        changes.aside.iter().copied().chain(changes.misspelt.iter().map(String::as_str)).collect();
    if !aside.is_empty() {
        note(format_args!("wheeltap: set aside for this command: {}", shown(&aside.join(", "))));
    }
    // Those that count here and not at the command.
    for Finding { rule, place, what } in doctor::findings(surroundings, &Target::Proxy(index_url.to_owned()))
    {
        if SIDE_DOORS.contains(&rule.id)
            && let Where::File(path, Some(line)) = place
        {
            note(format_args!("wheeltap: set aside for this command: {}:{line}: {what}", path.display()));
        }
    }
    let found = doctor::findings(surroundings, &Target::Run);
    for Finding { rule, place, what } in found.iter().filter(|found| found.rule.severity == Severity::High) {
        let place = match place {
            Where::Variable(name) => format!("${name}"),
            Where::File(path, Some(line)) => format!("{}:{line}", path.display()),
            Where::File(path, None) => path.display().to_string(),
            Where::Machine => continue,
        };
        note(format_args!("wheeltap: warning: {place}: {what}: {} ({})", rule.why, rule.id));
    }
}

/// One short summary.
fn say(summary: &Summary) {
    let refused = summary.held_back.iter().filter(|held| held.asked_for);
    note(format_args!("wheeltap: {}", summary.counts()));
    for held in refused.take(NAMED) {
        note(format_args!(
            "wheeltap: refused {}: {}: {}",
            held.file,
            held.denial.verdict,
            shown(&held.denial.reason)
        ));
        note(format_args!("wheeltap:   next: {}", shown(&held.denial.next_step)));
    }
    for held in summary.held_back.iter().filter(|held| !held.asked_for).take(NAMED) {
        note(format_args!(
            "wheeltap: left out {}: {}: {}",
            held.file,
            held.denial.verdict,
            shown(&held.denial.reason)
        ));
    }
}
