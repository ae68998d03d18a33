//! Writing a page, in JSON and in HTML.
//!
//! Invariant: both forms say the same, as far as HTML can; every text from outside is
//! escaped for where it stands. A newer minor version than 1.0 is claimed only when all
//! files have what it demands, a size.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::offer::{Digests, NEWEST_MINOR, Offer, Offered};
use crate::artifact::ProjectName;

/// The page in JSON.
pub fn to_json(project: &ProjectName, offer: &Offer) -> String {
    let minor = claimed_minor(offer);
    let mut page = json!({
        "meta": {"api-version": format!("1.{minor}")},
        "name": project,
        "files": offer.files.iter().map(file_json).collect::<Vec<_>>(),
    });
    if let Some(versions) = &offer.versions {
        page["versions"] = json!(versions);
    }
    if let Some(status) = &offer.status {
        page["project-status"] = json!({"status": status.status});
        if let Some(reason) = &status.reason {
            page["project-status"]["reason"] = json!(reason);
        }
    }
    page.to_string()
}

/// The page in HTML.
pub fn to_html(project: &ProjectName, offer: &Offer) -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html>\n<head>\n<meta name=\"pypi:repository-version\" content=\"1.{}\">\n",
        claimed_minor(offer)
    );
    let mut meta = |name: &str, content: &str| {
        let _ = writeln!(page, "<meta name=\"{name}\" content=\"{}\">", escape_html(content));
    };
    if let Some(status) = &offer.status {
        meta("pypi:project-status", &status.status);
        status.reason.iter().for_each(|reason| meta("pypi:project-status-reason", reason));
    }
    let _ =
        write!(page, "<title>Links for {project}</title>\n</head>\n<body>\n<h1>Links for {project}</h1>\n");
    for file in &offer.files {
        page.push_str(&file_link(file));
    }
    page.push_str("</body>\n</html>\n");
    page
}

/// 1.1 demands a size of every file, and all versions (PEP 700); so what is newer can
/// only be claimed with both.
fn claimed_minor(offer: &Offer) -> u64 {
    let whole = offer.versions.is_some() && offer.files.iter().all(|file| file.size.is_some());
    if whole { offer.minor.min(NEWEST_MINOR) } else { 0 }
}

fn file_json(file: &Offered) -> Value {
    let digests =
        |digests: &Digests| digests.iter().map(|(k, v)| (k.clone(), json!(v))).collect::<Map<_, _>>();
    let mut json = json!({"filename": file.name, "url": file.url, "hashes": digests(&file.digests)});
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            json[key] = value;
        }
    };
    set("requires-python", file.requires_python.as_ref().map(|text| json!(text)));
    set("size", file.size.map(|size| json!(size)));
    set("upload-time", file.upload_time.as_ref().map(|text| json!(text)));
    let yanked =
        file.yanked.as_ref().map(|reason| if reason.is_empty() { json!(true) } else { json!(reason) });
    set("yanked", Some(yanked.unwrap_or(json!(false))));
    let metadata = file.metadata.as_ref().map(|metadata| match metadata.as_slice() {
        [] => json!(true),
        _ => Value::Object(digests(metadata)),
    });
    // In both spellings, as PyPI has it: pip up to 23.1 knows only the older one.
    set("core-metadata", metadata.clone());
    set("data-dist-info-metadata", metadata);
    set("provenance", file.provenance.as_ref().map(|url| json!(url)));
    json
}

fn file_link(file: &Offered) -> String {
    let mut link = format!("<a href=\"{}", escape_html(&file.url));
    // A URL has one fragment; the strongest digest, so that nobody goes by a weaker one.
    let strongest = ["sha512", "sha384", "sha256", "sha224", "sha1", "md5"];
    let digest = |name: &&str| file.digests.iter().find(|(algorithm, _)| algorithm == name);
    if let Some((algorithm, digest)) = strongest.iter().find_map(digest) {
        let _ = write!(link, "#{algorithm}={}", escape_html(digest));
    }
    link.push('"');
    let mut set = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            let _ = write!(link, " {name}=\"{}\"", escape_html(value));
        }
    };
    set("data-requires-python", file.requires_python.as_deref());
    set("data-yanked", file.yanked.as_deref());
    let metadata = file.metadata.as_ref().map(|metadata| match metadata.first() {
        Some((algorithm, digest)) => format!("{algorithm}={digest}"),
        None => "true".to_owned(),
    });
    set("data-core-metadata", metadata.as_deref());
    set("data-dist-info-metadata", metadata.as_deref());
    set("data-provenance", file.provenance.as_deref());
    let _ = writeln!(link, ">{}</a><br>", escape_html(&file.name));
    link
}

/// Text for HTML, between tags or in a quoted attribute.
pub fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A part of a URL's path: all but letters, digits and `-._~` as `%XX`.
pub fn encode_percent(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
