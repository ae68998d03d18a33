//! `wheeltap policy`: the log's policy as one file that goes from hand to hand.
//!
//! The file is the DSSE envelope itself; `sign` adds a signature to it, and when
//! enough root keys have signed, `submit` sends it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use log_core::artifact::Version;
use log_core::dsse::Envelope;
use log_core::entry::SignedStatement;
use log_core::key::VerifierKey;
use log_core::limits::MAX_SUBMISSION_BYTES;
use log_core::policy::{Coverage, Pattern, Policy, Publisher, Roots};
use log_core::statement::{PolicyStatement, Statement};
use log_io::args::{Format, LogArgs};
use log_io::outcome::{Exit, Failure, Outcome, note, print, shown};
use log_io::{clock, durable, key_file};

use crate::submit;

/// The commands of `wheeltap policy`.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Make the first policy of a log, unsigned
    Init(InitArgs),
    /// Add a root key's signature to a policy file
    Sign {
        /// The root key's file
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The policy file
        file: PathBuf,
    },
    /// Show a policy file, or with --trust the policy of a log
    Show {
        /// The policy file [default: the policy in force in the log]
        file: Option<PathBuf>,
        /// How to print it
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        #[command(flatten)]
        log: LogArgs,
    },
    /// Send a signed policy file to the log
    Submit {
        /// The policy file
        file: PathBuf,
        #[command(flatten)]
        log: LogArgs,
    },
}

/// Arguments of `wheeltap policy init`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example: one team publishes nova and all oslo projects; nova is covered from 13.0.0 on.
  wheeltap policy init --log-key log.pub --root root.key.pub \\
    --publisher team.key.pub 'nova,oslo-*' --cover 'nova>=13.0.0' --cover 'oslo-*' --out policy.json
  wheeltap policy sign --key root.key policy.json
  wheeltap policy submit policy.json")]
