//! The metrics of this crate: their names, their labels, and every value that a label can have.

use std::time::Instant;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use reqwest::header::HeaderMap;

use crate::{error::TwitterFault, meaning::TokenOwner};

const CALLS: &str = "lemon_twitter_calls_total";
const WITHHELD: &str = "lemon_twitter_calls_withheld_total";
const DURATIONS: &str = "lemon_twitter_call_duration_seconds";
const BILLED: &str = "lemon_twitter_billed_total";
const PRICES: &str = "lemon_twitter_price_dollars";
const LIMIT: &str = "lemon_twitter_limit";
const REMAINING: &str = "lemon_twitter_limit_remaining";
const RESET: &str = "lemon_twitter_limit_reset_timestamp_seconds";

/// Describes the metrics to the recorder, and makes every series begin: the rate of a series that appears with its first
/// event does not count that event. To be called once, after the recorder is installed.
pub fn register_metrics() {
    describe();
    for call in ApiCall::ALL {
        for outcome in CallOutcome::ALL {
            count_calls(call, outcome, 0);
        }
        counter!(WITHHELD, "call" => call.as_str()).increment(0);
        let _ = histogram!(DURATIONS, "call" => call.as_str());
        for window in LimitWindow::ALL {
            if window.is_told_of(call) {
                show_limit(call, window, [f64::NAN; 3]);
            }
        }
    }
    for resource in BilledResource::ALL {
        billed(resource, 0);
        gauge!(PRICES, "resource" => resource.as_str()).set(resource.price());
    }
}

fn describe() {
    describe_counter!(
        CALLS,
        "Calls to Twitter, by call and outcome. The content of a successful answer does not count."
    );
    describe_counter!(
        WITHHELD,
        "Calls to Twitter that were not sent, because Twitter had told that their limit is reached, by call."
    );
    describe_histogram!(
        DURATIONS,
        Unit::Seconds,
        "Time from the start of a call to Twitter to the end of its answer, by call."
    );
    describe_counter!(
        BILLED,
        "Resources that this program read or created with version 2 of the API and that X bills, by kind. X may bill \
         fewer, because it bills the same resource once a day. The workers' reads are not in it."
    );
    describe_gauge!(
        PRICES,
        "Price of a resource at X in US dollars, by kind: spend is lemon_twitter_billed_total multiplied by it."
    );
    describe_gauge!(
        LIMIT,
        "Calls that Twitter allows the application in a window, by call and window; NaN until Twitter tells."
    );
    describe_gauge!(
        REMAINING,
        "Calls that Twitter still allows the application in a window, by call and window; NaN until Twitter tells."
    );
    describe_gauge!(
        RESET,
        "When the window ends, by call and window, in seconds since 1970; NaN until Twitter tells."
    );
}

/// A call, whatever its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ApiCall {
    RequestToken,
    AccessToken,
    Profile,
    Tweets,
    PostTweet,
    Revoke,
}

impl ApiCall {
    const ALL: [Self; 6] = [
        Self::RequestToken,
        Self::AccessToken,
        Self::Profile,
        Self::Tweets,
        Self::PostTweet,
        Self::Revoke,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::RequestToken => "request_token",
            Self::AccessToken => "access_token",
            Self::Profile => "profile",
            Self::Tweets => "tweets",
            Self::PostTweet => "post_tweet",
            Self::Revoke => "revoke",
        }
    }
}

/// Counts a call that was not sent, because its limit is reached.
pub(crate) fn withheld(call: ApiCall) {
    counter!(WITHHELD, "call" => call.as_str()).increment(1);
}

/// What came of a call: the names of the port's errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CallOutcome {
    Success,
    InvalidToken,
    Suspended,
    DuplicatePost,
    RateLimited,
    Unreached,
    Unavailable,
    Rejected,
    Corrupt,
    /// The caller did not wait for the answer.
    Abandoned,
}

