//! The provider's side of OAuth 1.0a. It was written from RFC 5849 and without the client's crates, so that the two
//! check each other: <https://www.rfc-editor.org/rfc/rfc5849>.

mod authorization;
mod encoding;
mod signature;

pub(crate) use authorization::Authorization;
pub(crate) use encoding::form_pairs;
pub(crate) use signature::{SignedRequest, SigningSecrets, hmac_sha1};
