use std::{
    collections::{HashSet, VecDeque},
    hash::{BuildHasher, RandomState},
};

use super::TIMESTAMP_LEEWAY;
use crate::oauth::Authorization;

/// A timestamp may be early by the leeway, and remains valid until it is late by the leeway.
const REMEMBERED_FOR: i64 = 2 * TIMESTAMP_LEEWAY + 1;
/// Above this number, the oldest are dropped.
const MOST: usize = 500_000;

/// Recently used nonces, as keyed hashes: a nonce may be used once per timestamp and token (RFC 5849, section 3.3).
#[derive(Default)]
pub(super) struct Nonces {
    hasher: RandomState,
    used: HashSet<u64>,
    /// In the order of use, with the second at which each may be dropped.
    order: VecDeque<(i64, u64)>,
}

impl Nonces {
    /// Stores a call's nonce; `false` if it was used before. `now` is in seconds since 1970.
    pub(super) fn is_first_use(&mut self, authorization: &Authorization, now: i64) -> bool {
        while let Some((forget_at, nonce)) = self.order.front() {
            if *forget_at > now && self.order.len() < MOST {
                break;
            }
            self.used.remove(nonce);
            self.order.pop_front();
        }
        let nonce = self.hasher.hash_one((
            authorization.timestamp,
            authorization.get("oauth_nonce"),
            authorization.get("oauth_token"),
        ));
        let first = self.used.insert(nonce);
        if first {
            self.order.push_back((now + REMEMBERED_FOR, nonce));
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(nonce: &str, timestamp: i64, token: &str) -> Authorization {
        Authorization::parse(&format!(
            r#"OAuth oauth_consumer_key="k", oauth_nonce="{nonce}", oauth_signature="s", oauth_signature_method="HMAC-SHA1", oauth_timestamp="{timestamp}", oauth_token="{token}""#
        ))
        .unwrap()
    }

    #[test]
    fn a_nonce_is_accepted_once_for_its_timestamp_and_token() {
        let mut nonces = Nonces::default();
        assert!(nonces.is_first_use(&call("a", 1_000, "t"), 1_000));
        assert!(!nonces.is_first_use(&call("a", 1_000, "t"), 1_000));
        assert!(nonces.is_first_use(&call("a", 1_001, "t"), 1_000));
        assert!(nonces.is_first_use(&call("a", 1_000, "u"), 1_000));
        assert!(nonces.is_first_use(&call("b", 1_000, "t"), 1_000));
    }

    #[test]
    fn a_nonce_is_remembered_while_its_timestamp_is_valid() {
        let mut nonces = Nonces::default();
        let early = call("a", 1_000 + TIMESTAMP_LEEWAY, "t");
        assert!(nonces.is_first_use(&early, 1_000));
        assert!(!nonces.is_first_use(&early, 1_000 + 2 * TIMESTAMP_LEEWAY));
        nonces.is_first_use(&call("b", 2_000, "t"), 2_000);
        assert_eq!(nonces.used.len(), 1);
    }
}
