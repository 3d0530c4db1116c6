use std::{
    hash::Hash,
    num::NonZeroU32,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::keyed::DashMapStateStore,
};

/// How many keys may be added before those that are of no account any more are dropped.
const SWEEP_AFTER: usize = 4_096;

/// So many calls a minute for each key: that many at once, and then evenly.
///
/// Its memory is bounded: a key counts until its calls are made up for, at most a minute after the last, and the keys that no longer count
/// are dropped before there are twice as many, or [`SWEEP_AFTER`] more, than did count.
#[derive(Debug)]
pub(crate) struct KeyedRate<K: Hash + Eq + Clone, C: Clock = DefaultClock> {
    limiter: RateLimiter<K, DashMapStateStore<K>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
    /// The number of keys at which they are swept next.
    sweep_at: AtomicUsize,
}

impl<K: Hash + Eq + Clone> KeyedRate<K> {
    pub(crate) fn per_minute(calls: NonZeroU32) -> Self {
        Self::by(calls, DefaultClock::default())
    }
}

impl<K: Hash + Eq + Clone, C: Clock + Clone> KeyedRate<K, C> {
    fn by(calls: NonZeroU32, clock: C) -> Self {
        let quota = Quota::per_minute(calls);
        Self {
            limiter: RateLimiter::new(quota, DashMapStateStore::default(), clock.clone()),
            clock,
            sweep_at: AtomicUsize::new(SWEEP_AFTER),
        }
    }

    /// Counts a call.
    ///
    /// # Errors
    /// If it is one too many: how long to wait for the next.
    pub(crate) fn admit(&self, key: &K) -> Result<(), Duration> {
        let outcome = self
            .limiter
            .check_key(key)
            .map_err(|refusal| refusal.wait_time_from(self.clock.now()));
        if self.limiter.len() >= self.sweep_at.load(Ordering::Relaxed) {
            self.sweep();
        }
        outcome
    }

    fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
        let next = (self.limiter.len() * 2).max(self.limiter.len() + SWEEP_AFTER);
        self.sweep_at.store(next, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn rate<K: Hash + Eq + Clone>(
        calls: u32,
    ) -> (KeyedRate<K, FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let rate = KeyedRate::by(NonZeroU32::new(calls).unwrap(), clock.clone());
        (rate, clock)
    }

    #[test]
    fn a_key_has_its_calls_a_minute_and_is_told_how_long_to_wait() {
        let (rate, clock) = rate(4);
        for _ in 0..4 {
            assert_eq!(rate.admit(&"a"), Ok(()));
        }
        assert_eq!(rate.admit(&"a"), Err(Duration::from_secs(15)));
        assert_eq!(rate.admit(&"b"), Ok(()));
        clock.advance(Duration::from_secs(15));
        assert_eq!(rate.admit(&"a"), Ok(()));
        assert_eq!(rate.admit(&"a"), Err(Duration::from_secs(15)));
        clock.advance(Duration::from_secs(60));
        assert!((0..4).all(|_| rate.admit(&"a").is_ok()));
        assert!(rate.admit(&"a").is_err());
    }

    #[test]
    fn keys_that_no_longer_count_take_no_memory() {
        let (rate, clock) = rate(4);
        for key in 0..100_000 {
            clock.advance(Duration::from_millis(20));
            rate.admit(&key).unwrap();
            assert!(rate.limiter.len() <= SWEEP_AFTER * 2);
        }
    }
}
