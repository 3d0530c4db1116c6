/// What must hold in every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// Of no budget more is recorded than its limit, and each seat once.
    Limit,
    /// A person uses a service once for each turn, and not within the cooldown.
    OneUse,
    /// An attempt is stored once, and gets the same answer again.
    OneAttempt,
    /// An answer stays true: accepted is stored, and unavailable or refused is not stored later.
    TrueAnswer,
    /// A place is recorded as the counter gave it.
    AsReserved,
    /// The record refuses a seat only if the counter forgot, clocks differ, a replica stood still, or somebody asked twice at
    /// once.
    Cause,
    /// No training follows its own deletion or notification, and none overtakes a deletion.
    Order,
    /// A training ends once, with one notification, by its own ready message.
    OneEnd,
    /// No training is given up before its deadline, or announced too often.
    Deadline,
    /// Nothing is purged while it counts.
    Purge,
    /// Each accepted request, each deletion and each end of a training reaches the workers.
    NothingLost,
    /// In the end nothing is in between: no row, no message, no training.
    NoLimbo,
    /// In the end the places taken are the places recorded.
    Places,
    /// In the end nobody is refused while there is room.
    Room,
}

impl Invariant {
    /// In words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "never over a limit, each seat once",
            Self::OneUse => "one use for each turn and cooldown",
            Self::OneAttempt => "one attempt, one answer",
            Self::TrueAnswer => "an answer stays true",
            Self::AsReserved => "recorded as reserved",
            Self::Cause => "no seat is refused without a cause",
            Self::Order => "train, notify and delete jobs keep their order",
            Self::OneEnd => "one training, one end, one notification",
            Self::Deadline => "no training is given up early",
            Self::Purge => "nothing is purged early",
            Self::NothingLost => "nothing accepted is lost",
            Self::NoLimbo => "nothing stays in between",
            Self::Places => "places taken are places recorded",
            Self::Room => "nobody is refused while there is room",
        }
    }
}

/// An invariant that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// What happened.
    pub what: String,
}

/// Nothing, or a violation.
pub(crate) type Judgement = Result<(), Violation>;

/// Fails with a violation unless the condition holds.
pub(crate) fn hold(holds: bool, invariant: Invariant, what: impl FnOnce() -> String) -> Judgement {
    if holds {
        return Ok(());
    }
    let what = what();
    Err(Violation { invariant, what })
}
