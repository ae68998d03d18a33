//! Which form of a page a client likes best.
//!
//! Specification: PEP 691, "Version + Format Selection"; RFC 9110 §12.5.1.

/// A form of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// JSON.
    Json,
    /// HTML, under the name that PEP 691 gave it.
    Html,
    /// HTML, under the name that it always had.
    TextHtml,
}

impl Form {
    /// The value of `Content-Type`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/vnd.pypi.simple.v1+json",
            Self::Html => "application/vnd.pypi.simple.v1+html",
            Self::TextHtml => "text/html; charset=utf-8",
        }
    }
}

/// The form to answer in, from the values of `Accept`, joined by commas: the one of the
/// highest quality, the first of equals, and what `PyPI` falls back to if there is none.
pub fn negotiate(accept: &str) -> Form {
    let mut best = (0.0, Form::TextHtml);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let form = match parts.next().map(str::to_ascii_lowercase).as_deref() {
            Some("application/vnd.pypi.simple.v1+json" | "application/vnd.pypi.simple.latest+json") => {
                Form::Json
            }
            Some("application/vnd.pypi.simple.v1+html" | "application/vnd.pypi.simple.latest+html") => {
                Form::Html
            }
            Some("text/html" | "text/*" | "*/*") => Form::TextHtml,
            _ => continue,
        };
        let quality: Result<f32, _> =
            parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse);
        if let Ok(quality) = quality
            && quality > best.0
        {
            best = (quality, form);
        }
    }
    best.1
}

/// The form in which an index answered, from its `Content-Type`. Servers that send
/// something else do not speak the protocol.
pub fn form_of(content_type: &str) -> Option<Form> {
    match content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/vnd.pypi.simple.v1+json" | "application/json" => Some(Form::Json),
        "application/vnd.pypi.simple.v1+html" => Some(Form::Html),
        "text/html" | "application/xhtml+xml" => Some(Form::TextHtml),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_what_the_client_likes_best() {
        for (accept, expected) in [
            ("", Form::TextHtml),
            ("*/*", Form::TextHtml),
            ("image/png", Form::TextHtml),
            // pip, uv and devpi.
            (
                "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",
                Form::Json,
            ),
            (
                "application/vnd.pypi.simple.v1+json,application/vnd.pypi.simple.v1+html;q=0.2,text/html;q=0.01",
                Form::Json,
            ),
            ("application/vnd.pypi.simple.v1+html;q=0.2, application/vnd.pypi.simple.v1+json", Form::Json),
            ("application/vnd.pypi.simple.latest+json", Form::Json),
            ("application/vnd.pypi.simple.v1+html", Form::Html),
            ("Text/HTML;q=0.5, application/vnd.pypi.simple.v1+html;q=0.6", Form::Html),
            ("application/vnd.pypi.simple.v1+json;q=0, text/html;q=0.1", Form::TextHtml),
            ("application/vnd.pypi.simple.v1+json;q=much", Form::TextHtml),
            ("application/vnd.pypi.simple.v1+json;q=NaN", Form::TextHtml),
        ] {
            assert_eq!(negotiate(accept), expected, "{accept}");
        }
    }

    #[test]
    fn an_answer_in_no_form_is_none() {
        assert_eq!(form_of("text/html; charset=utf-8"), Some(Form::TextHtml));
        assert_eq!(form_of("application/vnd.pypi.simple.v1+json"), Some(Form::Json));
        assert_eq!(form_of("application/vnd.pypi.simple.v2+json"), None);
        assert_eq!(form_of("text/plain"), None);
        assert_eq!(form_of(""), None);
    }
}
