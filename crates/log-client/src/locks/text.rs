//! What the formats share: hashes, URLs, names, and lines of a TOML file.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use log_core::artifact::ProjectName;
use log_core::hash::Hash;
use log_core::simple_index::{EXCERPT_CHARS, escaped};
use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::{Digest, LockError, MAX_LOCK_BYTES, Place, Wanted, bounded};

/// The start of outside text, in printable ASCII.
pub fn excerpt(text: &str) -> String {
    let mut short = escaped(text.chars().take(EXCERPT_CHARS));
    if text.chars().nth(EXCERPT_CHARS).is_some() {
        short.push_str("...");
    }
    short
}

/// A project's name, in any spelling.
pub fn project(name: &str, place: &Place) -> Result<ProjectName, LockError> {
    ProjectName::normalise(name).map_err(|error| LockError::at(place, error.to_string()))
}

/// `sha256:<hex>`, or another algorithm.
pub fn digest(text: &str, place: &Place) -> Result<Digest, LockError> {
    let (algorithm, value) = text.split_once(':').ok_or_else(|| {
        LockError::at(place, format!("the hash \"{}\" does not name its algorithm", excerpt(text)))
    })?;
    digest_of(algorithm, value, place)
}

/// A hash whose algorithm is given beside it. Installers compare without regard to case,
/// some of them; more than one spelling is not worth it.
pub fn digest_of(algorithm: &str, value: &str, place: &Place) -> Result<Digest, LockError> {
    if !algorithm.eq_ignore_ascii_case("sha256") {
        return Ok(Digest::Other(excerpt(algorithm)));
    }
    let hash = Hash::parse_hex(&value.to_ascii_lowercase());
    hash.map(Digest::Sha256).ok_or_else(|| {
        LockError::at(place, format!("the sha256 \"{}\" is not 64 hex digits", excerpt(value)))
    })
}

/// The hashes in a URL, which pip takes for those of the file: after a `#` or an `&`, in its
/// query, too.
pub fn url_digests(url: &str, place: &Place) -> Result<Vec<Digest>, LockError> {
    let pairs = url.split(['#', '&']).skip(1).filter_map(|part| part.split_once('='));
    let is_hash = |name: &str| name.starts_with("sha") || name == "md5" || name.starts_with("blake2");
    pairs.filter(|(name, _)| is_hash(name)).map(|(name, value)| digest_of(name, value, place)).collect()
}

/// The last part of the path of a URL or of a path, with its percent signs undone, as
/// installers take it for the name of the file. `None` when that is no text.
pub fn last_part(url: &str) -> Option<String> {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.split(['?', '#']).next().unwrap_or_default(),
        None => url.split('#').next().unwrap_or_default(),
    };
    let is_url = url.contains("://");
    let last = path.rsplit(['/', '\\']).next().unwrap_or_default();
    if is_url { percent_decoded(last) } else { Some(last.to_owned()) }
}

/// The scheme of a URL; a single letter is the name of a disk.
pub fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    is_scheme.then_some(scheme)
}

/// Whether it is a URL of the web.
pub fn is_web(url: &str) -> bool {
    scheme(url).is_some_and(|scheme| ["http", "https"].iter().any(|web| web.eq_ignore_ascii_case(scheme)))
}

/// Whether it is the path, or the URL of a path, of this machine.
pub fn is_local(place: &str) -> bool {
    let Some(scheme) = scheme(place) else { return true };
    let path = place[scheme.len() + 1..].strip_prefix("//");
    let of_no_host = |path: &str| path.starts_with('/') || path.starts_with("localhost/");
    scheme.eq_ignore_ascii_case("file") && path.is_none_or(of_no_host)
}

/// Extensions of what pip takes for an archive rather than a directory.
const ARCHIVES: [&str; 11] =
    [".whl", ".zip", ".tar.gz", ".tgz", ".tar", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tlz", ".tar.lz"];

/// Whether a path or URL is that of an archive, going by its extension.
pub fn is_archive(path: &str) -> bool {
    let path = path.split(['#', '?']).next().unwrap_or_default().to_ascii_lowercase();
    ARCHIVES.iter().any(|extension| path.ends_with(extension)) || path.ends_with(".tar.lzma")
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let escape = (*first == b'%').then(|| Some((hex(tail.first()?)?, hex(tail.get(1)?)?))).flatten();
        if let Some((high, low)) = escape {
            bytes.push(high << 4 | low);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

/// Scheme and host (with its port) of a URL, in lower case and without credentials.
pub fn host(url: &str) -> Option<(String, String)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Some((scheme.to_ascii_lowercase(), host.to_ascii_lowercase()))
}

/// A file's text, when it has no more bytes than a lock file may have.
pub fn utf8(bytes: &[u8]) -> Result<&str, LockError> {
    if bytes.len() > MAX_LOCK_BYTES {
        return Err(LockError::whole(format!("it has more than {MAX_LOCK_BYTES} bytes")));
    }
    let text = str::from_utf8(bytes).map_err(|_| LockError::whole("it is not UTF-8"))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// A TOML file, and the lines in it.
pub fn toml<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, Lines), LockError> {
    let text = utf8(bytes)?;
    let value = toml::from_str(text).map_err(|error: toml::de::Error| {
        let place = error.span().map(|span| Lines::of(text).place(span.start));
        LockError { place, what: excerpt(error.message()) }
    })?;
    Ok((value, Lines::of(text)))
}

/// What the packages of a TOML file want, each at its place.
pub fn packages<P>(
    packages: Vec<Spanned<P>>,
    lines: &Lines,
    wanted: impl Fn(P, Place) -> Result<Wanted, LockError>,
) -> Result<Vec<Wanted>, LockError> {
    let wanted = packages.into_iter().map(|package| {
        let place = lines.place(package.span().start);
        wanted(package.into_inner(), place)
    });
    bounded(wanted.collect::<Result<_, _>>()?)
}

/// A JSON file.
pub fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, LockError> {
    serde_json::from_str(utf8(bytes)?).map_err(|error| LockError::whole(excerpt(&error.to_string())))
}

/// A JSON object in which each key is there once. Of two equal keys most readers take the
/// last, and not all.
#[derive(Debug)]
pub struct Unique<T>(pub BTreeMap<String, T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Unique<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct UniqueVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for UniqueVisitor<T> {
            type Value = Unique<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, T>()? {
                    if entries.contains_key(&key) {
                        return Err(A::Error::custom(format_args!("the key {key:?} is there twice")));
                    }
                    entries.insert(key, value);
                }
                Ok(Unique(entries))
            }
        }

        from.deserialize_map(UniqueVisitor(PhantomData))
    }
}

