use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// The first and the longest pause between two replacements of all connections.
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(1);

/// Decides when connections to a server that accepts no writes are replaced: at once, and then after pauses that
/// double, so that a server that remains a replica does not get a new connection for each call.
#[derive(Debug, Default)]
pub(super) struct Leaving(Mutex<Option<Replacement>>);

#[derive(Debug, Clone, Copy)]
struct Replacement {
    at: Instant,
    wait: Duration,
}

impl Leaving {
    /// Tells whether to replace now. The caller that gets `true` must replace; the next ones wait.
    pub(super) fn may_leave(&self, now: Instant) -> bool {
        let mut left = self.0.lock();
        let wait = match *left {
            Some(Replacement { at, wait }) if now < at + wait => return false,
            // Replacements that follow soon after each other belong to the same failure.
            Some(Replacement { at, wait }) if now < at + 2 * LONGEST => (2 * wait).min(LONGEST),
            _ => FIRST,
        };
        *left = Some(Replacement { at: now, wait });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_waits_double_up_to_the_longest_and_start_again_after_a_time_without_failures() {
        let (leaving, began) = (Leaving::default(), Instant::now());
        let times = |from: u64, to: u64| -> Vec<u64> {
            let asked = from..to;
            asked
                .filter(|ms| leaving.may_leave(began + Duration::from_millis(*ms)))
                .collect()
        };
        assert_eq!(times(0, 4000), [0, 100, 300, 700, 1500, 2500, 3500]);
        assert_eq!(times(5500, 6000), [5500, 5600, 5800]);
    }
}
