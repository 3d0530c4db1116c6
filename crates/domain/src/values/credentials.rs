use secrecy::{ExposeSecret, SecretString};

use super::InvalidValue;

/// Longest token, secret or verifier taken from the outside, in bytes. X's are under 60.
const MAX_TOKEN_BYTES: usize = 256;

fn check(what: &'static str, token: &str) -> Result<(), InvalidValue> {
    if token.is_empty() {
        return Err(InvalidValue::new(what, "is empty"));
    }
    if token.len() > MAX_TOKEN_BYTES {
        return Err(InvalidValue::new(what, "is too long"));
    }
    if !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(InvalidValue::new(
            what,
            "has characters other than printable ASCII",
        ));
    }
    Ok(())
}

/// An access token and its secret, with which we act for a person at the provider.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The access token. Printed nowhere.
    pub token: SecretString,
    /// Its secret. Printed nowhere.
    pub secret: SecretString,
}

impl Credentials {
    /// Takes both parts as the provider gave them.
    pub fn new(token: impl Into<SecretString>, secret: impl Into<SecretString>) -> Self {
        Self {
            token: token.into(),
            secret: secret.into(),
        }
    }

    /// Takes both parts if they can be the provider's: 1 to 256 printable ASCII characters each.
    ///
    /// # Errors
    /// For any other text. The error does not show it.
    pub fn parse(token: &SecretString, secret: &SecretString) -> Result<Self, InvalidValue> {
        check("the access token", token.expose_secret())?;
        check("the access token's secret", secret.expose_secret())?;
        Ok(Self::new(token.clone(), secret.clone()))
    }

    /// The credentials of a person who must sign in before anybody can act for them: the provider refuses them.
    #[must_use]
    pub fn none() -> Self {
        Self::new("", "")
    }
}

impl PartialEq for Credentials {
    fn eq(&self, other: &Self) -> bool {
        self.token.expose_secret() == other.token.expose_secret()
            && self.secret.expose_secret() == other.secret.expose_secret()
    }
}

/// The public half of a sign-in in progress (`oauth_token` of a request token). Its secret never leaves the server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestToken(String);

impl RequestToken {
    /// Takes the text as it came: 1 to 256 printable ASCII characters.
    ///
    /// # Errors
    /// For any other text.
    pub fn parse(token: impl Into<String>) -> Result<Self, InvalidValue> {
        let token = token.into();
        check("oauth_token", &token)?;
        Ok(Self(token))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The provider's proof that the person agreed (`oauth_verifier`).
#[derive(Debug, Clone)]
pub struct Verifier(SecretString);

impl Verifier {
    /// Takes the text as it came: 1 to 256 printable ASCII characters.
    ///
    /// # Errors
    /// For any other text.
    pub fn parse(verifier: impl Into<String>) -> Result<Self, InvalidValue> {
        let verifier = verifier.into();
        check("oauth_verifier", &verifier)?;
        Ok(Self(verifier.into()))
    }

    /// The text, for the one call that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}
