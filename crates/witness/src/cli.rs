//! The command line: arguments, help and their checks.
//!
//! Invariant: what is here is what the rest may rely on: names are normalised, the
//! index URL ends in `/` and carries no password that a report would repeat.

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use log_core::artifact::{NameError, ProjectName};
use log_io::args::{Format, LogArgs};
use log_io::outcome::{Exit, Outcome};

use crate::audit;

/// Compares a package index with a transparency log of releases
#[derive(Debug, Parser)]
#[command(name = "wheeltap-witness", version, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compares projects on a package index with the log, once
    ///
    /// Reads the whole log and checks every rule it must keep, asks the index for
    /// the projects' file lists (metadata only, no files), and reports where the
    /// two differ: releases and files that the log does not have, other hashes,
    /// and files that are gone.
    #[command(after_help = AUDIT_HELP)]
    Audit(AuditArgs),
    /// Prints completions for a shell
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// What to audit.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// A project to audit, in any spelling; repeatable
    #[arg(long = "project", value_name = "NAME", required = true, value_parser = project)]
    pub projects: Vec<ProjectName>,

    /// The index's Simple API
    #[arg(long, value_name = "URL", default_value = "https://pypi.org/simple/", value_parser = index_url)]
    pub index_url: String,

    /// How to print the findings
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,

    /// The log and the trust in it
    #[command(flatten)]
    pub log: LogArgs,
}

impl Cli {
    /// Does what was asked.
    pub async fn run(self) -> Outcome {
        match self.command {
            Command::Audit(arguments) => audit::run(&arguments).await,
            Command::Completions { shell } => {
                clap_complete::generate(
                    shell,
                    &mut Self::command(),
                    "wheeltap-witness",
                    &mut std::io::stdout(),
                );
                Ok(Exit::Ok)
            }
        }
    }
}

const AUDIT_HELP: &str = "\
Findings:
  extra-release  a version on the index of which nothing is logged
  extra-file     a file that is not logged, of a logged version or of none
  hash-mismatch  the same file name with another sha256, or with none
  missing-file   logged, and not on the index: deleted, or not uploaded yet
Releases and files are extra only where the log's policy covers the version.

Example:
  wheeltap-witness audit --trust trust.toml --project nova --project oslo.config

Exit codes:
   0  nothing found: index and log agree on each project
   1  failed; also when only some of the projects have no verdict: the findings
      in the others are printed all the same, the JSON names both
   2  wrong usage
  11  a hash, proof or signature of the log is wrong
  12  too few witnesses have cosigned the log, or too long ago
  13  the log misbehaved; evidence was written to the state directory
  20  there are findings, and each project has a verdict

Findings go to stdout, everything else to stderr. WHEELTAP_LOG_FILTER sets the log
filter (default: warn).";

fn project(text: &str) -> Result<ProjectName, NameError> {
    ProjectName::normalise(text)
}

fn index_url(text: &str) -> Result<String, String> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| text.starts_with(scheme));
    let Some(rest) = scheme.and_then(|scheme| text.strip_prefix(scheme)) else {
        return Err("expected an http or https URL".to_owned());
    };
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.is_empty() {
        return Err("expected a host after `//`".to_owned());
    }
    if authority.contains('@') {
        return Err("no user or password, please: the report repeats the URL".to_owned());
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains(['?', '#', '\\']) {
        return Err("expected no spaces, `?`, `#` or `\\`".to_owned());
    }
    Ok(format!("{}/", text.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<AuditArgs, String> {
        let always = ["wheeltap-witness", "audit", "--trust", "t"];
        match Cli::try_parse_from(always.iter().chain(arguments)).map_err(|error| error.to_string())?.command
        {
            Command::Audit(arguments) => Ok(arguments),
            Command::Completions { .. } => Err("completions".to_owned()),
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn names_and_urls_are_normalised() {
        let arguments = ["--project", "Oslo_.Config", "--project=nova", "--index-url", "http://[::1]:80/x"];
        let arguments = parse(&arguments).expect("arguments");
        let projects: Vec<&str> = arguments.projects.iter().map(ProjectName::as_str).collect();
        assert_eq!(projects, ["oslo-config", "nova"]);
        assert_eq!(arguments.index_url, "http://[::1]:80/x/");
        assert_eq!(arguments.format, Format::Text);
        let defaults = parse(&["--project", "nova"]).expect("arguments");
        assert_eq!(defaults.index_url, "https://pypi.org/simple/");
    }

    #[test]
    fn bad_arguments_are_usage_errors() {
        for (bad, names) in [
            (vec![], "--project"),
            (vec!["--project", "../x"], "../x"),
            (vec!["--project", "x", "--index-url", "ftp://x/"], "http"),
            (vec!["--project", "x", "--index-url", "https:///simple/"], "host"),
            (vec!["--project", "x", "--index-url", "https://me:secret@x/"], "password"),
            (vec!["--project", "x", "--index-url", "https://x/?y"], "`?`"),
            (vec!["--project", "x", "--format", "xml"], "xml"),
        ] {
            let error = parse(&bad).expect_err("a usage error");
            assert!(error.contains(names), "{error} should name {names}");
        }
    }
}
