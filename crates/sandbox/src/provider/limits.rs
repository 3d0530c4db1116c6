use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::people::Person;

/// A quarter of an hour, in seconds: X's window.
const WINDOW: i64 = 900;

/// The endpoints whose calls are counted for each person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Endpoint {
    /// `GET /2/users/me`.
    Me,
    /// `GET /1.1/account/verify_credentials.json`.
    VerifyCredentials,
    /// `GET /2/users/:id/tweets`.
    Tweets,
    /// `POST /2/tweets`.
    Post,
}

impl Endpoint {
    /// The calls that a window allows: <https://docs.x.com/x-api/fundamentals/rate-limits>.
    const fn limit(self) -> u32 {
        match self {
            Self::Me | Self::VerifyCredentials => 75,
            Self::Tweets => 900,
            Self::Post => 100,
        }
    }
}

/// The state of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// Calls in the window.
    pub(crate) limit: u32,
    /// How many calls are left.
    pub(crate) remaining: u32,
    /// When the window ends, in seconds since 1970.
    pub(crate) reset: i64,
}

/// The calls in the current quarter of an hour. All windows end at the same time, so that old counts are dropped at
/// once.
#[derive(Default)]
pub(super) struct CallLimits {
    window: i64,
    counts: HashMap<(Person, Endpoint), u32>,
}

impl CallLimits {
    /// Counts a call, or answers the state of the exhausted limit.
    pub(super) fn admit(
        &mut self,
        person: Person,
        endpoint: Endpoint,
        now: DateTime<Utc>,
    ) -> Result<Allowance, Allowance> {
        let window = now.timestamp().div_euclid(WINDOW);
        if self.window != window {
            self.window = window;
            self.counts.clear();
        }
        let count = self.counts.entry((person, endpoint)).or_default();
        let limit = endpoint.limit();
        let allowance = |remaining| Allowance {
            limit,
            remaining,
            reset: (window + 1) * WINDOW,
        };
        if *count >= limit {
            return Err(allowance(0));
        }
        *count += 1;
        Ok(allowance(limit - *count))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_limit_holds_until_the_window_turns() {
        let mut limits = CallLimits::default();
        let start = DateTime::from_timestamp(900_000, 0).unwrap();
        let (one, two) = (Person::new(1).unwrap(), Person::new(2).unwrap());
        for left in (0..75).rev() {
            let allowance = limits.admit(one, Endpoint::Me, start).unwrap();
            assert_eq!(allowance.remaining, left);
            assert_eq!(allowance.reset, 900_900);
        }
        let last = start + TimeDelta::seconds(899);
        assert!(limits.admit(one, Endpoint::Me, last).is_err());
        assert!(limits.admit(two, Endpoint::Me, last).is_ok());
        assert!(limits.admit(one, Endpoint::Post, last).is_ok());
        let next = start + TimeDelta::seconds(900);
        assert!(limits.admit(one, Endpoint::Me, next).is_ok());
    }
}
