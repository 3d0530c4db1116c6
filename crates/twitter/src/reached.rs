use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use reqwest::header::HeaderMap;

use crate::{error::TwitterFault, meaning::TokenOwner, measures::ApiCall};

/// Whose calls a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum LimitOwner {
    /// All calls of the application.
    Application,
    /// Those of one account, by a digest: a token is in no map.
    Account(u64),
}

/// A call, and whose limit counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CallLimit {
    call: ApiCall,
    owner: LimitOwner,
}

/// The limits that Twitter told were reached, until they reset. A call that is certain to be refused is not sent: X counts it, and may
/// lock out an application that goes on calling (<https://docs.x.com/x-api/fundamentals/rate-limits>).
#[derive(Debug, Default)]
pub(crate) struct ReachedLimits {
    digest: RandomState,
    until: Mutex<HashMap<CallLimit, DateTime<Utc>>>,
}

impl ReachedLimits {
    /// The limit that counts a call with this token.
    pub(crate) fn of(&self, call: ApiCall, bearer: TokenOwner, token: Option<&str>) -> CallLimit {
        let owner = match (bearer, token) {
            (TokenOwner::Person, Some(token)) => {
                LimitOwner::Account(self.digest.hash_one(account_in(token)))
            }
            _ => LimitOwner::Application,
        };
        CallLimit { call, owner }
    }

    /// How long the call must still wait, if its limit or that of the whole application is reached.
    pub(crate) fn wait(&self, limit: CallLimit, now: DateTime<Utc>) -> Option<Duration> {
        let until = self.until.lock();
        [limit, limit.of_application()]
            .into_iter()
            .filter_map(|limit| (*until.get(&limit)? - now).to_std().ok())
            .filter(|wait| !wait.is_zero())
            .max()
    }

    /// Notes what Twitter told with an unsuccessful answer.
    pub(crate) fn note(
        &self,
        limit: CallLimit,
        fault: &TwitterFault,
        headers: &HeaderMap,
        now: DateTime<Utc>,
    ) {
        let TwitterFault::RateLimited(wait) = fault else {
            return;
        };
        let limit = if is_of_application(headers) {
            limit.of_application()
        } else {
            limit
        };
        let wait = TimeDelta::from_std(*wait).unwrap_or_default();
        let mut known = self.until.lock();
        // Each entry costs a call to Twitter, so there are few, and those that have ended go now.
        known.retain(|_, until| *until > now);
        known.insert(limit, now + wait);
    }
}

impl CallLimit {
    const fn of_application(self) -> Self {
        Self {
            call: self.call,
            owner: LimitOwner::Application,
        }
    }
}

/// X's access tokens begin with the account's number: a new token of the same account is counted with the old one.
fn account_in(token: &str) -> &str {
    match token.split_once('-') {
        Some((number, _)) if number.bytes().all(|byte| byte.is_ascii_digit()) => number,
        _ => token,
    }
}

/// Whether the application has used up what it has for a day, whoever calls.
fn is_of_application(headers: &HeaderMap) -> bool {
    headers
        .get("x-app-limit-24hour-remaining")
        .is_some_and(|left| left.as_bytes() == b"0")
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;
    const MINUTE: Duration = Duration::from_secs(60);

    fn person(limits: &ReachedLimits, call: ApiCall, token: &str) -> CallLimit {
        limits.of(call, TokenOwner::Person, Some(token))
    }

    #[test]
    fn a_limit_is_remembered_for_the_call_and_the_account_until_it_resets() {
        let limits = ReachedLimits::default();
        let one = person(&limits, ApiCall::Profile, "1-old");
        limits.note(
            one,
            &TwitterFault::RateLimited(MINUTE),
            &HeaderMap::new(),
            NOW,
        );
        let wait = |limit, seconds| limits.wait(limit, NOW + TimeDelta::seconds(seconds));
        assert_eq!(wait(one, 0), Some(MINUTE));
        assert_eq!(wait(one, 59), Some(Duration::from_secs(1)));
        assert_eq!(wait(one, 60), None);
        let again = person(&limits, ApiCall::Profile, "1-new");
        assert_eq!(wait(again, 0), Some(MINUTE));
        assert_eq!(wait(person(&limits, ApiCall::Profile, "2-x"), 0), None);
        assert_eq!(wait(person(&limits, ApiCall::Tweets, "1-old"), 0), None);
        let sign_in = limits.of(ApiCall::RequestToken, TokenOwner::Application, None);
        assert_eq!(wait(sign_in, 0), None);
    }

    #[test]
    fn a_limit_of_the_application_is_remembered_for_everybody() {
        let limits = ReachedLimits::default();
        let one = person(&limits, ApiCall::Profile, "1-x");
        let mut headers = HeaderMap::new();
        headers.insert(
            "x-app-limit-24hour-remaining",
            HeaderValue::from_static("0"),
        );
        limits.note(one, &TwitterFault::RateLimited(MINUTE), &headers, NOW);
        let two = person(&limits, ApiCall::Profile, "2-x");
        assert_eq!(limits.wait(two, NOW), Some(MINUTE));
        assert_eq!(
            limits.wait(person(&limits, ApiCall::Tweets, "2-x"), NOW),
            None
        );
    }

    #[test]
    fn other_faults_are_not_remembered_and_limits_that_ended_are_forgotten() {
        let limits = ReachedLimits::default();
        let one = person(&limits, ApiCall::Profile, "1-x");
        limits.note(one, &TwitterFault::InvalidToken, &HeaderMap::new(), NOW);
        assert_eq!(limits.wait(one, NOW), None);
        for (token, at) in [("1-x", NOW), ("2-x", NOW + TimeDelta::minutes(2))] {
            let limit = person(&limits, ApiCall::Profile, token);
            let fault = TwitterFault::RateLimited(MINUTE);
            limits.note(limit, &fault, &HeaderMap::new(), at);
        }
        assert_eq!(limits.until.lock().len(), 1);
    }
}
