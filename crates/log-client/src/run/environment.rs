//! Pointing the tools of one command at a proxy: a pure function of the environment.
//!
//! | tool | is pointed by |
//! |---|---|
//! | pip, tox, pip-tools, build isolation | `PIP_INDEX_URL` |
//! | uv | `UV_DEFAULT_INDEX`, and `UV_INDEX` so that it goes before those of the project |
//! | pdm | `PDM_PYPI_URL` |
//! | pipenv | `PIPENV_PYPI_MIRROR` |
//! | poetry | a plugin (`place`), which reads `WHEELTAP_INDEX_URL` |
//!
//! Invariant: what the proxy stands in front of is not asked beside it. pip's variables
//! replace what its configuration files say, when they are not empty: a further index is
//! therefore set to the proxy itself, and the place with files to an empty directory.

use std::collections::BTreeMap;
use std::path::Path;

/// What changes in a command's environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Variables that are set.
    pub set: BTreeMap<&'static str, String>,
    /// Variables that are taken out.
    pub removed: Vec<&'static str>,
    /// Variables that had a value which does not count now; the command's user is told.
    pub aside: Vec<&'static str>,
    /// Other spellings of pip's variables, which pip takes for the same, and which go before
    /// those that are set here. They are taken out, and the command's user is told.
    pub misspelt: Vec<String>,
}

/// Variables that name other places to take files from, or weaken the choice between them.
const SIDE_DOORS: [&str; 12] = [
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_NO_INDEX",
    "PIP_PYPI_URL",
    "PIP_TRUSTED_HOST",
    "PIP_PROXY",
    "UV_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_INDEX_STRATEGY",
    "UV_INSECURE_HOST",
    "UV_TORCH_BACKEND",
];

/// Hosts that are not asked through an HTTP proxy.
const NO_PROXY: &str = "127.0.0.1,localhost";

/// The changes that point a command at this index, with caches below `directory`.
pub fn changes(environment: &BTreeMap<String, String>, index_url: &str, directory: &Path) -> Changes {
    let value = |name: &str| environment.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let mut set = BTreeMap::new();
    for name in [
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "UV_DEFAULT_INDEX",
        "UV_INDEX",
        "PDM_PYPI_URL",
        "PIPENV_PYPI_MIRROR",
        "WHEELTAP_INDEX_URL",
    ] {
        set.insert(name, index_url.to_owned());
    }
    let below = |name: &str| directory.join(name).display().to_string();
    set.extend([
        ("PIP_FIND_LINKS", below("empty")),
        ("PIP_NO_INDEX", "0".to_owned()),
        ("UV_INDEX_STRATEGY", "first-index".to_owned()),
        ("PIP_CACHE_DIR", below("pip-cache")),
        ("UV_CACHE_DIR", below("uv-cache")),
        ("PDM_CACHE_DIR", below("pdm-cache")),
        ("PIPENV_CACHE_DIR", below("pipenv-cache")),
    ]);
    for name in ["NO_PROXY", "no_proxy"] {
        let hosts = value(name).map_or_else(|| NO_PROXY.to_owned(), |hosts| format!("{hosts},{NO_PROXY}"));
        set.insert(name, hosts);
    }
    // pip's own setting takes no notice of NO_PROXY, so that it would ask there for us.
    if let Some(proxy) = value("PIP_PROXY") {
        for (name, small) in [("HTTPS_PROXY", "https_proxy"), ("HTTP_PROXY", "http_proxy")] {
            if value(name).is_none() && value(small).is_none() {
                set.insert(name, proxy.to_owned());
            }
        }
    }
    // UV_INDEX_URL is the old name of UV_DEFAULT_INDEX.
    let doors = SIDE_DOORS.into_iter().filter(|name| value(name).is_some());
    let aside: Vec<&str> = doors.collect();
    let old = value("UV_INDEX_URL").map(|_| "UV_INDEX_URL");
    let removed = aside.iter().copied().chain(old).filter(|name| !set.contains_key(name)).collect();
    let misspelt = environment.keys().filter(|name| {
        let Some(rest) = name.strip_prefix("PIP_") else { return false };
        let meant = format!("PIP_{}", rest.to_ascii_uppercase().replace('-', "_"));
        **name != meant && (set.contains_key(meant.as_str()) || SIDE_DOORS.contains(&meant.as_str()))
    });
    let misspelt = misspelt.cloned().collect();
    Changes { set, removed, aside, misspelt }
}

