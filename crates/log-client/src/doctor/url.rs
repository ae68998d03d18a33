//! Addresses: which are below another, and how they are shown.
//!
//! No parser of URLs: what cannot be compared is simply not the proxy's.

/// Whether `address` is `base` or below it. Credentials do not count.
pub fn is_below(address: &str, base: &str) -> bool {
    let (Some(address), Some(base)) = (plain(address), plain(base)) else { return false };
    let base = base.trim_end_matches('/');
    address.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        // `base/../elsewhere` is not below it.
        && !address.contains("/../")
        && !address.ends_with("/..")
}

/// Text with the credentials of every address in it left out.
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        shown.push_str(before);
        let end = after.find(|c: char| "/?#\"'<>,;".contains(c) || c.is_whitespace()).unwrap_or(after.len());
        let (authority, next) = after.split_at(end);
        match authority.rsplit_once('@') {
            // `git@host` is how one writes it, and no secret.
            Some(("git", _)) | None => shown.push_str(authority),
            Some((_, host)) => {
                shown.push_str("…@");
                shown.push_str(host);
            }
        }
        rest = next;
    }
    shown.push_str(rest);
    shown
}

/// Whether a text names a place by its address: `https://…`, `git+ssh://…`, `file:…`.
pub fn is_address(text: &str) -> bool {
    // `a @ file:/b` has no slashes to be known by.
    text.contains("://") || text.split([' ', '\t', '@', '=']).any(|word| word.starts_with("file:"))
}

/// Whether an address is PyPI's own index, in any spelling that tools use for it.
pub fn is_pypi(address: &str) -> bool {
    ["https://pypi.org", "https://pypi.python.org"].iter().any(|pypi| is_below(address, pypi))
}

/// An address without credentials, scheme and host in lower case.
fn plain(address: &str) -> Option<String> {
    let (scheme, rest) = address.trim().split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Some(format!("{}://{}{path}", scheme.to_ascii_lowercase(), host.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_below_others() {
        let base = "http://127.0.0.1:8480/";
        for (address, below) in [
            ("http://127.0.0.1:8480/simple/", true),
            ("http://127.0.0.1:8480", true),
            ("HTTP://user:secret@127.0.0.1:8480/simple", true),
            ("http://127.0.0.1:84801/simple/", false),
            ("https://127.0.0.1:8480/simple/", false),
            ("http://127.0.0.1:8480@evil.example/", false),
            ("http://127.0.0.1:8480.evil.example/", false),
            ("http://127.0.0.1/simple/", false),
            ("", false),
        ] {
            assert_eq!(is_below(address, base), below, "{address}");
        }
        assert!(!is_below("http://h/a/../b", "http://h/a"));
        assert!(is_pypi("https://pypi.org/simple") && !is_pypi("https://pypi.org.evil.example/simple"));
    }

    #[test]
    fn credentials_are_not_shown() {
        for (text, expected) in [
            ("https://user:s3cret@host/simple", "https://…@host/simple"),
            ("a https://t@h b https://u:p@h/x?y=@z", "a https://…@h b https://…@h/x?y=@z"),
            ("git+ssh://git@host/a", "git+ssh://git@host/a"),
            ("https://u:p@ss@host/", "https://…@host/"),
            ("no address", "no address"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }
}
