//! `wheeltap proxy`: a verifying package index, until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use log_io::args::LogArgs;
use log_io::outcome::{Exit, Failure, Outcome, note, print};
use log_io::process;

use crate::proxy::settings::{ConfigFile, parse_size};
use crate::proxy::{self, OnUnlogged, ProxyConfig};

/// Arguments of `wheeltap proxy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  wheeltap proxy &
  pip install --index-url http://127.0.0.1:8070/simple/ nova
  UV_DEFAULT_INDEX=http://127.0.0.1:8070/simple/ uv pip install nova
For one command there is `wheeltap run -- CMD…`, which needs no settings. \
What was served and held back is on http://127.0.0.1:8070/. Settings that are given here go before those \
of the configuration; docs/wheeltap-proxy.toml is a sample with all of them.")]
pub struct ProxyArgs {
    /// Where to listen; port 0 is a free one [default: 127.0.0.1:8070]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The index to ask [default: `PyPI`]
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// Another host that the index's files may be on; repeat for several
    #[arg(long = "file-host", value_name = "HOST")]
    file_hosts: Vec<String>,
    /// A configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What becomes of files without a good verdict [default: block]
    #[arg(long, value_enum, value_name = "WHAT")]
    on_unlogged: Option<OnUnlogged>,
    /// Serve pages only; files are fetched from where the index has them
    #[arg(long)]
    index_only: bool,
    /// For how many seconds what the log says of a project is not asked again [default: 30]
    #[arg(long, value_name = "SECONDS")]
    max_age: Option<u64>,
    /// Where verified files are kept [default: ~/.cache/wheeltap]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// How many bytes of them, e.g. 500MiB [default: 2GiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    cache_size: Option<u64>,
    /// Log each request
    #[arg(long)]
    access_log: bool,
    #[command(flatten)]
    log: LogArgs,
}

/// Serves.
pub async fn run(args: &ProxyArgs) -> Outcome {
    let config = config(args)?;
    if config.access_log {
        process::set_filter("warn,access=info")?;
    }
    let sessions = args.log.sessions("wheeltap")?;
    let proxy = proxy::start(config, sessions).await?;
    print(format_args!("listening on {}", proxy.index_url()));
    stop_signal().await?;
    note("stopping");
    proxy.stop().await;
    Ok(Exit::Ok)
}

fn config(args: &ProxyArgs) -> Result<ProxyConfig, Failure> {
    let cache = args.cache.clone().map_or_else(ProxyConfig::default_cache, Ok)?;
    let mut config = ProxyConfig::new(cache, args.log.state_directory()?);
    if let Some(path) = &args.config {
        let mut file = ConfigFile::load(path).map_err(|error| Failure::usage(format!("{error:#}")))?;
        if args.cache.is_some()
            && let Some(cache) = &mut file.cache
        {
            cache.directory = None;
        }
        config.take(file).map_err(|error| Failure::usage(format!("{error:#}")))?;
    }
    if let Some(listen) = args.listen {
        config.listen = listen;
    }
    if let Some(url) = &args.upstream {
        config.upstream.url.clone_from(url);
    }
    config.upstream.file_hosts.extend(args.file_hosts.iter().cloned());
    config.on_unlogged = args.on_unlogged.unwrap_or(config.on_unlogged);
    config.index_only |= args.index_only;
    config.max_age = args.max_age.unwrap_or(config.max_age);
    config.cache_bytes = args.cache_size.unwrap_or(config.cache_bytes);
    config.access_log |= args.access_log;
    Ok(config)
}

/// Waits for SIGTERM or SIGINT.
async fn stop_signal() -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await?;
    Ok(())
}
