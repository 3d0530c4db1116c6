use std::{
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicU8, Ordering::SeqCst},
    task::{Context, Poll},
};

use futures::task::AtomicWaker;
use pin_project_lite::pin_project;

/// Nothing is reserved, nothing is being stored.
const WAITING: u8 = 0;
/// A place may be reserved.
const RESERVING: u8 = 1;
/// The step that stores is under way.
const STORING: u8 = 2;
/// The step that stores is under way, and nothing else may begin after it.
const STORING_LAST: u8 = 3;
/// Nothing is stored, and nothing will be.
const ABANDONED: u8 = 4;

/// A call was abandoned before it stored anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Abandoned;

/// Whether a call may still store something. The call asks before each step; its caller abandons it at a deadline. An
/// abandoned call stores nothing, so the answer that its caller gave stays true.
///
/// A call has one permit, which ends with the call.
#[derive(Debug, Default)]
pub struct Permit {
    state: AtomicU8,
    call: AtomicWaker,
}

impl Permit {
    /// Abandons the call; answers whether nothing is stored and nothing will be. If not, the step that stores is under
    /// way, and only its outcome shows whether something is stored. The call then ends after this step.
    pub fn abandon(&self) -> bool {
        let state = self.change(|state| match state {
            STORING => STORING_LAST,
            WAITING | RESERVING => ABANDONED,
            ended => ended,
        });
        self.call.wake();
        matches!(state, WAITING | RESERVING | ABANDONED)
    }

    /// Abandons the call if it has reserved nothing yet: its caller does not wait for it any more. A call that has
    /// reserved goes on until it is stored or abandoned.
    pub fn hang_up(&self) {
        self.change(|state| if state == WAITING { ABANDONED } else { state });
        self.call.wake();
    }

    /// Begins a step that reserves.
    pub(crate) fn begin_to_reserve(&self) -> Result<(), Abandoned> {
        self.begin(RESERVING)
    }

    /// Begins the step that stores.
    pub(crate) fn begin_to_store(&self) -> Result<(), Abandoned> {
        self.begin(STORING)
    }

    /// The step that stores has ended and has stored nothing: the call may try again, unless it was abandoned
    /// meanwhile.
    pub(crate) fn stored_nothing(&self) -> Result<(), Abandoned> {
        match self.change(|state| match state {
            STORING => RESERVING,
            STORING_LAST => ABANDONED,
            other => other,
        }) {
            STORING_LAST | ABANDONED => Err(Abandoned),
            _ => Ok(()),
        }
    }

    /// Runs a step for as long as the call is not abandoned. When the call is abandoned, the step is dropped, wherever
    /// it waits.
    pub(crate) fn unless_abandoned<F: Future>(
        &self,
        step: F,
    ) -> impl Future<Output = Result<F::Output, Abandoned>> {
        UnlessAbandoned { step, permit: self }
    }

    fn begin(&self, step: u8) -> Result<(), Abandoned> {
        match self.change(|state| if state == ABANDONED { state } else { step }) {
            ABANDONED => Err(Abandoned),
            _ => Ok(()),
        }
    }

    /// Changes the state; answers the one before.
    fn change(&self, to: impl Fn(u8) -> u8) -> u8 {
        let changed = self
            .state
            .fetch_update(SeqCst, SeqCst, |state| Some(to(state)));
        match changed {
            Ok(before) | Err(before) => before,
        }
    }
}

pin_project! {
    /// Not an `async` function, which would hold the step twice: steps are large.
    struct UnlessAbandoned<'a, F> {
        #[pin]
        step: F,
        permit: &'a Permit,
    }
}

impl<F: Future> Future for UnlessAbandoned<'_, F> {
    type Output = Result<F::Output, Abandoned>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // Registered before the state is read, so that no change is missed.
        this.permit.call.register(context.waker());
        if this.permit.state.load(SeqCst) == ABANDONED {
            return Poll::Ready(Err(Abandoned));
        }
        this.step.poll(context).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, future::pending};

    use super::*;

    #[test]
    fn a_call_that_waits_is_abandoned_and_begins_nothing() {
        let permit = Permit::default();
        assert!(permit.abandon());
        assert_eq!(permit.begin_to_reserve(), Err(Abandoned));
        assert_eq!(permit.begin_to_store(), Err(Abandoned));
        assert!(permit.abandon());
    }

    #[test]
    fn a_call_that_has_reserved_is_abandoned_at_a_deadline_but_not_when_its_caller_hangs_up() {
        let permit = Permit::default();
        permit.begin_to_reserve().unwrap();
        permit.hang_up();
        permit.begin_to_reserve().unwrap();
        assert!(permit.abandon());
        assert_eq!(permit.begin_to_store(), Err(Abandoned));
    }

    #[test]
    fn a_call_that_has_reserved_nothing_ends_with_its_caller() {
        let permit = Permit::default();
        permit.hang_up();
        assert_eq!(permit.begin_to_reserve(), Err(Abandoned));
    }

    #[test]
    fn a_step_that_stores_is_not_abandoned_but_nothing_begins_after_it() {
        let permit = Permit::default();
        permit.begin_to_reserve().unwrap();
        permit.begin_to_store().unwrap();
        assert!(!permit.abandon());
        assert!(!permit.abandon(), "it is still under way");
        assert_eq!(permit.stored_nothing(), Err(Abandoned));
        assert_eq!(permit.begin_to_store(), Err(Abandoned));
        assert!(permit.abandon());
    }

    #[test]
    fn a_step_that_stored_nothing_can_be_tried_again() {
        let permit = Permit::default();
        for _ in 0..2 {
            permit.begin_to_reserve().unwrap();
            permit.begin_to_store().unwrap();
            permit.stored_nothing().unwrap();
        }
        assert!(permit.abandon());
    }

    #[test]
    fn a_step_that_hangs_ends_when_the_call_is_abandoned() {
        let permit = Permit::default();
        let mut hanging = Box::pin(permit.unless_abandoned(pending::<()>()));
        assert_eq!((&mut hanging).now_or_never(), None);
        permit.abandon();
        assert_eq!(hanging.now_or_never(), Some(Err(Abandoned)));
    }
}
