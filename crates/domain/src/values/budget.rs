use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};

use super::{InvalidValue, ServiceType, UserId, Window};

/// What a budget counts, as `daily` or `reads`: 1 to 32 of `a-z`, `0-9`, `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BudgetName(Arc<str>);

impl BudgetName {
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

/// One budget of one service in one window: what a counter counts by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BudgetKey {
    /// The service.
    pub service: ServiceType,
    /// Which of its budgets.
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

/// On whose behalf a place is held: a person and which of their uses it is (`turn`, from 1).
///
/// A repeated call finds its own place because the turn is the same until a use is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Holder {
    /// The person.
    pub user: UserId,
    /// Which of their uses of the service, counted from 1.
    pub turn: u32,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.user, self.turn)
    }
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
