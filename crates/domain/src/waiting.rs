//! For whom a call waits, so that a missed deadline can name who is slow.

use std::{
    cell::Cell,
    fmt,
    future::{Future, poll_fn},
    pin::pin,
};

/// What a call may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Neighbour {
    /// The store.
    Store,
    /// The quota counter.
    Quota,
    /// Twitter.
    Twitter,
}

impl fmt::Display for Neighbour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Store => "the store",
            Self::Quota => "the quota counter",
            Self::Twitter => "Twitter",
        })
    }
}

thread_local! {
    /// For whom the call that is polled now waits. A call is polled by one thread at a time, and from start to end: so
    /// nothing needs to be passed through the ports.
    static WAITS_FOR: Cell<Option<Neighbour>> = const { Cell::new(None) };
}

/// Runs a step that asks this neighbour. A step within it may name another, which counts then.
pub async fn wait_for<T>(neighbour: Neighbour, step: impl Future<Output = T>) -> T {
    let mut step = pin!(step);
    poll_fn(|context| {
        let polled = step.as_mut().poll(context);
        if polled.is_pending() && WAITS_FOR.get().is_none() {
            WAITS_FOR.set(Some(neighbour));
        }
        polled
    })
    .await
}

/// Runs a call of the use cases, and tells `waits` for whom it waits, each time that it waits.
pub async fn observed<T>(call: impl Future<Output = T>, waits: impl Fn(Neighbour)) -> T {
    let mut call = pin!(call);
    poll_fn(|context| {
        WAITS_FOR.set(None);
        let polled = call.as_mut().poll(context);
        if let Some(neighbour) = WAITS_FOR.take()
            && polled.is_pending()
        {
            waits(neighbour);
        }
        polled
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures::{FutureExt, future::join};

    use super::*;

    fn waits_for(call: impl Future<Output = ()>) -> Vec<Neighbour> {
        let seen = Cell::new(Vec::new());
        let note = |neighbour| {
            let mut all = seen.take();
            all.push(neighbour);
            seen.set(all);
        };
        assert_eq!(observed(call, note).now_or_never(), None);
        seen.take()
    }

    #[test]
    fn the_step_that_waits_names_its_neighbour() {
        let call = async {
            wait_for(Neighbour::Twitter, ready(())).await;
            wait_for(Neighbour::Store, pending::<()>()).await;
        };
        assert_eq!(waits_for(call), [Neighbour::Store]);
    }

    #[test]
    fn of_steps_within_steps_the_inner_one_counts() {
        let inner = wait_for(Neighbour::Store, pending());
        assert_eq!(
            waits_for(wait_for(Neighbour::Quota, inner)),
            [Neighbour::Store]
        );
    }

    #[test]
    fn nothing_is_left_for_the_next_call() {
        let slow = wait_for(Neighbour::Store, pending::<()>());
        let both = join(observed(slow, |_| {}), pending::<()>());
        assert_eq!(waits_for(both.map(drop)), []);
    }
}
