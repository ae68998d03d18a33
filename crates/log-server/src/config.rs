//! How a log is served: one TOML file, `<dir>/wheeltap-log.toml`, and flags that go
//! before it. `docs/wheeltap-log.toml` shows every field; a test reads it.
//!
//! Everything has a default but what only an operator can know. Nothing secret is in
//! it: keys are named by their files. What a log is born with is in `identity`.
//! Relative paths start at the directory of the file.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};

use self::values::{Count, Filter, ListenAddress, Network, PolicyText, Span};

pub mod values;

/// The name of the file in the log's directory.
pub const FILE_NAME: &str = "wheeltap-log.toml";

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the world reads and submits.
    pub listen: ListenAddress,
    /// HTTPS instead of HTTP on `listen`.
    pub tls: Option<Tls>,
    /// Metrics and health.
    pub private: Private,
    /// What one client, and all together, may draw out.
    pub limits: Limits,
    /// Who has to cosign.
    pub witnesses: Witnesses,
    /// What is written to stderr.
    pub log: Log,
}

/// `[tls]`: read again on SIGHUP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file: the server's certificate, then those between it and the root.
    pub certificate: PathBuf,
    /// PEM file: the certificate's private key.
    pub key: PathBuf,
}

/// `[private]`: the listener for the operator's own machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Private {
    /// Where `/metrics`, `/healthz` and `/readyz` are; always plain HTTP.
    pub listen: ListenAddress,
    /// With less free space than this, in MiB, in the log's directory it is not ready.
    pub min_free_mib: Count,
}

/// `[limits]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections at once; more wait. Each takes a file descriptor, of which a
    /// process commonly has 1,024; the store needs some, too.
    pub connections: Count,
    /// Longest time for the headers of a request, or a TLS handshake; also how long a
    /// connection may idle.
    pub header_timeout: Span,
    /// Longest time for one request, its body included.
    pub request_timeout: Span,
    /// Longest life of a connection, however slowly it reads.
    pub connection_lifetime: Span,
    /// How long requests may go on after the log was told to stop.
    pub shutdown_timeout: Span,
    /// Proxies that are believed when `X-Forwarded-For` says who the client is. Who asks
    /// from one of them without being named there is not limited.
    pub trusted_proxies: Vec<Network>,
    /// What one client (an IPv4 address, or an IPv6 network of 64 bits) may read.
    pub reads: Rate,
    /// What one client may ask with POST: submissions and look-ups.
    pub posts: Rate,
}

/// `[limits.reads]` and `[limits.posts]`: a bucket of `burst` requests that fills up
/// again with `per_second`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Requests per second in the long run.
    pub per_second: Count,
    /// Requests at once.
    pub burst: Count,
}

/// `[witnesses]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Witnesses {
    /// A C2SP tlog-policy text: the log's key, the witnesses with their URLs, the quorum.
    pub policy: Option<PolicyText>,
    /// How long a round waits for cosignatures.
    pub timeout: Span,
    /// Whether a checkpoint without a quorum stays unpublished.
    pub required: bool,
    /// URLs of mirrors of this log: a log that is behind one of them does not start.
    pub mirrors: Vec<String>,
}

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// One line per request.
    pub access: AccessLog,
    /// What else is written, as for `RUST_LOG`; `WHEELTAP_LOG_FILTER` goes before it.
    pub filter: Filter,
}

/// Where the access log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessLog {
    /// One line per request on stderr.
    Stderr,
    /// No access log.
    Off,
}

/// Flags of the command line.
#[derive(Debug, Clone, Default, Args)]
pub struct ConfigArgs {
    /// The configuration [default: DIR/wheeltap-log.toml, if there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address to listen on, before the configuration's; port 0 takes a free one [default:
    /// 127.0.0.1:8470]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<ListenAddress>,
    /// Address for metrics and health, before the configuration's [default: 127.0.0.1:8471]
    #[arg(long, value_name = "ADDRESS")]
    pub private_listen: Option<ListenAddress>,
}

