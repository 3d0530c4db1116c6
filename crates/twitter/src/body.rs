//! The bodies of X's API, as far as they can be read. Others than X answer too: proxies, firewalls, captive portals.

use std::borrow::Cow;

use serde_json::Value;

/// Sentences with which X refuses calls of OAuth in plain text, in lower case. Any other text is not X's.
const SENTENCES: [&str; 9] = [
    "could not authenticate you",
    "error processing your oauth request",
    "failed to validate oauth signature and token",
    "invalid / expired token",
    "invalid oauth_verifier",
    "invalid or expired token",
    "invalid request token",
    "required oauth_verifier parameter not provided",
    "reverse auth credentials are invalid",
];

/// A body, by its format.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ApiBody<'a> {
    Json(Value),
    Form(Cow<'a, str>),
    Xml(Vec<XmlError>),
    /// One of X's sentences.
    Sentence,
    Empty,
}

/// An error in XML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct XmlError {
    pub(crate) code: Option<u32>,
    pub(crate) text: String,
}

impl<'a> ApiBody<'a> {
    /// `None` if it is not a body of X's API.
    pub(crate) fn read(body: &'a [u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(body);
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Some(Self::Empty);
        }
        if let Ok(json) = serde_json::from_str(&without_lone_surrogates(trimmed)) {
            return Some(Self::Json(json));
        }
        if trimmed.starts_with('<') {
            return xml_errors(trimmed).map(Self::Xml);
        }
        let lower = trimmed.to_ascii_lowercase();
        if SENTENCES.iter().any(|sentence| lower.starts_with(sentence)) {
            return Some(Self::Sentence);
        }
        let is_form = trimmed.contains('=')
            && trimmed
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'{' | b'"'));
        is_form.then_some(Self::Form(text))
    }
}

/// Replaces halves of surrogate pairs, which no text of Rust can hold, by the character for what cannot be shown.
fn without_lone_surrogates(json: &str) -> Cow<'_, str> {
    if !json.contains("\\ud") && !json.contains("\\uD") {
        return Cow::Borrowed(json);
    }
    let mut repaired = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        repaired.push_str(before);
        let (first, second) = (unit(escape), escape.get(6..).and_then(unit));
        let length = match (first, second) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                repaired.push_str("\\ufffd");
                rest = &escape[6..];
                continue;
            }
            (Some(_), _) => 6,
            // A backslash and what it escapes.
            (None, _) => 1 + escape[1..].chars().next().map_or(0, char::len_utf8),
        };
        repaired.push_str(&escape[..length]);
        rest = &escape[length..];
    }
    repaired.push_str(rest);
    Cow::Owned(repaired)
}

/// The number of an escape such as `\ud83c` at the start of a text.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

/// X's two forms: `<errors><error code="32">…</error></errors>` and `<hash><request>…</request><error>…</error></hash>`.
fn xml_errors(text: &str) -> Option<Vec<XmlError>> {
    let document = match text.strip_prefix("<?xml") {
        Some(declared) => declared.split_once("?>")?.1.trim_start(),
        None => text,
    };
    if !["<errors>", "<hash>"]
        .iter()
        .any(|root| document.starts_with(root))
    {
        return None;
    }
    let parts = document.split("<error").skip(1);
    let errors = parts.filter_map(|part| {
        // `<errors>` begins the same way.
        let (attributes, content) = part.split_once('>')?;
        let is_error = attributes.is_empty() || attributes.starts_with(char::is_whitespace);
        let code = attributes
            .split_once("code=")
            .map(|(_, code)| code.trim_matches(['"', '\'', ' ']))
            .and_then(|code| code.parse().ok());
        let text = content.split('<').next().unwrap_or_default().to_owned();
        is_error.then_some(XmlError { code, text })
    });
    Some(errors.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: &str) -> Option<ApiBody<'_>> {
        ApiBody::read(body.as_bytes())
    }

    #[test]
    fn the_formats_of_the_api_are_read() {
        assert_eq!(
            read(" {\"a\": 1}\n"),
            Some(ApiBody::Json(json!({ "a": 1 })))
        );
        assert_eq!(read(" \r\n"), Some(ApiBody::Empty));
        assert_eq!(read("Invalid request token."), Some(ApiBody::Sentence));
        let form = "oauth_token=a%2Bb&oauth_token_secret=c";
        assert_eq!(read(form), Some(ApiBody::Form(form.into())));
    }

    #[test]
    fn errors_in_xml_are_read_with_their_codes() {
        let error = |code, text: &str| XmlError {
            code,
            text: text.to_owned(),
        };
        let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
        for (body, errors) in [
            (
                "<errors><error code=\"415\">Callback URL not approved</error></errors>",
                vec![error(Some(415), "Callback URL not approved")],
            ),
            (
                "<errors>\n  <error code='32'>a</error>\n  <error>b</error>\n</errors>",
                vec![error(Some(32), "a"), error(None, "b")],
            ),
            (
                "<hash><request>/oauth</request><error>Invalid / expired Token</error></hash>",
                vec![error(None, "Invalid / expired Token")],
            ),
            ("<errors></errors>", vec![]),
        ] {
            assert_eq!(read(body), Some(ApiBody::Xml(errors.clone())), "{body}");
            let declared = format!("{declaration}{body}");
            assert_eq!(read(&declared), Some(ApiBody::Xml(errors)), "{body}");
        }
    }

    #[test]
    fn what_others_answer_is_no_body_of_the_api() {
        for body in [
            "<html><body>403 Forbidden</body></html>",
            "<!DOCTYPE html><a href=\"x?a=b\">errors</a>",
            "<?xml version=\"1.0\"?><!DOCTYPE html><html/>",
            "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>",
            "Access denied by policy",
            "access=denied by policy",
            "{\"errors\": [",
            "Too Many Requests",
        ] {
            assert_eq!(read(body), None, "{body}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_costs_one_character() {
        for (json, text) in [
            (r#""\ud83c\udf4b""#, "\u{1f34b}"),
            (r#""a\ud83cb""#, "a\u{fffd}b"),
            (r#""a\udf4b""#, "a\u{fffd}"),
            (r#""\ud83c\ud83c\udf4b""#, "\u{fffd}\u{1f34b}"),
            (r#""\uD83C\n""#, "\u{fffd}\n"),
            (r#""\\ud83c""#, "\\ud83c"),
            (r#""\ud83c\\""#, "\u{fffd}\\"),
            ("\"\\ud83c\u{1f34b}\"", "\u{fffd}\u{1f34b}"),
        ] {
            assert_eq!(read(json), Some(ApiBody::Json(json!(text))), "{json}");
        }
    }
}
