//! Private keys on disk: one line, the C2SP signer key, in a file that only its
//! owner may read. A more open file is refused, since its key may be known to
//! others already.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use log_core::key::{KeyName, SignerKey, VerifierKey};

/// Longest key file: a name of 255 bytes, the key and a line feed.
const MAX_KEY_FILE_BYTES: u64 = 1024;

/// Makes a key from the system's randomness.
pub fn generate(name: KeyName) -> anyhow::Result<SignerKey> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).context("the system gives no randomness")?;
    Ok(SignerKey::from_seed(name, &seed))
}

/// Writes a key to a new file; an existing file is never overwritten.
pub fn create(path: &Path, key: &SignerKey) -> anyhow::Result<()> {
    let line = format!("{}\n", key.to_skey());
    match crate::durable::create_private(path, line.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!("{} exists; a key is never overwritten", path.display())
        }
        result => result.with_context(|| format!("cannot write key file {}", path.display())),
    }
}

/// Reads a key.
pub fn load(path: &Path) -> anyhow::Result<SignerKey> {
    // Of a public key nobody cares who may read it: it is the wrong file.
    if let Ok(text) = read_short(path)
        && VerifierKey::parse(text.trim_end()).is_ok()
    {
        let private = path.to_str().and_then(|path| path.strip_suffix(".pub"));
        let private = private.map(|path| format!(" ({path})")).unwrap_or_default();
        bail!("{} is a public key: give the private one{private}", path.display());
    }
    let text = read_private(path)?;
    SignerKey::parse(text.trim_end()).with_context(|| format!("{} holds no key", path.display()))
}

/// Reads a short file that nobody else may read.
pub fn read_private(path: &Path) -> anyhow::Result<String> {
    let metadata = fs::metadata(path).with_context(|| format!("cannot read key file {}", path.display()))?;
    check_mode(path, &metadata)?;
    read_short(path)
}

fn read_short(path: &Path) -> anyhow::Result<String> {
    let cannot = || format!("cannot read key file {}", path.display());
    if fs::metadata(path).with_context(cannot)?.len() > MAX_KEY_FILE_BYTES {
        bail!("{} is too long for a key file", path.display());
    }
    fs::read_to_string(path).with_context(cannot)
}

/// Whether what is no key, and was given for one or for its name, is the path of a file: a
/// key and its ID have a `+`.
pub fn looks_like_path(argument: &str) -> bool {
    let is_key_file = [".pub", ".key"].iter().any(|end| argument.ends_with(end));
    is_key_file || argument.contains('/') && !argument.contains('+')
}

/// A public key given on a command line: a vkey, or a file that holds one.
pub fn public_key(argument: &str) -> anyhow::Result<VerifierKey> {
    let error = match VerifierKey::parse(argument) {
        Ok(key) => return Ok(key),
        Err(error) => error,
    };
    let path = Path::new(argument);
    if !path.exists() && looks_like_path(argument) {
        bail!("there is no file {argument}");
    }
    if !path.is_file() {
        return Err(error)
            .with_context(|| format!("{argument:?} is neither a public key nor a file with one"));
    }
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    VerifierKey::parse(text.trim_end()).with_context(|| {
        let private = SignerKey::parse(text.trim_end()).is_ok();
        let hint =
            if private { ", but a private one: give the file beside it that ends in .pub" } else { "" };
        format!("{} holds no public key{hint}", path.display())
    })
}

#[cfg(unix)]
fn check_mode(path: &Path, metadata: &fs::Metadata) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        bail!(
            "key file {0} has mode {mode:03o}: others may read it; if nobody did, run `chmod 600 {0}`, \
             else replace the key",
            path.display()
        );
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: &fs::Metadata) -> anyhow::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn keys_are_private_and_never_overwritten() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("key");
        let key = generate(KeyName::parse("example").expect("a name")).expect("a key");
        create(&path, &key).expect("a key file");
        assert_eq!(load(&path).expect("a key").to_skey(), key.to_skey());
        assert!(create(&path, &key).expect_err("exists").to_string().contains("never overwritten"));
        for mode in [0o640, 0o604, 0o644, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
            let error = load(&path).expect_err("too open").to_string();
            assert!(error.contains("chmod 600"), "{error}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).expect("chmod");
        assert!(load(&path).is_ok());
        let error = load(&dir.path().join("none")).expect_err("no file").to_string();
        assert!(error.contains("none"), "{error}");
    }

    #[test]
    fn the_wrong_file_is_called_what_it_is() {
        let dir = tempfile::tempdir().expect("a directory");
        let (private, public) = (dir.path().join("team.key"), dir.path().join("team.key.pub"));
        let key = generate(KeyName::parse("example").expect("a name")).expect("a key");
        create(&private, &key).expect("a key file");
        fs::write(&public, format!("{}\r\n", key.public().to_vkey())).expect("written");
        let error = load(&public).expect_err("public").to_string();
        let told = format!("is a public key: give the private one ({})", private.display());
        assert!(error.ends_with(&told), "{error}");
        fs::write(&private, format!("{}\r\n", key.to_skey())).expect("written");
        assert!(load(&private).is_ok(), "an end of line is no part of it");

        let argument = |path: &Path| path.display().to_string();
        assert_eq!(&public_key(&argument(&public)).expect("a key"), key.public());
        let error = public_key(&argument(&private)).expect_err("private").to_string();
        assert!(error.contains("but a private one"), "{error}");
        assert!(!format!("{error:#}").contains("PRIVATE+KEY+example"), "{error}");
        for missing in ["release.key.pub", "keys/release"] {
            let error = public_key(missing).expect_err("no file").to_string();
            assert_eq!(error, format!("there is no file {missing}"));
        }
        let error = public_key("example.org/team+12345678").expect_err("a key's ID").to_string();
        assert!(error.contains("neither a public key nor a file with one"), "{error}");
    }
}