impl ConfigArgs {
    /// The configuration of the log in `directory`, with the flags applied.
    pub fn load(&self, directory: &Path) -> anyhow::Result<Config> {
        let default = directory.join(FILE_NAME);
        let path = self.config.as_deref().or_else(|| default.exists().then_some(&*default));
        let mut config = match path {
            None => Config::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path);
                let text = text.with_context(|| format!("cannot read {}", path.display()))?;
                let mut config = Config::parse(&text, path)?;
                config.resolve(path.parent().unwrap_or(Path::new("")));
                config
            }
        };
        config.listen = self.listen.unwrap_or(config.listen);
        config.private.listen = self.private_listen.unwrap_or(config.private.listen);
        config.check()?;
        Ok(config)
    }
}

impl Config {
    /// Reads the text of the file at `path`, which is named in errors.
    fn parse(text: &str, path: &Path) -> anyhow::Result<Self> {
        toml::from_str(text).map_err(|error| {
            let Some(span) = error.span() else { return anyhow!("{}: {}", path.display(), error.message()) };
            let before = text.get(..span.start).unwrap_or_default();
            let number = before.matches('\n').count();
            let line = text.lines().nth(number).unwrap_or_default().trim();
            anyhow!("{}:{}: `{line}`: {}", path.display(), number + 1, error.message())
        })
    }

    /// Makes paths that are relative to the file's directory absolute, or at least
    /// relative to the working directory.
    fn resolve(&mut self, directory: &Path) {
        if let Some(tls) = &mut self.tls {
            tls.certificate = directory.join(&tls.certificate);
            tls.key = directory.join(&tls.key);
        }
    }

    /// What no field can know alone.
    fn check(&self) -> anyhow::Result<()> {
        let (public, private) = (self.listen, self.private.listen);
        ensure!(
            public != private || public.0.port() == 0,
            "`listen` and `private.listen` are both {public}: give each a port of its own, since metrics \
             are not for the world"
        );
        let Limits { request_timeout, connection_lifetime, .. } = self.limits;
        ensure!(
            request_timeout <= connection_lifetime,
            "`limits.request_timeout` is {request_timeout}, but `limits.connection_lifetime` is only \
             {connection_lifetime}: make it at least as long"
        );
        Ok(())
    }

    /// The effective configuration, as TOML.
    pub fn to_text(&self) -> anyhow::Result<String> {
        Ok(toml::to_string(self)?)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: loopback(8470),
            tls: None,
            private: Private::default(),
            limits: Limits::default(),
            witnesses: Witnesses::default(),
            log: Log::default(),
        }
    }
}

impl Default for Private {
    fn default() -> Self {
        Self { listen: loopback(8471), min_free_mib: count(256) }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: count(768),
            header_timeout: seconds(15),
            request_timeout: seconds(60),
            connection_lifetime: seconds(600),
            shutdown_timeout: seconds(5),
            trusted_proxies: ["127.0.0.0/8", "::1/128"].map(network).into(),
            reads: Rate { per_second: count(500), burst: count(5_000) },
            posts: Rate { per_second: count(50), burst: count(1_000) },
        }
    }
}

impl Default for Witnesses {
    fn default() -> Self {
        Self { policy: None, timeout: seconds(10), required: true, mirrors: Vec::new() }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { access: AccessLog::Stderr, filter: "info".parse().expect("a filter") }
    }
}

fn loopback(port: u16) -> ListenAddress {
    ListenAddress(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

fn count(number: u32) -> Count {
    Count::new(number).expect("a default is in bounds")
}

fn seconds(number: u64) -> Span {
    Span::from_secs(number).expect("a default is in bounds")
}

fn network(text: &str) -> Network {
    text.parse().expect("a default is a network")
}

#[cfg(test)]
mod tests;
