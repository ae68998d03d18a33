//! `RECORD` of a `.dist-info` directory: the files that an installer has put there, with
//! their digests.
//!
//! It is written on this machine, so it proves nothing about where the files are from: only
//! that they are still as they were installed. Left out: files without a digest, such as
//! `RECORD` itself and compiled modules.
//!
//! Specification: "Recording installed projects" on packaging.python.org; CSV as Python's
//! `csv` module reads it.

use log_core::hash::Hash;

/// Longest `RECORD`: 100,000 files with 150 bytes each.
pub const MAX_RECORD_BYTES: usize = 16 << 20;

/// A file that was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its path, from the directory with the packages.
    pub path: String,
    /// The digest of its bytes.
    pub sha256: Hash,
    /// How many bytes it has, where that is recorded.
    pub size: Option<u64>,
}

/// The files of a `RECORD` that have a SHA-256; an error names the line that is none.
pub fn parse(bytes: &[u8]) -> Result<Vec<Recorded>, String> {
    let text = str::from_utf8(bytes).map_err(|_| "RECORD is not UTF-8".to_owned())?;
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines().map(|line| line.trim_end_matches('\r'))) {
        if line.is_empty() {
            continue;
        }
        let wrong = || format!("line {number} of RECORD is not a path, a hash and a size");
        let [path, hash, size] =
            <[String; 3]>::try_from(fields(line).ok_or_else(wrong)?).map_err(|_| wrong())?;
        if let Some(encoded) = hash.strip_prefix("sha256=") {
            let sha256 = digest(encoded).ok_or_else(wrong)?;
            found.push(Recorded { path, sha256, size: size.parse().ok() });
        }
    }
    Ok(found)
}

/// URL-safe base64 without padding.
fn digest(encoded: &str) -> Option<Hash> {
    let standard: String = encoded
        .chars()
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            c => c,
        })
        .collect();
    Hash::parse_base64(&format!("{}=", standard.trim_end_matches('=')))
}

/// The fields of a line of CSV; a quoted one goes on in no further line.
fn fields(line: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => match rest.find(',') {
                Some(at) => (rest[..at].to_owned(), &rest[at..]),
                None => (rest.to_owned(), ""),
            },
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => return Some(fields),
            None => return None,
        }
    }
}

/// What is up to the closing quotation mark, and what comes after it.
fn quoted_field(quoted: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut rest = quoted;
    loop {
        let (part, after) = rest.split_once('"')?;
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => return Some((field, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use log_core::hash::digest as sha256;

    #[test]
    fn paths_and_digests_are_read() {
        // As `wheel` and pip write it: the digest of nothing.
        let of_nothing = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
        let record = format!(
            "nova/__init__.py,{of_nothing},0\r\n\"odd, \"\"name\"\".py\",{of_nothing},0\n../../bin/nova,{of_nothing},0\n\
             \nnova/__pycache__/__init__.cpython-311.pyc,,\nnova-1.0.dist-info/RECORD,,\nold.py,md5=AAAA,1\n"
        );
        let found = parse(record.as_bytes()).expect("a RECORD");
        let paths: Vec<&str> = found.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["nova/__init__.py", "odd, \"name\".py", "../../bin/nova"]);
        assert!(found.iter().all(|file| file.sha256 == sha256(&[b""])));
        assert!(found.iter().all(|file| file.size == Some(0)));
        let padded = format!("a,{of_nothing}=,\n");
        let padded = parse(padded.as_bytes()).expect("a RECORD");
        assert_eq!((padded.len(), padded[0].size), (1, None));
    }

    #[test]
    fn what_is_no_record_is_an_error() {
        for wrong in
            ["a\n", "a,b\n", "a,b,c,d\n", "\"a,,\n", "\"a\"b,,\n", "a,sha256=x,1\n", "a,sha256=AAAA,1\n"]
        {
            assert!(parse(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
        assert!(parse(b"\xff,,\n").is_err());
    }
}
