use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};

use super::{InvalidValue, Window};

/// The name of a budget, such as `daily` or `reads`: 1 to 32 of `a-z`, `0-9`, `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BudgetName(Arc<str>);

impl BudgetName {
    /// The name of the cooldown in answers, which list it beside the budgets: no budget of a service has this name.
    pub const COOLDOWN: &str = "cooldown";

    /// The budget of the day's places, which every service has.
    #[must_use]
    pub fn daily() -> Self {
        Self("daily".into())
    }

    /// Reads a name.
    ///
    /// # Errors
    /// If it is empty, too long or has other characters.
    pub fn parse(name: &str) -> Result<Self, InvalidValue> {
        let fits = (1..=32).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if fits {
            Ok(Self(name.into()))
        } else {
            Err(InvalidValue::new(
                "the budget name",
                "is not 1 to 32 characters of a-z, 0-9 and _",
            ))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BudgetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One budget of one scope in one window: the key by which a counter counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BudgetKey {
    /// The owner of the budget.
    pub scope: Scope,
    /// Which of the owner's budgets.
    pub budget: BudgetName,
    /// The window; its start names the key, and after its end the key may be removed.
    pub window: Window,
}

/// The units that one use takes from a budget, and the limit of the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Which budget and window.
    pub key: BudgetKey,
    /// The limit of the window, in units.
    pub limit: u32,
    /// Units that this use takes.
    pub units: u32,
}

/// How much of a budget is taken in its window, at the moment of a counter's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetState {
    /// The budget and window; the window says until when.
    pub key: BudgetKey,
    /// The limit of the window, in units.
    pub limit: u32,
    /// Units that are taken: more than the limit if the limit was lowered meanwhile.
    pub used: u32,
}

impl BudgetState {
    /// Units that are not taken.
    #[must_use]
    pub const fn remaining(&self) -> u32 {
        self.limit.saturating_sub(self.used)
    }
}

/// The owner of budgets: a service, a tenant, or anything else that is counted separately. 1 to 64 of `A-Z`, `a-z`,
/// `0-9`, `-`, `_`, `.`: a UUID, or a name.
///
/// One step can take from several budgets of one scope, and from those of several scopes if their counter keeps them
/// together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope(pub(super) Arc<str>);

impl Scope {
    /// Reads a text.
    ///
    /// # Errors
    /// If it is empty, too long or has other characters.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        opaque(text, 64, b"-_.").map(Self).ok_or_else(|| {
            InvalidValue::new(
                "the scope",
                "is not 1 to 64 characters of A-Z, a-z, 0-9, -, _ and .",
            )
        })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The one on whose behalf a place is held. To a counter it is a text: 1 to 128 of `A-Z`, `a-z`, `0-9`, `-`, `_`, `.`,
/// `:`.
///
/// A repeated call with the same holder finds its own place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Holder(pub(super) Arc<str>);

impl Holder {
    /// Reads a text.
    ///
    /// # Errors
    /// If it is empty, too long or has other characters.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        opaque(text, 128, b"-_.:").map(Self).ok_or_else(|| {
            InvalidValue::new(
                "the holder",
                "is not 1 to 128 characters of A-Z, a-z, 0-9, -, _, . and :",
            )
        })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text, if it has 1 to `longest` letters, digits and `marks`.
fn opaque(text: &str, longest: usize, marks: &[u8]) -> Option<Arc<str>> {
    let fits = (1..=longest).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || marks.contains(&b));
    fits.then(|| text.into())
}

/// A place in a budget: its holder, its seat and its units.
///
/// The seat is unique in its window, in the counter and, by a constraint, in the record. This keeps the quota exact
/// when a counter forgets: two people who were given the same seat cannot both be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The holder.
    pub holder: Holder,
    /// The seat, from 1. With one unit per use, "today's n-th".
    pub seat: u32,
    /// How many units it takes.
    pub units: u32,
    /// When it was reserved, or last asked for.
    pub at: DateTime<Utc>,
}
