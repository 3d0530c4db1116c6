//! For whom a call waits, so that a missed deadline can name who is slow.

use std::{
    cell::Cell,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

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
pub fn wait_for<F: Future>(neighbour: Neighbour, step: F) -> impl Future<Output = F::Output> {
    WaitFor { step, neighbour }
}

pin_project! {
    /// Not an `async` function, which would hold the step twice: steps are large.
    struct WaitFor<F> {
        #[pin]
        step: F,
        neighbour: Neighbour,
    }
}

impl<F: Future> Future for WaitFor<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let polled = this.step.poll(context);
        if polled.is_pending() && WAITS_FOR.get().is_none() {
            WAITS_FOR.set(Some(*this.neighbour));
        }
        polled
    }
}

/// Runs a call of the use cases, and tells `waits` for whom it waits, each time that it waits.
pub fn observed<F: Future>(call: F, waits: impl Fn(Neighbour)) -> impl Future<Output = F::Output> {
    Observed { call, waits }
}

pin_project! {
    /// Not an `async` function, which would hold the call twice: calls are large.
    struct Observed<F, W> {
        #[pin]
        call: F,
        waits: W,
    }
}

impl<F: Future, W: Fn(Neighbour)> Future for Observed<F, W> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        WAITS_FOR.set(None);
        let polled = this.call.poll(context);
        if let Some(neighbour) = WAITS_FOR.take()
            && polled.is_pending()
        {
            (this.waits)(neighbour);
        }
        polled
    }
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
