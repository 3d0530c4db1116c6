use std::time::Duration;

use crate::{catalogue::Room, dice::Dice};

/// How many replicas there are.
pub(crate) const REPLICAS: usize = 3;
/// For so long people come, and faults happen.
pub(crate) const ACTIVE: Duration = Duration::from_mins(14);
/// After so much more time nothing may be in between.
pub(crate) const QUIET: Duration = Duration::from_mins(9);

/// Many come at once each time that so many milliseconds are over.
pub(crate) const CROWD: u64 = 70_000;

/// The neighbours of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Store,
    Counter,
    Queue,
}

impl Side {
    pub(crate) const ALL: [Self; 3] = [Self::Store, Self::Counter, Self::Queue];
}

/// The faults of a run. Each run has some kinds of them and not others, so that rare ones are not hidden by frequent
/// ones. Chances are in ten thousandths of all calls.
#[derive(Debug, Clone)]
pub(crate) struct FaultPlan {
    /// Nothing in this run explains a seat that the counter gives twice: clocks agree, no replica stands still, the counter
    /// forgets nothing, the store refuses nothing, and nobody asks twice at once.
    pub(crate) plain: bool,
    pub(crate) people: u64,
    pub(crate) room: Room,
    /// Milliseconds that a call takes at most, if it is not slow.
    pub(crate) pace: u64,
    pub(crate) failing: [u32; 3],
    pub(crate) slow: u32,
    pub(crate) crashing: u32,
    /// Milliseconds that each replica's clock is ahead.
    pub(crate) skews: [i64; REPLICAS],
    /// This replica's clock is hours away: it serves nobody, and its upkeep goes on.
    pub(crate) wild: Option<usize>,
    pub(crate) forgets: u64,
    pub(crate) crashes: u64,
    pub(crate) stops: u64,
    pub(crate) freezes: u64,
    pub(crate) outages: u64,
    /// Replicas of a version with other units per use.
    pub(crate) other_units: bool,
    pub(crate) duplicates: u32,
    pub(crate) lost_trainings: u32,
    /// Two clicks instead of one.
    pub(crate) double_clicks: u32,
    /// People who do not wait for the answer.
    pub(crate) impatient: u32,
}

impl FaultPlan {
    pub(crate) fn roll(dice: &Dice) -> Self {
        let mut plan = Self {
            plain: dice.happens(1_500),
            people: 4 + dice.below(9),
            room: dice.pick(&[Room::SCARCE, Room::SCARCE, Room::AMPLE]),
            pace: dice.pick(&[4, 4, 40, 200]),
            failing: [(); 3].map(|()| dice.pick(&[0, 0, 30, 100, 400])),
            slow: dice.pick(&[0, 50, 200, 600]),
            crashing: dice.pick(&[0, 0, 3, 10]),
            skews: [0; REPLICAS],
            wild: None,
            forgets: dice.pick(&[0, 0, 0, 1, 8, 40]),
            crashes: dice.pick(&[0, 0, 1, 3]),
            stops: dice.pick(&[0, 0, 1, 2]),
            freezes: dice.pick(&[0, 0, 0, 1, 2]),
            outages: dice.pick(&[0, 0, 1, 2]),
            other_units: dice.happens(3_000),
            duplicates: dice.pick(&[0, 500, 2_500]),
            lost_trainings: dice.pick(&[0, 1_500, 4_000]),
            double_clicks: dice.pick(&[0, 2_500]),
            impatient: dice.pick(&[0, 1_000]),
        };
        if plan.plain {
            // Slow enough that calls are abandoned.
            plan.slow = dice.pick(&[0, 600, 2_000]);
            plan.failing[Side::Store as usize] = 0;
            (plan.forgets, plan.freezes, plan.outages) = (0, 0, 0);
            (plan.double_clicks, plan.impatient) = (0, 0);
            return plan;
        }
        if dice.happens(4_000) {
            for skew in &mut plan.skews {
                *skew = i64::try_from(dice.below(19_000)).unwrap_or(0) - 9_500;
            }
        }
        if dice.happens(2_000) {
            let hours = dice.pick(&[-30, -3, 2, 5, 26, 60, 900_i64]);
            plan.wild = Some(0);
            plan.skews[0] = hours * 60 * 60 * 1000;
        }
        plan
    }

    pub(crate) fn in_words(&self) -> String {
        format!("{self:?}")
    }
}
