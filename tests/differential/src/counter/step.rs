use std::fmt;

use proptest::{collection::vec, prelude::*, sample::select};

/// How many budgets there are.
pub(super) const BUDGETS: usize = 5;

/// A wish for a place in a budget.
#[derive(Debug, Clone)]
pub struct BudgetWish {
    /// Which budget.
    pub budget: usize,
    /// How many units.
    pub units: u32,
    /// The limit that the call names.
    pub limit: u32,
}

/// A place of the record.
#[derive(Debug, Clone)]
pub struct RecordedPlace {
    /// Whose.
    pub holder: u8,
    /// Which seat of its segment, from 1.
    pub seat: u32,
    /// How many units.
    pub units: u32,
    /// How many seconds ago it was taken.
    pub ago: i64,
}

/// Which restoration a call names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedRestoration {
    /// The one that was begun last.
    Begun,
    /// None: the window is open.
    Open,
    /// One that nobody began.
    Foreign,
}

/// A call of a quota counter, or something that happens to it.
#[derive(Debug, Clone)]
pub enum CounterStep {
    /// A reservation.
    Reserve {
        /// Who asks.
        holder: u8,
        /// For what; the first wish for a budget counts.
        wishes: Vec<BudgetWish>,
        /// How many seconds the caller's clock is behind.
        behind: i64,
    },
    /// A release.
    Release {
        /// Whose places.
        holder: u8,
        /// Of which budgets.
        budgets: Vec<usize>,
        /// Those that were asked for until so many seconds ago.
        ago: i64,
    },
    /// A whole restoration, from its beginning to the opening.
    Know {
        /// Of which budget.
        budget: usize,
        /// From this record, of the first segment.
        places: Vec<RecordedPlace>,
    },
    /// The beginning of a restoration.
    Begin {
        /// Of which budget.
        budget: usize,
    },
    /// The restoration, or correction, of a segment.
    Restore {
        /// Of which budget.
        budget: usize,
        /// Which segment.
        segment: u32,
        /// The record.
        places: Vec<RecordedPlace>,
        /// The record is final up to so many seconds ago.
        ago: i64,
        /// Which restoration the call names.
        named: NamedRestoration,
    },
    /// The end of a restoration.
    Open {
        /// Of which budget.
        budget: usize,
        /// Which restoration the call names.
        named: NamedRestoration,
    },
    /// Time goes on.
    Pass {
        /// By so many seconds.
        seconds: i64,
    },
    /// The counter's process ends and starts again.
    Restart,
    /// The counter loses its memory.
    Forget,
}

/// Sequences of steps.
pub fn counter_steps() -> impl Strategy<Value = Vec<CounterStep>> {
    vec(counter_step(), 1..40)
}

fn counter_step() -> impl Strategy<Value = CounterStep> {
    let wish = (0..BUDGETS, 1_u32..4, 1_u32..7).prop_map(|(budget, units, limit)| BudgetWish {
        budget,
        units,
        limit,
    });
    let named = select(vec![
        NamedRestoration::Begun,
        NamedRestoration::Open,
        NamedRestoration::Foreign,
    ]);
    prop_oneof![
        10 => (0_u8..5, vec(wish, 1..4), 0_i64..3)
            .prop_map(|(holder, wishes, behind)| CounterStep::Reserve { holder, wishes, behind }),
        4 => (0_u8..5, vec(0..BUDGETS, 1..4), -1_i64..4)
            .prop_map(|(holder, budgets, ago)| CounterStep::Release { holder, budgets, ago }),
        5 => (0..BUDGETS, vec(recorded_place(), 0..4))
            .prop_map(|(budget, places)| CounterStep::Know { budget, places }),
        1 => (0..BUDGETS).prop_map(|budget| CounterStep::Begin { budget }),
        4 => (0..BUDGETS, 0_u32..2, vec(recorded_place(), 0..4), -1_i64..4, named.clone()).prop_map(
            |(budget, segment, places, ago, named)| CounterStep::Restore { budget, segment, places, ago, named }
        ),
        1 => (0..BUDGETS, named).prop_map(|(budget, named)| CounterStep::Open { budget, named }),
        3 => (1_i64..4).prop_map(|seconds| CounterStep::Pass { seconds }),
        1 => Just(CounterStep::Restart),
        1 => Just(CounterStep::Forget),
    ]
}

/// Also on the seats at which a portion of a segment begins and ends.
fn recorded_place() -> impl Strategy<Value = RecordedPlace> {
    let seat = select(vec![1_u32, 2, 3, 4, 128, 129, 1024]);
    (0_u8..5, seat, 1_u32..4, 0_i64..5).prop_map(|(holder, seat, units, ago)| RecordedPlace {
        holder,
        seat,
        units,
        ago,
    })
}

impl fmt::Display for BudgetWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (budget, units, limit) = (self.budget, self.units, self.limit);
        write!(f, "{units} of budget {budget} with limit {limit}")
    }
}

impl fmt::Display for RecordedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (holder, seat, units, ago) = (self.holder, self.seat, self.units, self.ago);
        write!(
            f,
            "holder {holder} on seat {seat} with {units} since {ago} s"
        )
    }
}

/// The items, with commas.
fn list<T: fmt::Display>(items: &[T]) -> String {
    if items.is_empty() {
        return "nobody".to_owned();
    }
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}

impl fmt::Display for CounterStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reserve {
                holder,
                wishes,
                behind,
            } => {
                let wishes = list(wishes);
                write!(
                    f,
                    "holder {holder}, whose clock is {behind} s behind, reserves {wishes}"
                )
            }
            Self::Release {
                holder,
                budgets,
                ago,
            } => {
                let budgets = list(budgets);
                write!(
                    f,
                    "holder {holder} releases budgets {budgets} as of {ago} s ago"
                )
            }
            Self::Know { budget, places } => {
                let places = list(places);
                write!(
                    f,
                    "budget {budget} is restored and opened; the record has {places}"
                )
            }
            Self::Begin { budget } => write!(f, "a restoration of budget {budget} begins"),
            Self::Restore {
                budget,
                segment,
                places,
                ago,
                named,
            } => {
                let places = list(places);
                write!(
                    f,
                    "segment {segment} of budget {budget} is restored ({named:?}) as of {ago} s ago; the record has {places}"
                )
            }
            Self::Open { budget, named } => write!(f, "budget {budget} is opened ({named:?})"),
            Self::Pass { seconds } => write!(f, "{seconds} s pass"),
            Self::Restart => f.write_str("the counter starts again"),
            Self::Forget => f.write_str("the counter loses its memory"),
        }
    }
}
