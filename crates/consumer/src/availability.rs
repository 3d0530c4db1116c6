//! Decides from the held deliveries whether something that they all need is unavailable, or each has a fault of its
//! own.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

/// For so long after the failure, work that was already in flight may still succeed; such a success proves nothing.
const STRAGGLING: Duration = Duration::from_secs(30);
/// The wait between two receives while the dependency seems to be unavailable: each receive uses one of the few that a
/// message has.
const WHILE_AWAY: Duration = Duration::from_secs(5);

/// Counts the deliveries that are held, and remembers the latest that succeeded.
#[derive(Default)]
pub(crate) struct Dependencies(watch::Sender<Seen>);

#[derive(Default)]
struct Seen {
    /// Held deliveries that first failed after the latest success.
    suspicious: usize,
    /// Counts the successes. A held delivery remembers the count at its first failure.
    successes: u64,
    latest_success: Option<Instant>,
}

/// A delivery that is held.
pub(crate) struct Held<'a> {
    availability: &'a Dependencies,
    successes_before: u64,
    since: Instant,
}

/// Why a delivery has been held for so long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Others succeeded meanwhile: the fault is in this delivery.
    Own,
    /// None succeeded: their dependency is unavailable, or nothing shows that it is available.
    Away,
}

impl Dependencies {
    /// A delivery was done, so its dependencies are available.
    pub(crate) fn success(&self) {
        self.0.send_if_modified(|seen| {
            seen.successes += 1;
            seen.latest_success = Some(Instant::now());
            std::mem::take(&mut seen.suspicious) > 0
        });
    }

    /// A delivery is held from now until this is dropped.
    pub(crate) fn hold(&self) -> Held<'_> {
        let mut successes_before = 0;
        self.0.send_modify(|seen| {
            seen.suspicious += 1;
            successes_before = seen.successes;
        });
        Held {
            availability: self,
            successes_before,
            since: Instant::now(),
        }
    }

    /// Waits while the dependencies seem to be unavailable, but not for long. One held delivery alone does not show
    /// that they are.
    pub(crate) async fn rest_while_away(&self) {
        let mut seen = self.0.subscribe();
        let back = seen.wait_for(|seen| seen.suspicious <= 1);
        drop(timeout(WHILE_AWAY, back).await);
    }
}

impl Held<'_> {
    /// The cause, once the delivery has been held for that long.
    pub(crate) fn over(&self, limit: Duration) -> Option<Cause> {
        if self.since.elapsed() < limit {
            return None;
        }
        let latest = self.availability.0.borrow().latest_success;
        let meanwhile = latest.is_some_and(|latest| latest > self.since + STRAGGLING);
        Some(if meanwhile { Cause::Own } else { Cause::Away })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.availability.0.send_if_modified(|seen| {
            // A later success has cleared it already.
            let counted = seen.successes == self.successes_before;
            seen.suspicious -= usize::from(counted);
            counted
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(3 * 60);

    #[tokio::test(start_paused = true)]
    async fn only_a_success_long_after_the_first_failure_shows_a_fault_of_the_delivery() {
        for (success_after, cause) in [
            (None, Cause::Away),
            (Some(1), Cause::Away),
            (Some(60), Cause::Own),
        ] {
            let availability = Dependencies::default();
            let held = availability.hold();
            assert_eq!(held.over(LIMIT), None);
            if let Some(seconds) = success_after {
                sleep(Duration::from_secs(seconds)).await;
                availability.success();
            }
            sleep(LIMIT).await;
            assert_eq!(held.over(LIMIT), Some(cause), "{success_after:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn receiving_pauses_while_several_deliveries_are_held_and_none_succeeds() {
        let availability = Dependencies::default();
        let rest = async || {
            let begun = Instant::now();
            availability.rest_while_away().await;
            begun.elapsed()
        };
        assert_eq!(rest().await, Duration::ZERO);
        let _one = availability.hold();
        assert_eq!(rest().await, Duration::ZERO);
        let another = availability.hold();
        assert_eq!(rest().await, WHILE_AWAY);
        drop(another);
        assert_eq!(rest().await, Duration::ZERO);
        let third = availability.hold();
        assert_eq!(rest().await, WHILE_AWAY);
        availability.success();
        drop(third);
        assert_eq!(rest().await, Duration::ZERO);
        // Held before the success, they show nothing about the present.
        let _fourth = availability.hold();
        assert_eq!(rest().await, Duration::ZERO);
    }
}
