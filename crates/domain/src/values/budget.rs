use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};

use super::{InvalidValue, Window};

/// What a budget counts, as `daily` or `reads`: 1 to 32 of `a-z`, `0-9`, `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BudgetName(Arc<str>);

impl BudgetName {
    /// What answers call the cooldown, which they tell of beside the budgets: no budget of a service has this name.
    pub const COOLDOWN: &str = "cooldown";

    /// The budget of the day's places, that every service has.
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
                format!("{name:?} is not 1 to 32 of a-z, 0-9 and _"),
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

/// One budget of one scope in one window: what a counter counts by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BudgetKey {
    /// Whose budget.
    pub scope: Scope,
    /// Which of theirs.
    pub budget: BudgetName,
    /// The window; its start names the key, its end is when the key may go.
    pub window: Window,
}

/// What one use takes from a budget, and how much there is in the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Which budget and window.
    pub key: BudgetKey,
    /// Units in the window.
    pub limit: u32,
    /// Units that this use takes.
    pub units: u32,
}

/// What is taken of a budget in its window, at the moment in which a counter said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetState {
    /// Which budget and window; the window tells until when.
    pub key: BudgetKey,
    /// Units in the window.
    pub limit: u32,
    /// Units that are taken: more than the limit, where it was lowered meanwhile.
    pub used: u32,
}

impl BudgetState {
    /// Units that are not taken.
    #[must_use]
    pub const fn remaining(&self) -> u32 {
        self.limit.saturating_sub(self.used)
    }
}

/// Whose budgets they are: a service, a tenant, whatever they are counted apart for. 1 to 64 of `A-Z`, `a-z`, `0-9`, `-`,
/// `_`, `.`: a UUID, or a name.
///
/// Budgets of one scope can be taken from in one step, those of several if their counter keeps them together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope(pub(super) Arc<str>);

impl Scope {
    /// Reads a text.
    ///
    /// # Errors
    /// If it is empty, too long or has other characters.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        opaque(text, 64, b"-_.").map(Self).ok_or_else(|| {
            InvalidValue::new("the scope", "is not 1 to 64 of A-Z, a-z, 0-9, -, _ and .")
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

/// On whose behalf a place is held. To a counter it is a text: 1 to 128 of `A-Z`, `a-z`, `0-9`, `-`, `_`, `.`, `:`.
///
/// A repeated call that names the same holder finds its own place.
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
                "is not 1 to 128 of A-Z, a-z, 0-9, -, _, . and :",
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

/// A place in a budget: whose it is, which it is, what it takes.
///
/// The seat is unique in its window, in the counter and, by a constraint, in the record. That is what keeps the
/// quota exact when a counter forgets: two people who were given one seat cannot both be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Whose.
    pub holder: Holder,
    /// Which, from 1. With one unit a use, "today's n-th".
    pub seat: u32,
    /// How many units it takes.
    pub units: u32,
    /// When it was reserved, or last asked for.
    pub at: DateTime<Utc>,
}