impl CallOutcome {
    const ALL: [Self; 10] = [
        Self::Success,
        Self::InvalidToken,
        Self::Suspended,
        Self::DuplicatePost,
        Self::RateLimited,
        Self::Unreached,
        Self::Unavailable,
        Self::Rejected,
        Self::Corrupt,
        Self::Abandoned,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::InvalidToken => "invalid_token",
            Self::Suspended => "suspended",
            Self::DuplicatePost => "duplicate_post",
            Self::RateLimited => "rate_limited",
            Self::Unreached => "unreached",
            Self::Unavailable => "unavailable",
            Self::Rejected => "rejected",
            Self::Corrupt => "corrupt",
            Self::Abandoned => "abandoned",
        }
    }

    const fn of(fault: &TwitterFault) -> Self {
        match fault {
            // It is what Twitter said of this call; whose fault it is shows the next one.
            TwitterFault::InvalidToken | TwitterFault::Unclear { .. } => Self::InvalidToken,
            TwitterFault::Suspended => Self::Suspended,
            TwitterFault::DuplicatePost => Self::DuplicatePost,
            TwitterFault::RateLimited(_) => Self::RateLimited,
            TwitterFault::NotSent { .. } => Self::Unreached,
            TwitterFault::BrokeOff { .. }
            | TwitterFault::Failed { .. }
            | TwitterFault::NotOfTheApi { .. } => Self::Unavailable,
            TwitterFault::Unsigned { .. }
            | TwitterFault::Refused { .. }
            | TwitterFault::Redirected { .. }
            | TwitterFault::CallbackNotConfirmed => Self::Rejected,
            TwitterFault::TooLarge { .. }
            | TwitterFault::NotExpected { .. }
            | TwitterFault::Lacks { .. } => Self::Corrupt,
        }
    }
}

/// A call under way. If it is dropped before it ended, its caller did not wait.
pub(crate) struct MeasuredCall {
    call: ApiCall,
    began: Instant,
    outcome: CallOutcome,
}

impl MeasuredCall {
    pub(crate) fn begin(call: ApiCall) -> Self {
        Self {
            call,
            began: Instant::now(),
            outcome: CallOutcome::Abandoned,
        }
    }

    pub(crate) fn end<T>(mut self, outcome: &Result<T, TwitterFault>) {
        self.outcome = match outcome {
            Ok(_) => CallOutcome::Success,
            Err(fault) => CallOutcome::of(fault),
        };
    }
}

impl Drop for MeasuredCall {
    fn drop(&mut self) {
        count_calls(self.call, self.outcome, 1);
        histogram!(DURATIONS, "call" => self.call.as_str()).record(self.began.elapsed());
    }
}

fn count_calls(call: ApiCall, outcome: CallOutcome, calls: u64) {
    counter!(CALLS, "call" => call.as_str(), "outcome" => outcome.as_str()).increment(calls);
}

/// What X bills, with the prices of August 2026 for pay per use: <https://docs.x.com/x-api/getting-started/pricing>.
///
/// The metrics have numbers and prices apart, not their product: a price that changes does not change what was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BilledResource {
    UserRead,
    PostRead,
    Post,
    PostWithLink,
}

impl BilledResource {
    const ALL: [Self; 4] = [
        Self::UserRead,
        Self::PostRead,
        Self::Post,
        Self::PostWithLink,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::UserRead => "user_read",
            Self::PostRead => "post_read",
            Self::Post => "post",
            Self::PostWithLink => "post_with_link",
        }
    }

    /// In US dollars.
    const fn price(self) -> f64 {
        match self {
            Self::UserRead => 0.010,
            Self::PostRead => 0.005,
            Self::Post => 0.015,
            Self::PostWithLink => 0.200,
        }
    }

    /// A post with this text.
    pub(crate) fn of_post(text: &str) -> Self {
        if text.contains("https://") || text.contains("http://") {
            Self::PostWithLink
        } else {
            Self::Post
        }
    }
}

/// This many resources were read or created.
pub(crate) fn billed(resource: BilledResource, number: usize) {
    counter!(BILLED, "resource" => resource.as_str()).increment(number as u64);
}

/// The windows of the application's limits: <https://docs.x.com/x-api/fundamentals/rate-limits>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LimitWindow {
    /// A quarter of an hour. With a person's token it is the person's, and people are no label.
    Quarter,
    Day,
}

