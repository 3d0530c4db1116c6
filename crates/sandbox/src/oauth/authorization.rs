use std::collections::BTreeMap;

use super::encoding::decode;

/// An `Authorization: OAuth …` header: RFC 5849, section 3.5.1.
#[derive(Clone)]
pub(crate) struct Authorization {
    parameters: BTreeMap<String, String>,
    /// Seconds since 1970, according to the client.
    pub(crate) timestamp: i64,
}

impl Authorization {
    /// Reads a header. `None` if it is malformed, has a parameter twice, or lacks one that every call needs.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim_start().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("OAuth") {
            return None;
        }
        let mut parameters = BTreeMap::new();
        let mut rest = rest.trim();
        while !rest.is_empty() {
            let (key, value, after) = parameter(rest)?;
            // The realm is HTTP's: any text, which is not escaped (RFC 2617, section 1.2).
            let value = if key == "realm" {
                value.to_owned()
            } else {
                decode(value)?
            };
            if parameters.insert(decode(key)?, value).is_some() {
                return None;
            }
            rest = after;
        }
        let timestamp = parameters.get("oauth_timestamp")?;
        if !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let timestamp = timestamp.parse().ok()?;
        let authorization = Self {
            parameters,
            timestamp,
        };
        let complete = [
            "oauth_consumer_key",
            "oauth_nonce",
            "oauth_signature",
            "oauth_signature_method",
        ]
        .iter()
        .all(|name| authorization.get(name).is_some());
        complete.then_some(authorization)
    }

    /// A parameter that is present and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.parameters
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Tells whether the version is 1.0, stated or implied.
    pub(crate) fn is_version_1(&self) -> bool {
        matches!(
            self.parameters.get("oauth_version").map(String::as_str),
            None | Some("1.0")
        )
    }

    /// The parameters that are signed: all except the signature itself and the realm.
    pub(super) fn signed_parameters(&self) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + '_ {
        self.parameters
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "oauth_signature" | "realm"))
            .map(|(key, value)| (key.clone().into_bytes(), value.clone().into_bytes()))
    }
}

/// The name and the value in front, and what comes after the comma.
fn parameter(text: &str) -> Option<(&str, &str, &str)> {
    let (key, rest) = text.split_once("=\"")?;
    let (value, rest) = rest.split_once('"')?;
    let rest = rest.trim_start();
    let after = rest.strip_prefix(',').map(str::trim_start);
    let is_whole = !key.contains([',', ' ', '"']);
    let ends_well = after.map_or(rest.is_empty(), |after| !after.is_empty());
    (is_whole && ends_well).then_some((key, value, after.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COMPLETE: &str = r#"OAuth realm="Photos", oauth_consumer_key="key", oauth_nonce="n",oauth_signature_method="HMAC-SHA1", oauth_timestamp="137131200", oauth_callback="http%3A%2F%2Fa.example%2F", oauth_signature="74KN%2F%3D""#;

    #[test]
    fn a_header_is_read_and_decoded() {
        let header = Authorization::parse(COMPLETE).unwrap();
        assert_eq!(header.get("oauth_callback"), Some("http://a.example/"));
        assert_eq!(header.get("oauth_signature"), Some("74KN/="));
        assert_eq!(header.timestamp, 137_131_200);
        assert!(header.is_version_1());
    }

    #[test]
    fn realm_and_signature_are_not_signed() {
        let header = Authorization::parse(COMPLETE).unwrap();
        let keys: Vec<Vec<u8>> = header.signed_parameters().map(|(key, _)| key).collect();
        assert!(!keys.contains(&b"realm".to_vec()));
        assert!(!keys.contains(&b"oauth_signature".to_vec()));
        assert_eq!(keys.len(), 5);
    }

    #[test]
    fn a_realm_may_be_any_text() {
        for realm in ["a, b", "100%", "oauth_nonce=x", ""] {
            let header = COMPLETE.replacen("Photos", realm, 1);
            let header = Authorization::parse(&header).unwrap();
            assert_eq!(header.get("oauth_nonce"), Some("n"), "{realm}");
        }
    }

    #[test]
    fn a_malformed_or_incomplete_header_is_refused() {
        for (from, to) in [
            ("OAuth ", "Bearer "),
            ("oauth_nonce=\"n\"", "oauth_nonce=n"),
            ("oauth_nonce=\"n\"", "oauth_nonce=\"\""),
            ("oauth_nonce=\"n\"", "oauth_nonce=\"%4\""),
            ("oauth_nonce=\"n\",", ""),
            ("oauth_nonce=\"n\",", "oauth_nonce=\"n\""),
            ("oauth_nonce=\"n\",", "oauth_nonce=\"n\",,"),
            ("oauth_nonce=\"n\",", "x, oauth_nonce=\"n\","),
            ("%3D\"", "%3D\","),
            ("%3D\"", "%3D"),
            ("realm=", "oauth_nonce="),
            ("137131200", "-1"),
            ("137131200", "+1"),
            ("137131200", "99999999999999999999"),
            ("137131200", ""),
        ] {
            let header = COMPLETE.replacen(from, to, 1);
            assert!(Authorization::parse(&header).is_none(), "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(OAuth )?.*") {
            let _ = Authorization::parse(&text);
        }
    }
}
