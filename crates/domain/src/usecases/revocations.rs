use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use parking_lot::{Mutex, RwLock};

use crate::{
    ports::{
        Clock, REVOCATION_PORTION, Revocation, Revocations, RevokedTokens, StoreError, TokenDigest,
    },
    values::UserId,
};

/// For how long a person's tokens are refused at least: longer than tokens that were issued with another lifetime, or by
/// the earlier system.
const AT_LEAST: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// For how long revocations are read again: a transaction that took long may show one with a lower number than those
/// that were read. It is longer than any call of a store.
const READ_AGAIN: Duration = Duration::from_secs(20);

/// The revocations that this process knows: those of its own at once, those of others when it last read them. To look
/// one up asks no store.
pub struct RevocationsInForce {
    store: Arc<dyn Revocations>,
    clock: Arc<dyn Clock>,
    /// Whether there is any: often there is none, and then nothing is looked up.
    any: AtomicBool,
    current: RwLock<CurrentRevocations>,
    /// The highest numbers that were read lately, and when.
    read: Mutex<VecDeque<(DateTime<Utc>, i64)>>,
}

#[derive(Default)]
struct CurrentRevocations {
    /// Single tokens, and when they expire.
    tokens: HashMap<TokenDigest, DateTime<Utc>>,
    /// People, with the latest revocation of each.
    people: HashMap<UserId, Revocation>,
}

impl RevocationsInForce {
    /// None, until the first [`refresh`](Self::refresh).
    pub fn new(store: Arc<dyn Revocations>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            any: AtomicBool::new(false),
            current: RwLock::default(),
            read: Mutex::default(),
        }
    }

    /// Reads what others have revoked since the last time, and drops what has expired.
    ///
    /// # Errors
    /// If the store fails. What is known stays known.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut after = self.settled(now);
        loop {
            let portion = self.store.revocations(after).await?;
            let Some(last) = portion.last() else { break };
            after = last.number;
            for numbered in &portion {
                self.know(&numbered.revocation);
            }
            if portion.len() < REVOCATION_PORTION as usize {
                break;
            }
        }
        self.read.lock().push_back((now, after));
        self.drop_expired(now);
        Ok(())
    }

    /// Revokes tokens, here at once and in the other replicas soon.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn revoke(&self, revocation: Revocation) -> Result<(), StoreError> {
        self.store.revoke(&revocation).await?;
        self.know(&revocation);
        Ok(())
    }

    /// Whether a token of this person is revoked. `issued_at` is in whole seconds, as tokens say it; one that does not is
    /// old.
    #[must_use]
    pub fn is_revoked(
        &self,
        digest: impl FnOnce() -> TokenDigest,
        user: UserId,
        issued_at: Option<i64>,
    ) -> bool {
        if !self.any.load(Ordering::Relaxed) {
            return false;
        }
        let current = self.current.read();
        let until = current.people.get(&user);
        until.is_some_and(|all| issued_at.is_none_or(|at| at <= all.at.timestamp()))
            || (!current.tokens.is_empty() && current.tokens.contains_key(&digest()))
    }

    /// The first second of which a new token of this person is not revoked; `None` if any is good.
    #[must_use]
    pub fn good_from(&self, user: UserId) -> Option<i64> {
        let current = self.current.read();
        let all = current.people.get(&user)?;
        Some(all.at.timestamp().saturating_add(1))
    }

    fn know(&self, revocation: &Revocation) {
        let mut current = self.current.write();
        match revocation.tokens {
            RevokedTokens::One(digest) => {
                current.tokens.insert(digest, revocation.expires_at);
            }
            RevokedTokens::AllOf(user) => {
                let all = current.people.entry(user).or_insert(*revocation);
                if all.at <= revocation.at {
                    *all = *revocation;
                }
            }
        }
        self.any.store(true, Ordering::Relaxed);
    }

    /// The number up to which everything has been read for certain.
    fn settled(&self, now: DateTime<Utc>) -> i64 {
        let mut read = self.read.lock();
        while read.get(1).is_some_and(|(at, _)| *at + READ_AGAIN <= now) {
            read.pop_front();
        }
        match read.front() {
            Some((at, number)) if *at + READ_AGAIN <= now => *number,
            Some((_, number)) => number.saturating_sub(i64::from(REVOCATION_PORTION)),
            None => 0,
        }
    }

    fn drop_expired(&self, now: DateTime<Utc>) {
        let mut current = self.current.write();
        current.tokens.retain(|_, expires_at| *expires_at > now);
        current.people.retain(|_, all| all.expires_at > now);
        let any = !current.tokens.is_empty() || !current.people.is_empty();
        self.any.store(any, Ordering::Relaxed);
    }
}

/// The revocation of all tokens that a person has.
pub(super) fn all_tokens(user: UserId, at: DateTime<Utc>, lifetime: Duration) -> Revocation {
    Revocation {
        tokens: RevokedTokens::AllOf(user),
        at,
        expires_at: at + lifetime.max(AT_LEAST),
    }
}
