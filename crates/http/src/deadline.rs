use std::{future::Future, pin::pin, sync::Arc, task::Poll, time::Duration};

use futures::poll;
use lemon_domain::usecases::Permit;
use tokio::{runtime::Handle, task::JoinHandle, time::timeout};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::{config::Deadlines, problem::Problem};

/// Runs a call until its caller gives up or the deadline passes.
///
/// # Errors
/// If the deadline passes.
pub(crate) async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = T>,
) -> Result<T, Problem> {
    within_or(deadline, call, Problem::unavailable).await
}

/// Runs a step that stores, and waits for it beyond the deadline of a call, so that the answer is true. The store's own
/// deadline ends it earlier.
///
/// # Errors
/// If there is no outcome even then.
pub(crate) async fn stored<T>(
    deadlines: &Deadlines,
    step: impl Future<Output = T>,
) -> Result<T, Problem> {
    let deadline = deadlines.call + deadlines.storing;
    within_or(deadline, step, Problem::outcome_unknown).await
}

async fn within_or<T>(
    deadline: Duration,
    call: impl Future<Output = T>,
    problem: impl FnOnce(&'static str) -> Problem,
) -> Result<T, Problem> {
    let mut call = pin!(call);
    // Most calls that need no other server finish at once, and need no timer.
    if let Poll::Ready(outcome) = poll!(&mut call) {
        return Ok(outcome);
    }
    timeout(deadline, call)
        .await
        .map_err(|_| problem("the deadline of the call passed"))
}

/// Calls that go on without their callers, but within a deadline.
#[derive(Debug, Clone)]
pub(crate) struct Carried {
    runtime: Handle,
    calls: TaskTracker,
    deadlines: Deadlines,
}

impl Carried {
    /// Calls run on `runtime`, which outlives the workers.
    pub(crate) fn on(runtime: Handle, deadlines: Deadlines) -> Self {
        Self {
            runtime,
            calls: TaskTracker::new(),
            deadlines,
        }
    }

    /// Begins a call and waits for it until the deadline. The call runs to its end: neither a caller that hangs up nor
    /// the deadline interrupts it. It is dropped only when the time of the step that stores is over.
    ///
    /// # Errors
    /// If the deadline passes, or the call panics.
    pub(crate) async fn through<T: Send + 'static>(
        &self,
        deadline: Duration,
        call: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Problem> {
        let call = self.spawn(timeout(deadline + self.deadlines.storing, call));
        let outcome = within_or(deadline, call, Problem::outcome_unknown).await?;
        outcome
            .map_err(Problem::internal)?
            .map_err(Problem::outcome_unknown)
    }

    /// Begins a call that stores something, and waits for it until the deadline of a call. If it has not begun to store
    /// by then, it is abandoned and the answer says so at once; otherwise the answer waits for it. If the caller hangs
    /// up, a call that has reserved nothing ends.
    ///
    /// # Errors
    /// If the call is abandoned, if there is no outcome in the end, or if the call panics.
    pub(crate) async fn permitted<T, F>(
        &self,
        call: impl FnOnce(Arc<Permit>) -> F,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let Deadlines {
            call: deadline,
            storing,
            ..
        } = self.deadlines;
        let caller = WaitingCaller(Arc::default());
        let permit = Arc::clone(&caller.0);
        // Boxed, because a call is large, and would be copied at each step on its way into a task.
        let mut call = Box::pin(call(Arc::clone(&permit)));
        let mut call: JoinHandle<Option<T>> = self.spawn(async move {
            if let Ok(outcome) = timeout(deadline, &mut call).await {
                return Some(outcome);
            }
            // Its caller may have hung up.
            permit.abandon();
            timeout(storing, call).await.ok()
        });
        let ended = match timeout(deadline, &mut call).await {
            Ok(ended) => ended,
            Err(elapsed) if caller.0.abandon() => return Err(Problem::unavailable(elapsed)),
            Err(_) => call.await,
        };
        ended
            .map_err(Problem::internal)?
            .ok_or_else(|| Problem::outcome_unknown("the step that stores did not end"))
    }

    /// Waits for the calls in flight.
    pub(crate) async fn finish(&self) {
        self.calls.close();
        self.calls.wait().await;
    }

    fn spawn<T: Send + 'static>(
        &self,
        call: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.calls.spawn_on(call.in_current_span(), &self.runtime)
    }
}

/// A caller that waits for a call. When this is dropped, nobody waits any more.
struct WaitingCaller(Arc<Permit>);

impl Drop for WaitingCaller {
    fn drop(&mut self) {
        self.0.hang_up();
    }
}
