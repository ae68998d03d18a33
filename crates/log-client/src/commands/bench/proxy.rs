//! `wheeltap bench proxy`: what the proxy costs.

use std::path::PathBuf;

use clap::Args;
use log_io::args::Format;
use log_io::outcome::{Exit, Failure, Outcome, print};

use crate::bench::proxy::report::ProxyReport;
use crate::bench::proxy::{self, Size};
use crate::proxy::settings::parse_size;

/// Arguments of `wheeltap bench proxy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wheeltap bench proxy                            # half a minute, and 2 GiB on the disk
  wheeltap bench proxy --duration 1 --large 8MiB  # a few seconds
An index with small packages, a log that has them, and a proxy are started on this machine, all on
loopback; the same requests go to the index alone and through the proxy.

`ratio` is the proxy's rate by the index's: 1 costs nothing, 0.5 takes twice as long. `added` is
what the proxy adds to the median, and to the slowest of a hundred.

Asked for the first time means: the page comes from the index and the verdict from the log; a file
comes from the index, and is hashed and kept. Again means: a page is 10 s old at most and what the
log says 30 s, and a file is in the cache.

The index has everything in memory and does nothing else, as no real one does: the ratios are the
worst that there are.")]
pub struct ProxyBenchArgs {
    /// Small projects, with an sdist and a wheel each
    #[arg(long, default_value_t = 40, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    packages: u16,
    /// Connections at once
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    connections: u16,
    /// Seconds for each of the four measurements that take as long as they are given
    #[arg(long, default_value_t = 5, value_name = "S", value_parser = clap::value_parser!(u32).range(1..=3_600))]
    duration: u32,
    /// Large files, which are fetched at once
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16))]
    streams: u8,
    /// The size of each, in whole MiB; the disk must have room for all
    #[arg(long, default_value = "200MiB", value_name = "SIZE", value_parser = parse_size)]
    large: u64,
    /// Where to work; must be missing or empty [default: a temporary directory]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// How to print the results
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Measures, and prints.
pub(super) async fn run(args: &ProxyBenchArgs) -> Outcome {
    let report = measure(args).await?;
    match args.format {
        Format::Text => print(report.to_text()),
        Format::Json => print(format_args!("{:#}", report.to_json())),
    }
    Ok(Exit::Ok)
}

async fn measure(args: &ProxyBenchArgs) -> Result<ProxyReport, Failure> {
    let size = Size {
        packages: args.packages,
        connections: args.connections,
        seconds: args.duration,
        streams: args.streams,
        large_bytes: args.large,
    };
    let place = super::Place::new(args.dir.as_deref())?;
    proxy::run(place.path(), size).await
}
