use chrono::TimeDelta;
use lemon_domain::values::BudgetKey;

use crate::ConnectError;

/// How long the keys outlive their window: longer than clocks differ.
const AFTERLIFE: TimeDelta = TimeDelta::hours(1);

/// Names the keys of budgets' windows: `lemon:{LEARNME}:daily:1795381200:places`, `…:seats` and `…:sums`, where the number is
/// the window's start in Unix seconds.
///
/// The service in braces is the [hash tag](https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags):
/// all budgets of a service are in one slot of a cluster, so that one script can take from several.
#[derive(Debug)]
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Result<Self, ConnectError> {
        let fits = (1..=64).contains(&prefix.len())
            && prefix
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
        if fits {
            Ok(Self {
                prefix: prefix.to_owned(),
            })
        } else {
            Err(ConnectError::KeyPrefix(prefix.to_owned()))
        }
    }

    /// The keys of a window, as the scripts expect them.
    pub(crate) fn of(&self, key: &BudgetKey) -> [String; 3] {
        let (service, budget) = (&key.service, &key.budget);
        let start = key.window.start.timestamp();
        self.all(&format!("{{{service}}}:{budget}:{start}"))
    }

    /// The keys of a window that no service has.
    pub(crate) fn of_probe(&self) -> [String; 3] {
        self.all("{probe}")
    }

    fn all(&self, name: &str) -> [String; 3] {
        ["places", "seats", "sums"].map(|part| format!("{}:{name}:{part}", self.prefix))
    }
}

/// When the keys of a window expire, in Unix milliseconds.
pub(crate) fn expiry(key: &BudgetKey) -> i64 {
    (key.window.end + AFTERLIFE).timestamp_millis()
}

#[cfg(test)]
mod tests {
    use fred::util::redis_keyslot;
    use lemon_domain::values::{BudgetName, ServiceType, Window};

    use super::*;

    fn key(service: &str, budget: &str, start: &str) -> BudgetKey {
        BudgetKey {
            service: ServiceType::parse(service).unwrap(),
            budget: BudgetName::parse(budget).unwrap(),
            window: Window {
                start: start.parse().unwrap(),
                end: "2026-11-23T21:00:00Z".parse().unwrap(),
            },
        }
    }

    #[test]
    fn a_key_names_service_budget_and_window() {
        let keys = Keys::new("lemon").unwrap();
        assert_eq!(
            keys.of(&key("LEARNME", "daily", "2026-11-22T21:00:00Z")),
            [
                "lemon:{LEARNME}:daily:1795381200:places",
                "lemon:{LEARNME}:daily:1795381200:seats",
                "lemon:{LEARNME}:daily:1795381200:sums"
            ]
        );
    }

    #[test]
    fn all_keys_of_a_service_share_a_slot() {
        let keys = Keys::new("a.b-c:d_e").unwrap();
        let slots = |service| {
            let days = ["2026-11-22T21:00:00Z", "2026-11-23T21:00:00Z"];
            let windows =
                days.map(|day| ["daily", "reads"].map(|budget| key(service, budget, day)));
            let names = windows.into_iter().flatten().flat_map(|key| keys.of(&key));
            let mut slots: Vec<u16> = names.map(|name| redis_keyslot(name.as_bytes())).collect();
            slots.dedup();
            slots
        };
        assert_eq!(slots("LEARNME").len(), 1);
        assert_eq!(slots("ANOTHER").len(), 1);
        assert_ne!(slots("LEARNME"), slots("ANOTHER"));
    }

    #[test]
    fn keys_expire_an_hour_after_the_windows_end() {
        let key = key("LEARNME", "daily", "2026-11-22T21:00:00Z");
        assert_eq!(expiry(&key), 1_795_471_200_000);
    }

    #[test]
    fn a_prefix_that_would_spoil_the_hash_tag_is_refused() {
        for prefix in ["", "{}", "a{b", "a}", "a b", "é", &"x".repeat(65)] {
            let error = Keys::new(prefix).unwrap_err().to_string();
            assert!(error.contains(&format!("{prefix:?}")), "{error}");
        }
    }
}
