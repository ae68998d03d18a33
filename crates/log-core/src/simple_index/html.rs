//! Reading a page in HTML (PEP 503), as installers do: the `<a>` and `<meta>` elements
//! and the first `<base>`, wherever they stand, and nothing else.
//!
//! Invariant: the time is linear in the length of the page. A file's name is the last
//! part of its URL's path, which is what pip goes by, not the text of the link, which
//! could say anything; links whose path ends in `/` are no files.
//!
//! Left out: whether the document is well-formed; what a browser would do with scripts,
//! frames and forms.

use super::json::api_minor;
use super::offer::{Offer, Offered, ProjectStatus, parse_metadata};
use super::{MAX_FILES, MAX_PAGE_BYTES, PageError};

/// Most attributes of an element; those after them are left out. Links have eight.
const MAX_ATTRIBUTES: usize = 32;

/// Reads a page of at most [`MAX_PAGE_BYTES`]. Whose page it is HTML does not say.
pub fn parse(body: &[u8]) -> Result<Offer, PageError> {
    if body.len() > MAX_PAGE_BYTES {
        return Err(PageError::Json(format!("it has more than {MAX_PAGE_BYTES} bytes")));
    }
    let text = String::from_utf8_lossy(body);
    let mut offer = Offer::default();
    let (mut status, mut reason) = (None, None);
    for element in (Elements { rest: &text }) {
        match element.name.as_str() {
            "base" if offer.base.is_none() => offer.base = element.attribute("href"),
            "meta" => {
                let content = element.attribute("content").unwrap_or_default();
                match element.attribute("name").as_deref() {
                    Some("pypi:repository-version") => offer.minor = api_minor(content.trim())?,
                    Some("pypi:project-status") => status = Some(content),
                    Some("pypi:project-status-reason") => reason = Some(content),
                    _ => {}
                }
            }
            "a" => {
                let Some(file) = file(&element) else { continue };
                if offer.files.len() == MAX_FILES {
                    return Err(PageError::Json(format!("it lists more than {MAX_FILES} files")));
                }
                offer.files.push(file);
            }
            _ => {}
        }
    }
    offer.status = status.map(|status| ProjectStatus { status, reason });
    Ok(offer)
}

fn file(link: &Element) -> Option<Offered> {
    let mut file = Offered::default();
    file.set_url(link.attribute("href")?.trim());
    file.name = file_name(&file.url)?;
    file.requires_python = link.attribute("data-requires-python").filter(|text| !text.is_empty());
    file.yanked = link.attribute("data-yanked");
    let metadata = link.attribute("data-core-metadata").or_else(|| link.attribute("data-dist-info-metadata"));
    file.metadata = metadata.and_then(|text| parse_metadata(&text));
    file.provenance = link.attribute("data-provenance").filter(|text| !text.is_empty());
    Some(file)
}

/// The last part of a URL's path, decoded; `None` when there is none.
pub fn file_name(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    (!last.is_empty()).then(|| decode_percent(last))
}

/// Decodes `%XX`; what is not UTF-8 then becomes the replacement character.
pub fn decode_percent(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if let (b'%', Some(high), Some(low)) = (byte, digit(at + 1), digit(at + 2)) {
            decoded.extend(u8::try_from(high * 16 + low));
            at += 3;
        } else {
            decoded.push(*byte);
            at += 1;
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// A start tag: its name in lower case, and its attributes, decoded.
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Element {
    /// The value of an attribute; of two of a name the first counts, as in HTML.
    fn attribute(&self, name: &str) -> Option<String> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }
}

/// The start tags of a document. Comments, and the contents of `script` and `style`, have
/// none.
struct Elements<'a> {
    rest: &'a str,
}

impl Iterator for Elements<'_> {
    type Item = Element;

    fn next(&mut self) -> Option<Element> {
        loop {
            self.rest = &self.rest[self.rest.find('<')? + 1..];
            if let Some(comment) = self.rest.strip_prefix("!--") {
                self.rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
                continue;
            }
            if !self.rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
                continue;
            }
            let end = self.rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/'));
            let (name, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
            let (attributes, rest) = attributes(rest);
            self.rest = rest;
            let name = name.to_ascii_lowercase();
            if matches!(name.as_str(), "script" | "style" | "textarea" | "title") {
                self.skip_to_end_of(&name);
            }
            return Some(Element { name, attributes });
        }
    }
}

impl Elements<'_> {
    /// Skips text in which `<` begins nothing.
    fn skip_to_end_of(&mut self, name: &str) {
        while let Some(at) = self.rest.find("</") {
            self.rest = &self.rest[at + 2..];
            let found = self.rest.get(..name.len());
            if found.is_some_and(|found| found.eq_ignore_ascii_case(name)) {
                return;
            }
        }
        self.rest = "";
    }
}

/// The attributes of a start tag, and what comes after it.
fn attributes(mut rest: &str) -> (Vec<(String, String)>, &str) {
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return (attributes, after);
        }
        if rest.is_empty() {
            return (attributes, rest);
        }
        // An attribute that begins with `=` has that as part of its name, as in HTML.
        let ends = |(at, c): (usize, char)| {
            c.is_ascii_whitespace() || matches!(c, '>' | '/') || (c == '=' && at > 0)
        };
        let end = rest.char_indices().find(|found| ends(*found)).map_or(rest.len(), |(at, _)| at);
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start_matches(|c: char| c.is_ascii_whitespace());
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            (value, rest) = attribute_value(after.trim_start_matches(|c: char| c.is_ascii_whitespace()));
        }
        if attributes.len() < MAX_ATTRIBUTES {
            attributes.push((name, decode_references(value)));
        }
    }
}

fn attribute_value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    text.split_at(text.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(text.len()))
}

/// Decodes the character references that pages have: `&lt;` and its like, and numbers.
fn decode_references(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        // The longest that is known has eight characters: `&#x10ffff;`.
        let end = rest.bytes().take(10).position(|byte| byte == b';');
        match end.and_then(|end| Some((reference(rest.get(..end)?)?, end))) {
            Some((c, end)) => {
                decoded.push(c);
                rest = &rest[end + 1..];
            }
            None => decoded.push('&'),
        }
    }
    decoded.push_str(rest);
    decoded
}

fn reference(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}
