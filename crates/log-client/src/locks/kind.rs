//! Which kind of file a file is: by its name, else by what is in it.

use serde_json::Value;

use super::{LockError, Wanted, pdm, pipfile, poetry, pylock, report, text, uv};

/// A kind of file that wants things installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockKind {
    /// pip's requirements.
    Requirements,
    /// `pylock.toml`, `pylock.<name>.toml`.
    Pylock,
    /// `uv.lock`.
    Uv,
    /// `poetry.lock`.
    Poetry,
    /// `pdm.lock`.
    Pdm,
    /// `Pipfile.lock`.
    Pipfile,
    /// pip's installation report.
    Report,
    /// What is installed.
    Environment,
}

impl LockKind {
    /// The kind of the file called `name`. A name that says what it is decides, so that a
    /// file of another kind under that name is an error and not a surprise.
    pub fn of(name: &str, bytes: &[u8]) -> Result<Self, LockError> {
        match name {
            "uv.lock" => Ok(Self::Uv),
            "poetry.lock" => Ok(Self::Poetry),
            "pdm.lock" => Ok(Self::Pdm),
            "Pipfile.lock" => Ok(Self::Pipfile),
            name if is_pylock(name) => Ok(Self::Pylock),
            name if has_extension(name, &["txt", "in"]) => Ok(Self::Requirements),
            _ => Self::by_content(bytes),
        }
    }

    fn by_content(bytes: &[u8]) -> Result<Self, LockError> {
        let unknown = || {
            LockError::whole(
                "it is none of uv.lock, poetry.lock, pdm.lock, Pipfile.lock, pylock.toml and pip's report; \
                 give requirements with -r",
            )
        };
        let start = text::utf8(bytes)?.trim_start();
        if start.starts_with('{') {
            let json: Value = text::json(bytes)?;
            return match (json.get("_meta"), json.get("install")) {
                (Some(_), None) => Ok(Self::Pipfile),
                (None, Some(_)) => Ok(Self::Report),
                _ => Err(unknown()),
            };
        }
        let (toml, _) = text::toml::<toml::Table>(bytes).map_err(|_| unknown())?;
        let metadata = |key: &str| toml.get("metadata").is_some_and(|metadata| metadata.get(key).is_some());
        match () {
            () if toml.contains_key("lock-version") && toml.contains_key("packages") => Ok(Self::Pylock),
            () if metadata("lock-version") => Ok(Self::Poetry),
            () if metadata("lock_version") => Ok(Self::Pdm),
            () if toml.contains_key("version") && toml.contains_key("requires-python") => Ok(Self::Uv),
            () => Err(unknown()),
        }
    }

    /// Reads a file of this kind. Requirements, which include other files, and environments
    /// are read by the caller.
    pub fn parse(self, bytes: &[u8]) -> Result<Vec<Wanted>, LockError> {
        match self {
            Self::Pylock => pylock::parse(bytes),
            Self::Uv => uv::parse(bytes),
            Self::Poetry => poetry::parse(bytes),
            Self::Pdm => pdm::parse(bytes),
            Self::Pipfile => pipfile::parse(bytes),
            Self::Report => report::parse(bytes),
            Self::Requirements | Self::Environment => Err(LockError::whole("it is not one file")),
        }
    }

    /// One word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requirements => "requirements",
            Self::Pylock => "pylock",
            Self::Uv => "uv",
            Self::Poetry => "poetry",
            Self::Pdm => "pdm",
            Self::Pipfile => "pipfile",
            Self::Report => "report",
            Self::Environment => "environment",
        }
    }
}

/// `pylock.toml`, or `pylock.<name>.toml` with a name without dots (PEP 751).
fn is_pylock(name: &str) -> bool {
    let middle = name.strip_prefix("pylock.").and_then(|rest| rest.strip_suffix(".toml"));
    name == "pylock.toml" || middle.is_some_and(|middle| !middle.is_empty() && !middle.contains('.'))
}

