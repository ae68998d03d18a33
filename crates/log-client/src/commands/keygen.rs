//! `wheeltap keygen`: a new Ed25519 key in a file of its own.

use std::path::{Path, PathBuf};

use clap::Args;
use log_core::key::KeyName;
use log_io::outcome::{Exit, Failure, Outcome, note, print};
use log_io::{durable, key_file};

/// Arguments of `wheeltap keygen`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  wheeltap keygen release.example.org release.key
The private key is in release.key (mode 0600), the public one in release.key.pub and on stdout.")]
pub struct KeygenArgs {
    /// The key's name: whose it is, without spaces or `+`, e.g. release.example.org
    name: String,
    /// Where the private key goes; `FILE.pub` gets the public one
    file: PathBuf,
}

/// Makes a key.
pub fn run(args: &KeygenArgs) -> Outcome {
    if [".key", ".pub"].iter().any(|end| args.name.ends_with(end)) {
        return Err(Failure::usage(format!("{:?} looks like a file, not like a key's name", args.name))
            .hint("the name comes first: wheeltap keygen release.example.org release.key"));
    }
    let name = KeyName::parse(&args.name).map_err(|error| Failure::usage(error.to_string()))?;
    let key = key_file::generate(name)?;
    let mut public = args.file.clone().into_os_string();
    public.push(".pub");
    if !args.file.exists() && Path::new(&public).exists() {
        return Err(Failure::usage(format!("{} exists", public.display())));
    }
    key_file::create(&args.file, &key)?;
    let vkey = key.public().to_vkey();
    durable::write(public.as_ref(), format!("{vkey}\n").as_bytes())
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", public.display())))?;
    note(format_args!("wrote {} and {}; the public key:", args.file.display(), public.display()));
    print(vkey);
    Ok(Exit::Ok)
}