pub struct InitArgs {
    /// The log's public key, or a file with it
    #[arg(long, value_name = "KEY")]
    log_key: String,
    /// Public key of someone who signs policies, or a file with it; repeat for several
    #[arg(long = "root", required = true, value_name = "KEY")]
    roots: Vec<String>,
    /// How many root keys must sign a policy
    #[arg(long, default_value_t = 1)]
    threshold: usize,
    /// A publisher's public key (or a file with it), and the projects it publishes:
    /// names and starts of names with `*`, separated by commas; repeat for several
    #[arg(long = "publisher", required = true, num_args = 2, value_names = ["KEY", "PROJECTS"])]
    publishers: Vec<String>,
    /// Projects whose releases the log has all of, e.g. `nova`, `nova>=13.0.0,<30.0.0`,
    /// `oslo-*` [default: all projects of all publishers]
    #[arg(long = "cover", value_name = "PROJECT")]
    covered: Vec<String>,
    /// Where the policy goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs a policy command.
pub async fn run(command: &PolicyCommand) -> Outcome {
    match command {
        PolicyCommand::Init(args) => init(args),
        PolicyCommand::Sign { key, file } => sign(key, file),
        PolicyCommand::Show { file: Some(file), format, .. } => show_file(file, *format),
        PolicyCommand::Show { file: None, format, log } => show_logged(log, *format).await,
        PolicyCommand::Submit { file, log } => submit_file(file, log).await,
    }
}

fn init(args: &InitArgs) -> Outcome {
    let usage = |what: &str, error: String| Failure::usage(format!("{what}: {error}"));
    let key = |what: &str, text: &str| {
        key_file::public_key(text).map_err(|error| usage(what, format!("{error:#}")))
    };
    let log = key("--log-key", &args.log_key)?;
    let roots: Result<Vec<_>, _> = args.roots.iter().map(|root| key("--root", root)).collect();
    let roots =
        Roots::new(args.threshold, roots?).map_err(|error| usage("--threshold", error.to_string()))?;
    let mut publishers = Vec::new();
    for pair in args.publishers.chunks_exact(2) {
        let key = key("--publisher", &pair[0])?;
        let projects: Result<Vec<Pattern>, String> = pair[1].split(',').map(Pattern::parse).collect();
        let projects = projects.map_err(|error| usage("--publisher", error))?;
        publishers.push(Publisher { name: key.name().to_string(), keys: vec![key], projects });
    }
    let mut projects: Vec<Coverage> = Vec::new();
    for text in &args.covered {
        projects.push(parse_coverage(text).map_err(|error| usage("--cover", error))?);
    }
    if projects.is_empty() {
        let all = publishers.iter().flat_map(|publisher| publisher.projects.clone());
        projects = all.map(|pattern| Coverage { pattern, from: None, until: None }).collect();
    }
    let policy = Policy { version: 1, roots, publishers, projects };
    let payload = PolicyStatement::new(&log, policy).to_payload();
    // What cannot be read back was never a policy.
    Statement::parse(&payload).map_err(|error| Failure::usage(error.to_string()))?;
    if args.out.exists() {
        return Err(Failure::usage(format!("{} exists", args.out.display())));
    }
    write(&args.out, &Envelope::unsigned(payload))?;
    note(format_args!("wrote {}; sign it: wheeltap policy sign --key ROOT.key {0}", args.out.display()));
    Ok(Exit::Ok)
}

fn sign(key: &Path, file: &Path) -> Outcome {
    let key = key_file::load(key)?;
    let mut signed = read(file)?;
    let Statement::Policy(statement) = &signed.statement else {
        return Err(Failure::usage(format!("{} holds no policy", file.display())));
    };
    let roots = &statement.policy.roots;
    if !roots.keys.contains(key.public()) {
        note(format_args!(
            "note: {} is not a root key of this policy; it must be one of the log's",
            key.public().keyid()
        ));
    }
    signed.envelope.sign(&key);
    write(file, &signed.envelope)?;
    let good = |key: &&VerifierKey| {
        signed.envelope.signatures().iter().any(|signature| signed.envelope.is_signed_by(key, signature))
    };
    let (found, needed) = (roots.keys.iter().filter(good).count(), roots.threshold);
    note(format_args!("signed {} as {}: {found} of {needed}", file.display(), key.public().keyid()));
    Ok(Exit::Ok)
}

fn show_file(file: &Path, format: Format) -> Outcome {
    let signed = read(file)?;
    let Statement::Policy(statement) = &signed.statement else {
        return Err(Failure::usage(format!("{} holds no policy", file.display())));
    };
    let keys = &statement.policy.roots.keys;
    let mut signers = Vec::new();
    for signature in signed.envelope.signatures() {
        let root = keys.iter().find(|key| key.keyid() == signature.keyid);
        let state = match root {
            Some(key) if signed.envelope.is_signed_by(key, signature) => "good",
            Some(_) => "BAD",
            None => "not a root key of this policy",
        };
        // Anybody may have written the keyid, and anything into it.
        signers.push(format!("{} ({state})", shown(&signature.keyid)));
    }
    let from = format!("policy for log {}, from {}", shown(&statement.origin), file.display());
    show(&statement.policy, &from, &signers, format);
    Ok(Exit::Ok)
}

async fn show_logged(log: &LogArgs, format: Format) -> Outcome {
    let session = log.session("wheeltap")?;
    let checkpoint = session.checkpoint(clock::now()).await?;
    let history = session.read_history(&checkpoint).await?;
    let (index, policy) = history
        .policy()
        .ok_or_else(|| Failure::new("the log has no policy yet").hint("wheeltap policy submit FILE"))?;
    let from = format!("policy in force in log {}, entry {index}", session.log.trust.genesis.log.name());
    show(policy, &from, &[], format);
    Ok(Exit::Ok)
}

fn show(policy: &Policy, from: &str, signers: &[String], format: Format) {
    if format == Format::Json {
        let json = serde_json::json!({
            "schema": 1, "source": from, "policy": policy.to_document(), "signatures": signers,
        });
        print(format_args!("{json:#}"));
        return;
    }
    print(from);
    print(format_args!("version     {}", policy.version));
    print(format_args!("roots       {} of:", policy.roots.threshold));
    for key in &policy.roots.keys {
        print(format_args!("            {}", key.to_vkey()));
    }
    for publisher in &policy.publishers {
        let projects: Vec<String> = publisher.projects.iter().map(ToString::to_string).collect();
        print(format_args!("publisher   {}: {}", shown(&publisher.name), projects.join(", ")));
        for key in &publisher.keys {
            print(format_args!("            {}", key.to_vkey()));
        }
    }
    for coverage in &policy.projects {
        let from = coverage.from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
        let until = coverage.until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
        print(format_args!("covers      {}{from}{until}", coverage.pattern));
    }
    for signer in signers {
        print(format_args!("signed by   {signer}"));
    }
}

async fn submit_file(file: &Path, log: &LogArgs) -> Outcome {
    let session = log.session("wheeltap")?;
    let signed = read(file)?;
    let (receipt, proof) = submit::submit(&session, &signed.envelope, clock::now()).await?;
    session.accept(proof.checkpoint.as_bytes(), clock::now()).await?;
    note(format_args!("the policy is entry {}", receipt.index));
    Ok(Exit::Ok)
}

fn read(file: &Path) -> Result<SignedStatement, Failure> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    if bytes.len() > MAX_SUBMISSION_BYTES {
        return Err(Failure::usage(format!("{} is too long for a policy", file.display())));
    }
    let envelope = Envelope::parse(&bytes).map_err(|error| format!("{}: {error}", file.display()));
    let signed = envelope.and_then(|envelope| {
        SignedStatement::new(envelope).map_err(|error| format!("{}: {error}", file.display()))
    });
    signed.map_err(Failure::usage)
}

fn write(file: &Path, envelope: &Envelope) -> Result<(), Failure> {
    let mut bytes = envelope.to_canonical();
    bytes.push(b'\n');
    durable::write(file, &bytes)
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", file.display())))
}

/// `<pattern>[>=<version>][,<<version>]`.
fn parse_coverage(text: &str) -> Result<Coverage, String> {
    let version = |text: &str| Version::parse(text.trim()).map_err(|error| error.to_string());
    let (rest, until) = match text.rsplit_once('<') {
        Some((rest, until)) => (rest.trim_end_matches(','), Some(version(until)?)),
        None => (text, None),
    };
    let (pattern, from) = match rest.split_once(">=") {
        Some((pattern, from)) => (pattern, Some(version(from)?)),
        None => (rest, None),
    };
    Ok(Coverage { pattern: Pattern::parse(pattern.trim())?, from, until })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_texts() {
        let check = |text: &str| {
            parse_coverage(text).map(|coverage| {
                let text = |version: Option<Version>| version.map(|version| version.to_string());
                (coverage.pattern.to_string(), text(coverage.from), text(coverage.until))
            })
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(check("nova"), Ok(("nova".into(), None, None)));
        assert_eq!(check("oslo-*"), Ok(("oslo-*".into(), None, None)));
        assert_eq!(check("nova>=13.0.0"), Ok(("nova".into(), some("13.0.0"), None)));
        assert_eq!(check("nova<30"), Ok(("nova".into(), None, some("30"))));
        assert_eq!(check("nova>=13.0.0,<30"), Ok(("nova".into(), some("13.0.0"), some("30"))));
        assert!(check("Nova").is_err() && check("nova>=x").is_err() && check("nova==1").is_err());
    }
}
