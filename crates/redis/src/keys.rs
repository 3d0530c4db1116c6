use chrono::TimeDelta;
use lemon_domain::values::{BudgetKey, Holder};

use crate::error::RedisError;

/// How long the keys outlive their window: longer than the difference between clocks.
const AFTERLIFE: TimeDelta = TimeDelta::hours(1);

/// The beginning of every key: 1 to 64 of `A-Z`, `a-z`, `0-9`, `-`, `_`, `.`, `:`. Counters with the same prefix count
/// together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPrefix {
    text: String,
    is_one_slot: bool,
}

impl KeyPrefix {
    /// Reads a prefix.
    ///
    /// # Errors
    /// [`RedisError::KeyPrefix`] if it is empty, too long or has other characters.
    pub fn parse(prefix: &str) -> Result<Self, RedisError> {
        let fits = (1..=64).contains(&prefix.len())
            && prefix
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
        if fits {
            Ok(Self {
                text: prefix.to_owned(),
                is_one_slot: false,
            })
        } else {
            Err(RedisError::KeyPrefix)
        }
    }

    /// Puts all keys in one slot of a cluster, so that one step can take from budgets of several scopes. One node then
    /// counts all of them. The keys get other names: after the switch, the counter is restored from the record.
    #[must_use]
    pub fn in_one_slot(self) -> Self {
        Self {
            is_one_slot: true,
            ..self
        }
    }
}

/// Makes the keys of budgets' windows: `lemon:{LEARNME}:daily:1795381200:places`, `…:seats` and `…:sums`. The number is
/// the window's start in Unix seconds.
///
/// The scope in braces, here a service, is the [hash tag](https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags):
/// all budgets of a scope are in one slot of a cluster, so that one script can take from several. If one step takes from
/// several scopes, the tag is the prefix: `lemon:{lemon}:LEARNME:daily:1795381200:places`.
#[derive(Debug, Clone)]
pub(crate) struct RedisKeys {
    prefix: KeyPrefix,
}

impl RedisKeys {
    pub(crate) const fn new(prefix: KeyPrefix) -> Self {
        Self { prefix }
    }

    /// The keys of a window, in the order that the scripts expect.
    pub(crate) fn of(&self, key: &BudgetKey) -> [String; 3] {
        let (scope, budget) = (&key.scope, &key.budget);
        let start = key.window.start.timestamp();
        self.all(&if self.prefix.is_one_slot {
            format!("{{{}}}:{scope}:{budget}:{start}", self.prefix.text)
        } else {
            format!("{{{scope}}}:{budget}:{start}")
        })
    }

    /// Tells whether it is certain that the keys of both are in one slot of a cluster.
    pub(crate) fn are_together(&self, one: &BudgetKey, other: &BudgetKey) -> bool {
        self.prefix.is_one_slot || one.scope == other.scope
    }

    /// The keys of a window that belongs to no budget.
    pub(crate) fn of_probe(&self) -> [String; 3] {
        self.all("{probe}")
    }

    fn all(&self, name: &str) -> [String; 3] {
        ["places", "seats", "sums"].map(|part| format!("{}:{name}:{part}", self.prefix.text))
    }
}

/// When the keys of a window expire, in Unix milliseconds.
pub(crate) fn expiry(key: &BudgetKey) -> i64 {
    (key.window.end + AFTERLIFE).timestamp_millis()
}

/// The field of a holder's place in the hash of places: the holder's text, unless another field has that name.
///
/// A holder never begins with `=`, so two holders never share a field. The scripts leave the `=` out of the
/// fingerprint.
pub(crate) fn field(holder: &Holder) -> String {
    match holder.as_str() {
        name @ ("used" | "restoring") => format!("={name}"),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fred::util::redis_keyslot;
    use lemon_domain::values::{BudgetName, Scope, Turn, UserId, Window};

    use super::*;

    fn key(scope: &str, budget: &str, start: &str) -> BudgetKey {
        BudgetKey {
            scope: Scope::parse(scope).unwrap(),
            budget: BudgetName::parse(budget).unwrap(),
            window: Window {
                start: start.parse().unwrap(),
                end: "2026-11-23T21:00:00Z".parse().unwrap(),
            },
        }
    }

    #[test]
    fn a_key_names_scope_budget_and_window() {
        let keys = RedisKeys::new(KeyPrefix::parse("lemon").unwrap());
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
    fn all_keys_of_a_scope_share_a_slot() {
        let keys = RedisKeys::new(KeyPrefix::parse("a.b-c:d_e").unwrap());
        let slots = |scope| {
            let days = ["2026-11-22T21:00:00Z", "2026-11-23T21:00:00Z"];
            let windows = days.map(|day| ["daily", "reads"].map(|budget| key(scope, budget, day)));
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
    fn all_keys_share_a_slot_if_scopes_share_one_step() {
        let slots = |prefix: &str| {
            let prefix = KeyPrefix::parse(prefix).unwrap().in_one_slot();
            let keys = RedisKeys::new(prefix);
            let scopes = ["LEARNME", "ANOTHER", "shared"];
            let all = scopes.map(|scope| key(scope, "reads", "2026-11-22T21:00:00Z"));
            assert!(keys.are_together(&all[0], &all[2]));
            let names = all.iter().flat_map(|key| keys.of(key));
            names
                .map(|name| redis_keyslot(name.as_bytes()))
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(slots("lemon").len(), 1);
        assert_ne!(slots("lemon"), slots("a.b-c:d_e"));
    }

    #[test]
    fn each_holder_has_its_own_field_and_never_an_internal_one() {
        let field = |name: &str| super::field(&Holder::parse(name).unwrap());
        let turn = Turn {
            user: UserId::new(7),
            number: 2,
        };
        assert_eq!(super::field(&turn.holder()), "7:2");
        assert_eq!(field("0197-a:B_c.d"), "0197-a:B_c.d");
        assert_eq!(["used", "restoring"].map(field), ["=used", "=restoring"]);
        assert!(Holder::parse("=used").is_err());
    }

    #[test]
    fn keys_expire_an_hour_after_the_windows_end() {
        let key = key("LEARNME", "daily", "2026-11-22T21:00:00Z");
        assert_eq!(expiry(&key), 1_795_471_200_000);
    }

    #[test]
    fn a_prefix_that_would_spoil_the_hash_tag_is_refused() {
        for prefix in ["", "{}", "a{b", "a}", "a b", "é", &"x".repeat(65)] {
            let error = KeyPrefix::parse(prefix).unwrap_err();
            assert_eq!(error, RedisError::KeyPrefix, "{prefix:?}");
        }
    }
}
