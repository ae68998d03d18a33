//! The metadata of what is installed: `METADATA` and `direct_url.json` of a `.dist-info`
//! directory.
//!
//! Left out, since installers do not record it: the hash of the archive that came from an
//! index. What is installed from there is judged by its version alone.
//!
//! Specification: core metadata and "Recording installed projects" on
//! packaging.python.org.

use super::report::DirectUrl;
use super::{LockError, Origin, Pin, Place, Wanted, text};

/// How much of `METADATA` is looked at: the headers come first, the long description last.
pub const MAX_METADATA_BYTES: usize = 1 << 20;

/// Longest `direct_url.json`: a URL and some hashes.
pub const MAX_DIRECT_URL_BYTES: usize = 64 << 10;

/// What is installed in the directory called `place`.
pub fn parse(metadata: &[u8], direct_url: Option<&[u8]>, place: Place) -> Result<Wanted, LockError> {
    let (name, version) = (header(metadata, "Name", &place)?, header(metadata, "Version", &place)?);
    let (origin, permits) = match direct_url {
        None => (Origin::Index(None), Vec::new()),
        Some(bytes) => {
            let direct: DirectUrl = serde_json::from_slice(bytes).map_err(|error| {
                LockError::at(&place, text::excerpt(&format!("direct_url.json: {error}")))
            })?;
            direct.origin(true, &place)?
        }
    };
    Ok(Wanted {
        project: Some(text::project(&name, &place)?),
        version: Pin::of(&version),
        origin,
        permits,
        place,
    })
}

/// The value of the one header of this name, before the first empty line.
fn header(metadata: &[u8], name: &str, place: &Place) -> Result<String, LockError> {
    let text = String::from_utf8_lossy(metadata);
    let headers = text.lines().take_while(|line| !line.trim().is_empty());
    let mut values = headers.filter_map(|line| {
        let (header, value) = line.split_once(':')?;
        header.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    });
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        _ => Err(LockError::at(place, format!("METADATA has not one {name}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed(metadata: &str, direct_url: Option<&str>) -> Result<Wanted, LockError> {
        let place = Place::Key("nova-1.0.dist-info".to_owned());
        parse(metadata.as_bytes(), direct_url.map(str::as_bytes), place)
    }

    #[test]
    fn headers_and_direct_urls_are_read() {
        let metadata = "Metadata-Version: 2.1\r\nname: Nova.Api\r\nVersion: 1.0\r\n\r\nName: other\r\n";
        let wanted = installed(metadata, None).expect("installed");
        assert_eq!((wanted.title().as_str(), wanted.permits.len()), ("nova-api 1.0", 0));
        let file = r#"{"url":"file:///src/nova","dir_info":{"editable":true}}"#;
        let wanted = installed(metadata, Some(file)).expect("installed");
        assert_eq!(wanted.origin, Origin::Directory("file:///src/nova".to_owned()));
        let archive = format!(
            r#"{{"url":"https://f.example/nova_api-1.0.zip","archive_info":{{"hash":"sha256={}"}}}}"#,
            "0".repeat(64)
        );
        let wanted = installed(metadata, Some(&archive)).expect("installed");
        assert_eq!((wanted.origin, wanted.permits[0].digests.len()), (Origin::Archive, 1));
        for (metadata, direct_url) in [
            ("Name: nova\n", None),
            ("Name: nova\nName: other\nVersion: 1.0\n", None),
            ("Name: no va\nVersion: 1.0\n", None),
            ("Name: nova\nVersion: 1.0\n", Some("{}")),
        ] {
            assert!(installed(metadata, direct_url).is_err(), "{metadata:?}");
        }
    }
}
