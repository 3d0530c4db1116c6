use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use subtle::ConstantTimeEq;
use url::Url;

use super::IssuedToken;
use crate::people::Person;

const LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// Above this number, the oldest are dropped.
const MOST: usize = 50_000;

/// Request tokens until they are exchanged, refused or expired.
#[derive(Default)]
pub(super) struct PendingTokens {
    by_token: HashMap<String, PendingToken>,
    /// In the order of expiry. A token that was removed earlier stays here until then.
    expiries: VecDeque<(DateTime<Utc>, String)>,
}

struct PendingToken {
    secret: String,
    callback: Url,
    expires_at: DateTime<Utc>,
    agreed: Option<(Person, String)>,
}

impl PendingTokens {
    pub(super) fn insert(&mut self, issued: &IssuedToken, callback: Url, now: DateTime<Utc>) {
        while let Some((expires_at, token)) = self.expiries.front() {
            if *expires_at > now && self.expiries.len() < MOST {
                break;
            }
            self.by_token.remove(token);
            self.expiries.pop_front();
        }
        let expires_at = now + LIFETIME;
        let pending = PendingToken {
            secret: issued.secret.clone(),
            callback,
            expires_at,
            agreed: None,
        };
        self.by_token.insert(issued.token.clone(), pending);
        self.expiries.push_back((expires_at, issued.token.clone()));
    }

    /// The callback, if no decision was made yet.
    pub(super) fn undecided(&self, token: &str, now: DateTime<Utc>) -> Option<Url> {
        self.live(token, now)
            .filter(|pending| pending.agreed.is_none())
            .map(|pending| pending.callback.clone())
    }

    pub(super) fn agree(&mut self, token: &str, person: Person, verifier: String) {
        if let Some(pending) = self.by_token.get_mut(token) {
            pending.agreed = Some((person, verifier));
        }
    }

    pub(super) fn remove(&mut self, token: &str) {
        self.by_token.remove(token);
    }

    pub(super) fn secret(&self, token: &str, now: DateTime<Utc>) -> Option<String> {
        self.live(token, now).map(|pending| pending.secret.clone())
    }

    /// Takes the token with its verifier; answers the person who agreed.
    pub(super) fn take(
        &mut self,
        token: &str,
        verifier: &str,
        now: DateTime<Utc>,
    ) -> Option<Person> {
        let (person, expected) = self.live(token, now)?.agreed.as_ref()?;
        let person = *person;
        if !bool::from(expected.as_bytes().ct_eq(verifier.as_bytes())) {
            return None;
        }
        self.remove(token);
        Some(person)
    }

    fn live(&self, token: &str, now: DateTime<Utc>) -> Option<&PendingToken> {
        self.by_token
            .get(token)
            .filter(|pending| pending.expires_at > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(tokens: &mut PendingTokens, token: &str, now: DateTime<Utc>) {
        let issued = IssuedToken {
            token: token.to_owned(),
            secret: "s".to_owned(),
        };
        tokens.insert(&issued, "http://a.example/".parse().unwrap(), now);
    }

    #[test]
    fn a_token_expires_and_is_forgotten() {
        let (mut tokens, start) = (PendingTokens::default(), DateTime::UNIX_EPOCH);
        insert(&mut tokens, "a", start);
        let last = start + LIFETIME - TimeDelta::microseconds(1);
        assert!(tokens.undecided("a", last).is_some());
        assert!(tokens.undecided("a", start + LIFETIME).is_none());
        insert(&mut tokens, "b", start + LIFETIME);
        assert_eq!(tokens.by_token.len(), 1);
        assert_eq!(tokens.expiries.len(), 1);
    }

    #[test]
    fn no_more_than_the_maximum_are_kept() {
        let mut tokens = PendingTokens::default();
        for n in 0..=MOST {
            insert(&mut tokens, &n.to_string(), DateTime::UNIX_EPOCH);
        }
        assert_eq!(tokens.by_token.len(), MOST);
        assert!(tokens.undecided("0", DateTime::UNIX_EPOCH).is_none());
    }
}