/// An address without the name and password in it, and these.
pub fn credentials(address: &str) -> (String, Option<(String, String)>) {
    let whole = || (address.to_owned(), None);
    let Some((scheme, rest)) = address.split_once("://") else { return whole() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let Some((user, host)) = rest[..end].rsplit_once('@') else { return whole() };
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    (format!("{scheme}://{host}{}", &rest[end..]), Some((decoded(name), decoded(password))))
}

/// Percent-decoded; what is no escape stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escape = after.get(..2).filter(|_| *first == b'%').and_then(|hex| str::from_utf8(hex).ok());
        let byte = escape.filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        if let Some(byte) = byte.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::tox_env;

    const INDEX: &str = "http://127.0.0.1:1/simple/";

    fn check(variables: &[(&str, &str)]) -> Changes {
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        changes(&variables, INDEX, Path::new("/run"))
    }

    #[test]
    fn tools_are_pointed_and_side_doors_shut() {
        let changes = check(&[
            ("PIP_INDEX_URL", "https://own.example/simple"),
            ("PIP_FIND_LINKS", "/wheels"),
            ("UV_INDEX", ""),
            ("UV_INDEX_URL", "https://own.example/simple"),
            ("UV_FIND_LINKS", "/wheels"),
            ("NO_PROXY", "corp.example"),
            ("PIP_CERT", "/ca.pem"),
        ]);
        assert_eq!(changes.aside, ["PIP_FIND_LINKS", "UV_FIND_LINKS"]);
        assert_eq!(changes.removed, ["UV_FIND_LINKS", "UV_INDEX_URL"]);
        for name in ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "PDM_PYPI_URL", "PIPENV_PYPI_MIRROR"] {
            assert_eq!(changes.set[name], INDEX);
        }
        assert_eq!(changes.set["NO_PROXY"], "corp.example,127.0.0.1,localhost");
        assert_eq!(changes.set["no_proxy"], "127.0.0.1,localhost");
        assert!(!changes.set.contains_key("PIP_CERT"));
    }

    #[test]
    fn doctor_knows_what_is_set_and_taken_out() {
        let taken_out = tox_env::TAKEN_OUT.map(|name| (name, "x"));
        let changes = check(&taken_out);
        assert!(tox_env::POINTED.iter().all(|name| changes.set.contains_key(name)));
        assert!(
            tox_env::TAKEN_OUT.iter().all(|name| changes.removed.contains(name)),
            "{:?}",
            changes.removed
        );
    }

    #[test]
    fn other_spellings_of_pips_variables_do_not_count() {
        let changes = check(&[
            ("PIP_index_url", "x"),
            ("PIP_EXTRA-INDEX-URL", "y"),
            ("PIP_cert", "/ca"),
            ("pip_proxy", "z"),
        ]);
        assert_eq!(changes.misspelt, ["PIP_EXTRA-INDEX-URL", "PIP_index_url"]);
    }

    #[test]
    fn what_configuration_files_say_is_replaced() {
        let changes = check(&[]);
        assert_eq!(changes.set["PIP_EXTRA_INDEX_URL"], INDEX);
        assert_eq!(changes.set["PIP_FIND_LINKS"], "/run/empty");
        assert_eq!(changes.set["PIP_NO_INDEX"], "0");
        assert!(changes.set.values().all(|value| !value.is_empty()), "pip takes an empty one as unset");
        assert_eq!((changes.aside.len(), changes.removed.len()), (0, 0));
    }

    #[test]
    fn an_http_proxy_of_pip_is_everybodys_but_not_for_this_machine() {
        let changes = check(&[("PIP_PROXY", "http://p:1"), ("https_proxy", "http://q:1")]);
        assert_eq!(changes.removed, ["PIP_PROXY"]);
        assert_eq!(changes.set["HTTP_PROXY"], "http://p:1");
        assert!(!changes.set.contains_key("HTTPS_PROXY"));
    }

    #[test]
    fn credentials_are_taken_out_of_addresses() {
        let some = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        for (address, plain, expected) in [
            ("https://h/simple", "https://h/simple", None),
            ("https://u:p%40s@h/simple", "https://h/simple", some("u", "p@s")),
            ("https://token@h:1/", "https://h:1/", some("token", "")),
            ("https://u:100%@h", "https://h", some("u", "100%")),
            ("https://h/@x", "https://h/@x", None),
            ("nothing", "nothing", None),
        ] {
            assert_eq!(credentials(address), (plain.to_owned(), expected), "{address}");
        }
    }
}
