use std::fmt;

use actix_web::{HttpRequest, http::header};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::problem::{Code, Problem};

/// The fewest characters of a worker key: 32 bytes in Base64 have 44.
const FEWEST: usize = 32;

/// The most characters of a worker key.
const MOST: usize = 256;

/// Why a text is not a worker key. It does not show the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "key {number} is not {FEWEST} to {MOST} characters of A-Z, a-z, 0-9, -, ., _, ~, +, / and ="
)]
pub struct WorkerKeyFault {
    /// The place in the list, from 1.
    number: usize,
}

/// The keys with which workers call, as digests: any of them is accepted, so that one can replace another.
#[derive(Clone)]
pub struct WorkerKeys(Vec<[u8; 32]>);

impl WorkerKeys {
    /// Takes keys that can be sent as bearer tokens (<https://www.rfc-editor.org/rfc/rfc6750#section-2.1>) and are long
    /// enough.
    ///
    /// # Errors
    /// Names the first key that is not.
    pub fn parse(keys: &[SecretString]) -> Result<Self, WorkerKeyFault> {
        let digest = |(place, key): (usize, &SecretString)| {
            let key = key.expose_secret();
            let fits = (FEWEST..=MOST).contains(&key.len());
            if fits && key.bytes().all(is_of_a_bearer_token) {
                Ok(sha256(key.as_bytes()))
            } else {
                let number = place + 1;
                Err(WorkerKeyFault { number })
            }
        };
        keys.iter()
            .enumerate()
            .map(digest)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Fails unless the request brings one of the keys. How long that takes does not depend on how much of a key is right.
    pub(super) fn check(&self, request: &HttpRequest) -> Result<(), Problem> {
        let mut given = request.headers().get_all(header::AUTHORIZATION);
        let key = given
            .next()
            .and_then(|credentials| credentials.to_str().ok()?.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, key)| sha256(key.as_bytes()));
        let is_known = key.is_some_and(|key| self.has(&key));
        if is_known && given.next().is_none() {
            return Ok(());
        }
        Err(Problem::new(
            Code::WorkerKeyInvalid,
            "Send a worker key as Authorization: Bearer.",
        ))
    }

    fn has(&self, digest: &[u8; 32]) -> bool {
        let found = self
            .0
            .iter()
            .fold(Choice::from(0), |found, known| found | known.ct_eq(digest));
        found.into()
    }
}

impl fmt::Debug for WorkerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerKeys").finish_non_exhaustive()
    }
}

fn is_of_a_bearer_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(keys: &[&str]) -> Result<WorkerKeys, WorkerKeyFault> {
        let keys: Vec<_> = keys.iter().map(|key| SecretString::from(*key)).collect();
        WorkerKeys::parse(&keys)
    }

    #[test]
    fn any_of_several_keys_is_accepted_and_no_part_of_one() {
        let (one, two) = ("a".repeat(32), "b/+=".repeat(11));
        let keys = parse(&[&one, &two]).unwrap();
        let has = |text: &str| keys.has(&sha256(text.as_bytes()));
        assert!(has(&one) && has(&two));
        assert!(!has(&one[1..]) && !has("") && !has(&format!("{one}a")));
    }

    #[test]
    fn nothing_of_a_key_is_printed() {
        let keys = parse(&["a".repeat(32).as_str()]).unwrap();
        assert_eq!(format!("{keys:?}"), "WorkerKeys { .. }");
    }

    #[test]
    fn a_key_that_is_short_or_cannot_be_sent_is_named_by_its_place() {
        let good = "k".repeat(32);
        for bad in [
            "hush".to_owned(),
            "k".repeat(31),
            "k".repeat(257),
            format!("{good} "),
            format!("{good}é"),
        ] {
            let fault = parse(&[&good, &bad]).unwrap_err();
            let said = fault.to_string();
            assert!(
                said.starts_with("key 2 is not 32 to 256") && !said.contains("hush"),
                "{said}"
            );
        }
    }
}
