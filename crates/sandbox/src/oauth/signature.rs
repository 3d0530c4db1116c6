use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use super::{
    Authorization,
    encoding::{encode, form_pairs},
};

/// The two secrets of a signature. The token's is empty if the call has no token.
#[derive(Clone, Copy)]
pub(crate) struct SigningSecrets<'a> {
    pub(crate) consumer: &'a str,
    pub(crate) token: &'a str,
}

/// The parts of a call that are signed.
pub(crate) struct SignedRequest<'a> {
    /// In upper case.
    pub(crate) method: &'a str,
    /// Scheme, host in lower case, port if it is not the scheme's default, and path; no query.
    pub(crate) url: &'a str,
    pub(crate) query: &'a [u8],
    /// The body, if it is a form; empty otherwise.
    pub(crate) form: &'a [u8],
    pub(crate) authorization: &'a Authorization,
}

impl SignedRequest<'_> {
    /// Tells whether the header's signature was made with these secrets. The time does not depend on where they differ.
    pub(crate) fn is_signed_with(&self, secrets: SigningSecrets<'_>) -> bool {
        let given = self.authorization.get("oauth_signature").unwrap_or("");
        self.signature(secrets)
            .as_bytes()
            .ct_eq(given.as_bytes())
            .into()
    }

    /// HMAC-SHA1, in Base64: RFC 5849, section 3.4.2.
    fn signature(&self, secrets: SigningSecrets<'_>) -> String {
        let key = format!(
            "{}&{}",
            encode(secrets.consumer.as_bytes()),
            encode(secrets.token.as_bytes())
        );
        BASE64_STANDARD.encode(hmac_sha1(key.as_bytes(), self.base_string().as_bytes()))
    }

    /// RFC 5849, section 3.4.1.
    fn base_string(&self) -> String {
        let mut parameters: Vec<(String, String)> = form_pairs(self.query)
            .into_iter()
            .chain(form_pairs(self.form))
            .chain(self.authorization.signed_parameters())
            .map(|(key, value)| (encode(&key), encode(&value)))
            .collect();
        parameters.sort();
        let normalized: Vec<String> = parameters
            .into_iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        format!(
            "{}&{}&{}",
            encode(self.method.as_bytes()),
            encode(self.url.as_bytes()),
            encode(normalized.join("&").as_bytes())
        )
    }
}

/// HMAC-SHA1 with a key of any length.
pub(crate) fn hmac_sha1(key: &[u8], message: &[u8]) -> Vec<u8> {
    // HMAC accepts keys of any length, although the type allows an error.
    let Ok(mac) = Hmac::<Sha1>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.chain_update(message).finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(parameters: &[(&str, &str)]) -> Authorization {
        let parameters: Vec<String> = parameters
            .iter()
            .map(|(key, value)| format!("{key}=\"{}\"", encode(value.as_bytes())))
            .collect();
        Authorization::parse(&format!("OAuth {}", parameters.join(", "))).unwrap()
    }

    /// <https://docs.x.com/resources/fundamentals/authentication/oauth-1-0a/creating-a-signature>
    #[test]
    fn the_example_of_x_gets_the_documented_signature() {
        let authorization = header(&[
            ("oauth_consumer_key", "xvz1evFS4wEEPTGEFPHBog"),
            ("oauth_nonce", "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "1318622958"),
            (
                "oauth_token",
                "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb",
            ),
            ("oauth_version", "1.0"),
            ("oauth_signature", "Ls93hJiZbQ3akF3HF3x1Bz8/zU4="),
        ]);
        let request = SignedRequest {
            method: "POST",
            url: "https://api.x.com/1.1/statuses/update.json",
            query: b"include_entities=true",
            form: b"status=Hello%20Ladies%20%2b%20Gentlemen%2c%20a%20signed%20OAuth%20request%21",
            authorization: &authorization,
        };
        let secrets = SigningSecrets {
            consumer: "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
            token: "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
        };
        assert!(request.is_signed_with(secrets));
        assert!(!request.is_signed_with(SigningSecrets {
            token: "",
            ..secrets
        }));
        let old_host = SignedRequest {
            url: "https://api.twitter.com/1.1/statuses/update.json",
            ..request
        };
        assert!(!old_host.is_signed_with(secrets), "the host is signed");
    }

    /// <https://www.rfc-editor.org/rfc/rfc5849#section-1.2>
    #[test]
    fn the_token_request_of_rfc_5849_gets_the_documented_signature() {
        let authorization = header(&[
            ("realm", "Photos"),
            ("oauth_consumer_key", "dpf43f3p2l4k3l03"),
            ("oauth_token", "hh5s93j4hdidpola"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "walatlh"),
            ("oauth_verifier", "hfdp7dh39dks9884"),
            ("oauth_signature", "gKgrFCywp7rO0OXSjdot/IHF7IU="),
        ]);
        let request = SignedRequest {
            method: "POST",
            url: "https://photos.example.net/token",
            query: b"",
            form: b"",
            authorization: &authorization,
        };
        assert!(request.is_signed_with(SigningSecrets {
            consumer: "kd94hf93k423kf44",
            token: "hdhd0244k9j7ao03",
        }));
    }

    /// <https://www.rfc-editor.org/rfc/rfc5849#section-1.2>
    #[test]
    fn the_photo_request_of_rfc_5849_gets_the_documented_signature() {
        let authorization = header(&[
            ("realm", "Photos"),
            ("oauth_consumer_key", "dpf43f3p2l4k3l03"),
            ("oauth_token", "nnch734d00sl2jdk"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131202"),
            ("oauth_nonce", "chapoH"),
            ("oauth_signature", "MdpQcU8iPSUjWoN/UDMsK2sui9I="),
        ]);
        let request = SignedRequest {
            method: "GET",
            url: "http://photos.example.net/photos",
            query: b"file=vacation.jpg&size=original",
            form: b"",
            authorization: &authorization,
        };
        let secrets = SigningSecrets {
            consumer: "kd94hf93k423kf44",
            token: "pfkkdhi9sl3r4s00",
        };
        assert!(request.is_signed_with(secrets));
        let altered = SignedRequest {
            query: b"file=vacation.jpg&size=small",
            ..request
        };
        assert!(!altered.is_signed_with(secrets), "the query is signed");
    }

    /// <https://www.rfc-editor.org/rfc/rfc5849#section-3.4.1.1>
    #[test]
    fn the_base_string_of_rfc_5849_is_the_documented_one() {
        let authorization = header(&[
            ("realm", "Example"),
            ("oauth_consumer_key", "9djdj82h48djs9d2"),
            ("oauth_token", "kkk9d7dh3k39sjv7"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "7d8f3e4a"),
            ("oauth_signature", "bYT5CMsGcbgUdFHObYMEfcx6bsw="),
        ]);
        let request = SignedRequest {
            method: "POST",
            url: "http://example.com/request",
            query: b"b5=%3D%253D&a3=a&c%40=&a2=r%20b",
            form: b"c2&a3=2+q",
            authorization: &authorization,
        };
        assert_eq!(
            request.base_string(),
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26\
             c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26\
             oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
        );
    }
}