fn has_extension(name: &str, extensions: &[&str]) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIXTURES: [(&str, &[u8], LockKind); 8] = [
        ("uv.lock", include_bytes!("fixtures/uv.lock"), LockKind::Uv),
        ("poetry.lock", include_bytes!("fixtures/poetry.lock"), LockKind::Poetry),
        ("pdm.lock", include_bytes!("fixtures/pdm.lock"), LockKind::Pdm),
        ("pdm.lock", include_bytes!("fixtures/pdm.static.lock"), LockKind::Pdm),
        ("Pipfile.lock", include_bytes!("fixtures/Pipfile.lock"), LockKind::Pipfile),
        ("pylock.toml", include_bytes!("fixtures/pylock.uv.toml"), LockKind::Pylock),
        ("pylock.dev.toml", include_bytes!("fixtures/pylock.pip.toml"), LockKind::Pylock),
        ("report", include_bytes!("fixtures/report.json"), LockKind::Report),
    ];

    #[test]
    fn names_and_contents_say_what_a_file_is() {
        for (name, bytes, kind) in FIXTURES {
            assert_eq!(LockKind::of(name, bytes), Ok(kind), "{name}");
            assert_eq!(LockKind::of("some.file", bytes), Ok(kind), "{name} by its content");
            kind.parse(bytes).expect(name);
        }
        assert_eq!(LockKind::of("constraints.txt", b""), Ok(LockKind::Requirements));
        for name in ["pylock.a.b.toml", "pylock..toml", "pylock.toml.bak", "lock"] {
            assert!(LockKind::of(name, b"nova==1").is_err(), "{name}");
        }
        assert!(LockKind::of("x", b"{}").is_err());
        // What is called a uv.lock is read as one.
        let poetry: &[u8] = include_bytes!("fixtures/poetry.lock");
        assert!(LockKind::of("uv.lock", poetry).expect("by name").parse(poetry).is_err());
    }

    #[test]
    fn every_bound_holds() {
        for (_, _, kind) in FIXTURES {
            let long = vec![b' '; super::super::MAX_LOCK_BYTES + 1];
            assert!(kind.parse(&long).expect_err("too long").to_string().contains("bytes"), "{kind:?}");
            let deep = "[".repeat(100_000);
            assert!(kind.parse(deep.as_bytes()).is_err(), "{kind:?}");
        }
        let package = "[[package]]\nname = \"a\"\nversion = \"1\"\n";
        let many = package.repeat(super::super::MAX_WANTED + 1) + "[metadata]\nlock-version = \"2.1\"\n";
        assert!(
            LockKind::Poetry.parse(many.as_bytes()).expect_err("too many").to_string().contains("entries")
        );
    }

    proptest! {
        /// However a file is changed: every hash that is found is one that is written there.
        #[test]
        fn hashes_are_not_made_up(
            fixture in 0..FIXTURES.len(), at in any::<prop::sample::Index>(), length in 0_usize..200,
            replacement in "[ -~\\n]{0,40}"
        ) {
            let (_, bytes, kind) = FIXTURES[fixture];
            let at = at.index(bytes.len());
            let end = (at + length).min(bytes.len());
            let changed = [&bytes[..at], replacement.as_bytes(), &bytes[end..]].concat();
            let Ok(wanted) = kind.parse(&changed) else { return Ok(()) };
            let text = String::from_utf8_lossy(&changed).to_ascii_lowercase();
            for digest in wanted.iter().flat_map(|wanted| &wanted.permits).flat_map(|file| &file.digests) {
                if let Some(sha256) = digest.sha256() {
                    prop_assert!(text.contains(&sha256.to_hex()), "{sha256:?} is made up");
                }
            }
        }

        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for (_, _, kind) in FIXTURES {
                let _ = kind.parse(&bytes);
            }
            let _ = LockKind::of("", &bytes);
        }
    }
}