impl LimitWindow {
    const ALL: [Self; 2] = [Self::Quarter, Self::Day];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Quarter => "15m",
            Self::Day => "24h",
        }
    }

    const fn headers(self) -> [&'static str; 3] {
        match self {
            Self::Quarter => [
                "x-rate-limit-limit",
                "x-rate-limit-remaining",
                "x-rate-limit-reset",
            ],
            Self::Day => [
                "x-app-limit-24hour-limit",
                "x-app-limit-24hour-remaining",
                "x-app-limit-24hour-reset",
            ],
        }
    }

    const fn is_told_of(self, call: ApiCall) -> bool {
        match self {
            Self::Quarter => matches!(call, ApiCall::RequestToken | ApiCall::AccessToken),
            Self::Day => true,
        }
    }
}

/// Shows the limits of the application that an answer tells.
pub(crate) fn limits(call: ApiCall, bearer: TokenOwner, headers: &HeaderMap) {
    for window in LimitWindow::ALL {
        if window == LimitWindow::Quarter && bearer == TokenOwner::Person {
            continue;
        }
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u32>().ok();
        let [limit, remaining, reset] = window.headers().map(number);
        if let (Some(limit), Some(remaining), Some(reset)) = (limit, remaining, reset) {
            show_limit(call, window, [limit, remaining, reset].map(f64::from));
        }
    }
}

fn show_limit(call: ApiCall, window: LimitWindow, [limit, remaining, reset]: [f64; 3]) {
    for (name, value) in [(LIMIT, limit), (REMAINING, remaining), (RESET, reset)] {
        gauge!(name, "call" => call.as_str(), "window" => window.as_str()).set(value);
    }
}

#[cfg(test)]
mod tests {
    use metrics::with_local_recorder;
    use metrics_exporter_prometheus::PrometheusBuilder;
    use reqwest::header::HeaderValue;

    use super::*;

    /// The metrics after this.
    fn recorded(record: impl FnOnce()) -> String {
        let recorder = PrometheusBuilder::new().build_recorder();
        with_local_recorder(&recorder, || {
            register_metrics();
            record();
        });
        recorder.handle().render()
    }

    fn told(window: LimitWindow) -> HeaderMap {
        let values = ["100", "7", "1764000000"].map(HeaderValue::from_static);
        window
            .headers()
            .map(|name| name.parse().unwrap())
            .into_iter()
            .zip(values)
            .collect()
    }

    #[test]
    fn the_limits_of_the_application_are_shown_and_those_of_people_are_not() {
        let quarter = told(LimitWindow::Quarter);
        let day = told(LimitWindow::Day);
        let text = recorded(|| {
            limits(ApiCall::RequestToken, TokenOwner::Application, &quarter);
            limits(ApiCall::Profile, TokenOwner::Person, &quarter);
            limits(ApiCall::Profile, TokenOwner::Person, &day);
        });
        for line in [
            r#"lemon_twitter_limit{call="request_token",window="15m"} 100"#,
            r#"lemon_twitter_limit_remaining{call="request_token",window="15m"} 7"#,
            r#"lemon_twitter_limit_remaining{call="request_token",window="24h"} NaN"#,
            r#"lemon_twitter_limit_remaining{call="profile",window="24h"} 7"#,
            r#"lemon_twitter_limit_reset_timestamp_seconds{call="profile",window="24h"} 1764000000"#,
        ] {
            assert!(text.contains(line), "{line} is missing: {text}");
        }
        let of_a_person = r#"call="profile",window="15m""#;
        assert!(!text.contains(of_a_person), "{text}");
    }

    #[test]
    fn a_call_counts_once_also_if_nobody_waits_for_its_answer() {
        let text = recorded(|| {
            MeasuredCall::begin(ApiCall::Tweets).end(&Ok(()));
            MeasuredCall::begin(ApiCall::Tweets).end::<()>(&Err(TwitterFault::InvalidToken));
            drop(MeasuredCall::begin(ApiCall::Tweets));
        });
        for (outcome, calls) in [
            ("success", 1),
            ("invalid_token", 1),
            ("abandoned", 1),
            ("corrupt", 0),
        ] {
            let line = format!(
                r#"lemon_twitter_calls_total{{call="tweets",outcome="{outcome}"}} {calls}"#
            );
            assert!(text.contains(&line), "{line} is missing: {text}");
        }
    }

    #[test]
    fn a_post_with_a_link_has_another_price() {
        let prices = ["Your chatbot is ready.", "See https://lemon.example"]
            .map(|text| BilledResource::of_post(text).price());
        assert!((prices[0] - 0.015).abs() < 1e-9 && (prices[1] - 0.2).abs() < 1e-9);
    }
}
