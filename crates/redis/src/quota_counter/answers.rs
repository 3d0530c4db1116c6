use std::collections::BTreeMap;

use fred::types::Value;
use lemon_domain::{
    ports::{ReserveOutcome, RestorationId, Taken, WindowState, WindowSums},
    values::{Budget, BudgetState, Segment, SegmentSums, Sums},
};

use crate::{
    error::RedisFault,
    script::{ScriptAnswer, count, number},
};

/// The field that marks that a window's sums are maintained.
const COUNTED: &str = "counted";

pub(super) fn outcome(
    answer: ScriptAnswer,
    budgets: &[Budget],
) -> Result<ReserveOutcome, RedisFault> {
    let budget = |index: usize| budgets.get(index).ok_or(RedisFault::Answer);
    let key = |index| budget(index).map(|budget| budget.key.clone());
    match answer {
        ScriptAnswer::Each(_) => Err(RedisFault::Answer),
        ScriptAnswer::Unknown(index) => key(index).map(ReserveOutcome::Unknown),
        ScriptAnswer::Exhausted { window, used, held } => Ok(ReserveOutcome::Exhausted {
            state: state(budget(window)?, used),
            held: held.into_iter().map(key).collect::<Result<_, _>>()?,
        }),
        ScriptAnswer::Done(numbers) => {
            if numbers.len() != 3 * budgets.len() {
                return Err(RedisFault::Answer);
            }
            let taken = budgets.iter().zip(numbers.chunks_exact(3)).map(taken);
            taken
                .collect::<Result<_, _>>()
                .map(ReserveOutcome::Reserved)
        }
    }
}

fn state(budget: &Budget, used: u32) -> BudgetState {
    BudgetState {
        key: budget.key.clone(),
        limit: budget.limit,
        used,
    }
}

fn taken((budget, numbers): (&Budget, &[Value])) -> Result<Taken, RedisFault> {
    let [seat, units, used] = numbers else {
        return Err(RedisFault::Answer);
    };
    Ok(Taken {
        seat: count(seat)?,
        units: count(units)?,
        state: state(budget, count(used)?),
    })
}

/// Tells whether the window was in the state that the call named.
pub(super) fn is_done(answer: &[Value]) -> Result<bool, RedisFault> {
    match answer {
        [done] => Ok(number(done)? == 1),
        _ => Err(RedisFault::Answer),
    }
}

/// A segment after a part of it was restored.
pub(super) struct RestoredSegment {
    /// Places on the seats of the part that the record does not have.
    pub(super) others: u64,
    /// The sums of the segment.
    pub(super) sums: Sums,
    /// The last taken seat of the segment, or 0.
    pub(super) last: u32,
}

/// `None` if the window was not in the state that the call named.
pub(super) fn restored(answer: &[Value]) -> Result<Option<RestoredSegment>, RedisFault> {
    let [done, restored @ ..] = answer else {
        return Err(RedisFault::Answer);
    };
    match (number(done)?, restored) {
        (0, []) => Ok(None),
        (1, [others, places, units, fingerprint, last]) => Ok(Some(RestoredSegment {
            others: number(others)?,
            sums: Sums {
                places: number(places)?,
                units: number(units)?,
                fingerprint: number(fingerprint)?,
            },
            last: count(last)?,
        })),
        _ => Err(RedisFault::Answer),
    }
}

pub(super) fn sums(answer: Vec<Value>) -> Result<WindowSums, RedisFault> {
    let [known, restoration, used, seated, last, fields] =
        <[Value; 6]>::try_from(answer).map_err(|_| RedisFault::Answer)?;
    let state = match (number(&known)?, number(&restoration)?) {
        (1, _) => WindowState::Open,
        (_, 0) => WindowState::Unknown,
        (_, id) => WindowState::Restoring(RestorationId(id)),
    };
    let fields = AnswerFields::read(&fields.into_string().ok_or(RedisFault::Answer)?);
    let segments = if fields.add_up_to(number(&seated)?, number(&used)?) {
        fields.segments
    } else {
        fields.untrusted(count(&last)?)
    };
    Ok(WindowSums { state, segments })
}

/// The fields of the hash of sums.
struct AnswerFields {
    counted: bool,
    segments: SegmentSums,
}

impl AnswerFields {
    fn read(fields: &str) -> Self {
        let mut texts = fields.split_ascii_whitespace();
        let (mut counted, mut segments) = (false, BTreeMap::new());
        while let (Some(field), Some(text)) = (texts.next(), texts.next()) {
            if let Ok(segment) = field.parse() {
                segments.insert(Segment::new(segment), segment_sums(text));
            }
            counted |= field == COUNTED;
        }
        Self { counted, segments }
    }

    /// Tells whether the sums can be trusted. An older version of the scripts counts without sums, and then they do not
    /// match.
    fn add_up_to(&self, places: u64, units: u64) -> bool {
        let sums: Option<Vec<Sums>> = self.segments.values().copied().collect();
        let total = |of: fn(&Sums) -> u64| sums.as_ref().map(|sums| sums.iter().map(of).sum());
        let nothing = places == 0 && self.segments.is_empty();
        (self.counted || nothing)
            && total(|sums| sums.places) == Some(places)
            && total(|sums| sums.units) == Some(units)
    }

    /// All segments up to that of the last seat, and any others that have a field, all without sums.
    fn untrusted(self, last: u32) -> SegmentSums {
        let all = (last > 0).then(|| 0..=Segment::of(last).index());
        let seated = all.into_iter().flatten().map(Segment::new);
        let segments = seated.chain(self.segments.into_keys());
        segments.map(|segment| (segment, None)).collect()
    }
}

fn segment_sums(text: &str) -> Option<Sums> {
    let mut numbers = text.split(':').map(|number| number.parse().ok());
    let sums = Sums {
        places: numbers.next()??,
        units: numbers.next()??,
        fingerprint: numbers.next()??,
    };
    numbers.next().is_none().then_some(sums)
}
