//! What held deliveries tell: is what they need away, or has each a fault of its own?

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

/// What was under way when it went away may still succeed for so long, and says nothing then.
const STRAGGLING: Duration = Duration::from_secs(30);
/// The wait between two receives while it seems to be away: each receive is one of the few that a message has.
const WHILE_AWAY: Duration = Duration::from_secs(5);

/// Counts the deliveries that are held, and remembers the latest that succeeded.
#[derive(Default)]
pub(crate) struct Dependencies(watch::Sender<Seen>);

#[derive(Default)]
struct Seen {
    /// Deliveries that are held, and since whose first failure none has succeeded.
    suspicious: usize,
    /// Names the time between two successes in which a delivery was first held.
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
    /// Others succeeded meanwhile: the fault is its own.
    Own,
    /// None succeeded: what they need is away, or nothing tells that it is not.
    Away,
}

impl Dependencies {
    /// A delivery was done, so that what it needs is there.
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

    /// Waits while what deliveries need seems to be away, but not for long. One delivery alone does not tell that it is.
    pub(crate) async fn rest_while_away(&self) {
        let mut seen = self.0.subscribe();
        let back = seen.wait_for(|seen| seen.suspicious <= 1);
        drop(timeout(WHILE_AWAY, back).await);
    }
}

impl Held<'_> {
    /// Once it has been held for that long: why.
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
            // A success since has cleared it already.
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
    async fn only_what_succeeds_long_after_the_first_failure_tells_of_a_fault_of_ones_own() {
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
    async fn receiving_rests_while_several_are_held_and_nothing_succeeds() {
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
        // Held before the success, they say nothing of what is now.
        let _fourth = availability.hold();
        assert_eq!(rest().await, Duration::ZERO);
    }
}
