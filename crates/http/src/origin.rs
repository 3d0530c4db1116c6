use std::fmt;

use lemon_domain::values::InvalidValue;
use url::Url;

/// The origin of a web app, as in a browser's `Origin` header: `https://app.example`, with a port if it is not the
/// scheme's own (<https://www.rfc-editor.org/rfc/rfc6454#section-6.2>).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(String);

impl Origin {
    /// Reads an origin of `http` or `https`.
    ///
    /// # Errors
    /// For any text that a browser would not send exactly so: `*`, `null`, a path or trailing slash, upper case, the
    /// scheme's own port.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let canonical = Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .map(|url| url.origin().ascii_serialization());
        match canonical {
            Some(origin) if origin == text => Ok(Self(origin)),
            Some(_) => Err(InvalidValue::new(
                "the allowed origin",
                "is not what a browser sends: lower case, without a user, a path, a slash at the end or the scheme's own port",
            )),
            None => Err(InvalidValue::new(
                "the allowed origin",
                "is not of the form https://host or https://host:port",
            )),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_in_the_form_of_browsers_is_accepted() {
        for text in [
            "https://lemon.example",
            "http://localhost:3000",
            "http://[::1]:8080",
        ] {
            assert_eq!(Origin::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn any_other_text_is_no_origin() {
        for text in [
            "",
            "*",
            "null",
            "lemon.example",
            "https://lemon.example/",
            "https://lemon.example/app",
            "https://Lemon.example",
            "https://lemon.example:443",
            "https://me@lemon.example",
            "ftp://lemon.example",
            "file:///etc/passwd",
            "https://lemon.example\n",
        ] {
            assert!(Origin::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_origin_in_another_form_is_refused_with_the_right_form_and_not_shown() {
        let error = Origin::parse("https://me:hunter2@Lemon.example/").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the allowed origin is not what a browser sends: lower case, without a user, a path, a slash at the end or the scheme's own port"
        );
    }
}
