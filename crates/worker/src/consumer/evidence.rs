//! What deliveries tell of the neighbour that handling needs: is it away, or is one delivery held for a fault of its own?

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

/// The longest that a delivery is held. Locks, failovers and restarts are over by then, and it is far from the 12 hours for
/// which SQS hides a message; so long, at most, can deliveries that fail for faults of their own take the room of others.
pub(super) const HOLD_AT_MOST: Duration = Duration::from_mins(3);
/// What was under way when the neighbour went away may still succeed for so long, and says nothing then.
const STRAGGLING: Duration = Duration::from_secs(30);
/// The wait between two receives while the neighbour seems to be away: each receive is one of the five that a message has.
const WHILE_AWAY: Duration = Duration::from_secs(5);

/// Counts the deliveries that are held, and remembers the latest that succeeded.
#[derive(Default)]
pub(super) struct Evidence(watch::Sender<Seen>);

#[derive(Default)]
struct Seen {
    /// Deliveries that are held, and since whose first failure none has succeeded.
    suspicious: usize,
    /// Names the time between two successes in which a delivery was first held.
    successes: u64,
    latest_success: Option<Instant>,
}

/// A delivery that is held.
pub(super) struct Held<'a> {
    evidence: &'a Evidence,
    successes_before: u64,
    since: Instant,
}

/// Why a delivery has been held for so long.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Others succeeded meanwhile: the fault is its own.
    Own,
    /// None succeeded: the neighbour is away, or nothing tells that it is not.
    Away,
}

impl Evidence {
    /// A delivery was done, so the neighbour is there.
    pub(super) fn success(&self) {
        self.0.send_if_modified(|seen| {
            seen.successes += 1;
            seen.latest_success = Some(Instant::now());
            std::mem::take(&mut seen.suspicious) > 0
        });
    }

    /// A delivery is held from now until this is dropped.
    pub(super) fn hold(&self) -> Held<'_> {
        let mut successes_before = 0;
        self.0.send_modify(|seen| {
            seen.suspicious += 1;
            successes_before = seen.successes;
        });
        Held {
            evidence: self,
            successes_before,
            since: Instant::now(),
        }
    }

    /// Waits while the neighbour seems to be away, but not for long. One delivery alone does not tell that it is.
    pub(super) async fn rest_while_away(&self) {
        let mut seen = self.0.subscribe();
        let back = seen.wait_for(|seen| seen.suspicious <= 1);
        drop(timeout(WHILE_AWAY, back).await);
    }
}

impl Held<'_> {
    /// Once it has been held for as long as may be: why.
    pub(super) fn over(&self) -> Option<Cause> {
        if self.since.elapsed() < HOLD_AT_MOST {
            return None;
        }
        let latest = self.evidence.0.borrow().latest_success;
        let meanwhile = latest.is_some_and(|latest| latest > self.since + STRAGGLING);
        Some(if meanwhile { Cause::Own } else { Cause::Away })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.evidence.0.send_if_modified(|seen| {
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

    #[tokio::test(start_paused = true)]
    async fn only_what_succeeds_long_after_the_first_failure_tells_of_a_fault_of_ones_own() {
        for (success_after, cause) in [
            (None, Cause::Away),
            (Some(1), Cause::Away),
            (Some(60), Cause::Own),
        ] {
            let evidence = Evidence::default();
            let held = evidence.hold();
            assert_eq!(held.over(), None);
            if let Some(seconds) = success_after {
                sleep(Duration::from_secs(seconds)).await;
                evidence.success();
            }
            sleep(HOLD_AT_MOST).await;
            assert_eq!(held.over(), Some(cause), "{success_after:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn receiving_rests_while_several_are_held_and_nothing_succeeds() {
        let evidence = Evidence::default();
        let rest = async || {
            let begun = Instant::now();
            evidence.rest_while_away().await;
            begun.elapsed()
        };
        assert_eq!(rest().await, Duration::ZERO);
        let _one = evidence.hold();
        assert_eq!(rest().await, Duration::ZERO);
        let another = evidence.hold();
        assert_eq!(rest().await, WHILE_AWAY);
        drop(another);
        assert_eq!(rest().await, Duration::ZERO);
        let third = evidence.hold();
        assert_eq!(rest().await, WHILE_AWAY);
        evidence.success();
        drop(third);
        assert_eq!(rest().await, Duration::ZERO);
        // Held before the success, they say nothing of what is now.
        let _fourth = evidence.hold();
        assert_eq!(rest().await, Duration::ZERO);
    }
}
