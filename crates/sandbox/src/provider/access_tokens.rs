use std::fmt::Write;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::{oauth::hmac_sha1, people::Person};

/// Access tokens that are not stored: they are computed from a key, the person, and the number of revocations. As at X,
/// a person has one at a time, `<user id>-<40 characters>`, the same at each sign-in until it is revoked.
pub(super) struct AccessTokens {
    key: SecretString,
}

/// An access token, its secret, and its person.
pub(crate) struct AccessToken {
    pub(crate) person: Person,
    pub(crate) token: String,
    pub(crate) secret: String,
}

impl AccessToken {
    pub(super) fn is(&self, token: &str) -> bool {
        self.token.as_bytes().ct_eq(token.as_bytes()).into()
    }
}

impl AccessTokens {
    pub(super) const fn new(key: SecretString) -> Self {
        Self { key }
    }

    pub(super) fn of(&self, person: Person, generation: u32) -> AccessToken {
        let id = person.user_id();
        AccessToken {
            person,
            token: format!("{id}-{}", self.derive("token", person, generation)),
            secret: self.derive("secret", person, generation),
        }
    }

    /// The person that a token names.
    pub(super) fn claimed_person(token: &str) -> Option<Person> {
        let (id, _) = token.split_once('-')?;
        Person::by_user_id_text(id)
    }

    fn derive(&self, purpose: &str, person: Person, generation: u32) -> String {
        let message = format!("{purpose} {} {generation}", person.user_id());
        let mac = hmac_sha1(self.key.expose_secret().as_bytes(), message.as_bytes());
        mac.iter().fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}