/// Where the lines of a text end.
#[derive(Debug, Clone)]
pub struct Lines(Vec<usize>);

impl Lines {
    /// The lines of a text.
    pub fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    /// The line in which the byte at `offset` is.
    pub fn place(&self, offset: usize) -> Place {
        Place::Line(self.0.partition_point(|end| *end < offset) + 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_part_of_a_url_is_the_name_of_the_file() {
        for (url, name) in [
            ("https://files.example/packages/aa/bb/nova-1.0.tar.gz", "nova-1.0.tar.gz"),
            ("https://files.example/nova-1.0.tar.gz?x=/evil-1.0.tar.gz#sha256=00", "nova-1.0.tar.gz"),
            ("https://files.example/nova-1.0%2Blocal-py3-none-any.whl", "nova-1.0+local-py3-none-any.whl"),
            ("https://files.example/a%2Fnova-1.0.zip", "a/nova-1.0.zip"),
            ("https://files.example", "files.example"),
            ("../dist/nova-1.0.zip", "nova-1.0.zip"),
            ("c:\\dist\\nova-1.0.zip", "nova-1.0.zip"),
            ("https://files.example/%zz%4", "%zz%4"),
        ] {
            assert_eq!(last_part(url).as_deref(), Some(name), "{url}");
        }
        assert_eq!(last_part("https://files.example/%ff"), None);
    }

    #[test]
    fn hosts_are_compared_without_credentials_and_case() {
        let host = |url| host(url).map(|(_, host)| host);
        assert_eq!(host("https://user:a@b@Files.Example:443/x").as_deref(), Some("files.example:443"));
        assert_eq!(host("https://files.example\\@evil.example/x").as_deref(), Some("files.example"));
        assert_eq!(host("../nova.zip"), None);
    }

    #[test]
    fn places_of_this_machine() {
        for local in [".", "/src/x", "c:\\x", "file:///src/x", "FILE://localhost/x", "file:x", "a/b:c"] {
            assert!(is_local(local), "{local}");
        }
        for remote in ["https://h/x", "git+file:///x", "bzr+lp:x", "git+ssh:x", "file://host/share/x"] {
            assert!(!is_local(remote), "{remote}");
        }
    }

    #[test]
    fn hashes_name_their_algorithm() {
        let place = Place::Line(1);
        let hex = "ab".repeat(32);
        let good = Digest::Sha256(Hash::parse_hex(&hex).expect("hex"));
        assert_eq!(digest(&format!("sha256:{hex}"), &place), Ok(good.clone()));
        assert_eq!(digest(&format!("SHA256:{}", hex.to_uppercase()), &place), Ok(good.clone()));
        assert_eq!(digest("md5:00", &place), Ok(Digest::Other("md5".to_owned())));
        assert!(digest("sha256:00", &place).is_err());
        assert!(digest(&hex, &place).is_err());
        let url = format!("https://files.example/x.zip#egg=x&sha256={hex}&md5=0");
        assert_eq!(url_digests(&url, &place), Ok(vec![good.clone(), Digest::Other("md5".to_owned())]));
        // As pip finds them.
        let query = format!("https://files.example/x.zip?a=b&sha256={hex}&c=d#md5=0");
        assert_eq!(url_digests(&query, &place), Ok(vec![good, Digest::Other("md5".to_owned())]));
        assert_eq!(url_digests("sha256=0", &place), Ok(vec![]));
    }

    #[test]
    fn lines_are_counted_from_one() {
        let lines = Lines::of("a\nbc\n");
        let places: Vec<Place> = (0..5).map(|at| lines.place(at)).collect();
        assert_eq!(places, [1, 1, 2, 2, 2].map(Place::Line));
    }

    proptest! {
        #[test]
        fn nothing_panics(text in any::<String>()) {
            let _ = (last_part(&text), host(&text), digest(&text, &Place::Line(1)));
            let _ = (url_digests(&text, &Place::Line(1)), scheme(&text), is_local(&text));
            prop_assert!(excerpt(&text).is_ascii());
        }
    }
}
