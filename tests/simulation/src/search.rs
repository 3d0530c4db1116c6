use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
};

use parking_lot::Mutex;

use crate::{invariant::Violation, mutation::Mutation, run::run};

/// What came of many runs.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The first seed in whose run an invariant did not hold, and which.
    pub violation: Option<(u64, Violation)>,
    /// How many runs there were.
    pub runs: u64,
    /// How many events they had.
    pub events: u64,
}

/// Runs seeds on all cores, up to the first violation.
#[must_use]
pub fn search(seeds: Range<u64>, mutation: Option<Mutation>) -> Found {
    let next = AtomicU64::new(seeds.start);
    let end = AtomicU64::new(seeds.end);
    let found = Mutex::new(Found::default());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Relaxed);
            // The seeds before a violation are run to the last: another run of the search finds the same.
            if seed >= end.load(Relaxed) {
                return;
            }
            let ran = run(seed, mutation, false);
            let mut found = found.lock();
            found.runs += 1;
            found.events += ran.events;
            if let Some(violation) = ran.violation
                && found
                    .violation
                    .as_ref()
                    .is_none_or(|(first, _)| seed < *first)
            {
                found.violation = Some((seed, violation));
                end.fetch_min(seed, Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    found.into_inner()
}
