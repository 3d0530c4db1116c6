//! HMAC with SHA-512 for `jsonwebtoken`, and nothing else: a header cannot choose an algorithm that does not exist
//! here.
//!
//! The crate's own providers bring RSA and elliptic curves, which our tokens do not use.

use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{Error, ErrorKind},
    signature::{self, Signer, Verifier},
};
use sha2::Sha512;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| {
        Ok(Box::new(Hs512::new(
            *algorithm,
            EncodingKey::as_bytes(key),
        )?))
    },
    verifier_factory: |algorithm, key| {
        Ok(Box::new(Hs512::new(
            *algorithm,
            DecodingKey::try_get_as_bytes(key)?,
        )?))
    },
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes this the process's provider. If another was installed before, that one stays, and also does HS512.
pub(crate) fn install() {
    let _already_installed = PROVIDER.install_default();
}

struct Hs512(Hmac<Sha512>);

impl Hs512 {
    fn new(algorithm: Algorithm, key: &[u8]) -> Result<Self, Error> {
        if algorithm != Algorithm::HS512 {
            return Err(ErrorKind::InvalidAlgorithm.into());
        }
        Hmac::new_from_slice(key)
            .map(Self)
            .map_err(|_| ErrorKind::InvalidKeyFormat.into())
    }
}

impl Signer<Vec<u8>> for Hs512 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        let tag = self.0.clone().chain_update(message).finalize();
        Ok(tag.into_bytes().to_vec())
    }
}

impl JwtSigner for Hs512 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS512
    }
}

impl Verifier<Vec<u8>> for Hs512 {
    fn verify(&self, message: &[u8], tag: &Vec<u8>) -> Result<(), signature::Error> {
        self.0
            .clone()
            .chain_update(message)
            .verify_slice(tag)
            .map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Hs512 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS512
    }
}
