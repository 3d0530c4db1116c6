use std::{
    cell::Cell, error::Error, fmt, future::Future, pin::pin, sync::Arc, task::Poll, time::Duration,
};

use futures::poll;
use lemon_domain::{Neighbour, observed, traces::in_current_trace, usecases::Permit};
use parking_lot::Mutex;
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
    problem: impl FnOnce(Missed) -> Problem,
) -> Result<T, Problem> {
    let latest = Cell::new(None);
    let mut call = pin!(observed(call, |neighbour| latest.set(Some(neighbour))));
    // Most calls that need no other server finish at once, and need no timer.
    if let Poll::Ready(outcome) = poll!(&mut call) {
        return Ok(outcome);
    }
    let outcome = timeout(deadline, call).await;
    outcome.map_err(|_| problem(Missed(latest.get())))
}

/// A deadline that has passed, and for whom the call waited, if that is known.
#[derive(Debug)]
struct Missed(Option<Neighbour>);

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the deadline of the call passed")?;
        match self.0 {
            Some(neighbour) => write!(f, " while it waited for {neighbour}"),
            None => Ok(()),
        }
    }
}

impl Error for Missed {}

/// For whom a call in a task of its own waits.
#[derive(Debug, Clone, Default)]
struct Waits(Arc<Mutex<Option<Neighbour>>>);

impl Waits {
    fn of<T>(self, call: impl Future<Output = T>) -> impl Future<Output = T> {
        observed(call, move |neighbour| *self.0.lock() = Some(neighbour))
    }

    fn missed(&self) -> Missed {
        Missed(*self.0.lock())
    }
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
        let over = Problem::outcome_unknown;
        self.carry(deadline, call, over).await
    }

    /// As [`through`](Self::through), for a call that changes nothing here.
    ///
    /// # Errors
    /// If the deadline passes, or the call panics.
    pub(crate) async fn reading<T: Send + 'static>(
        &self,
        deadline: Duration,
        call: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Problem> {
        let over = Problem::unavailable;
        self.carry(deadline, call, over).await
    }

    async fn carry<T: Send + 'static>(
        &self,
        deadline: Duration,
        call: impl Future<Output = T> + Send + 'static,
        over: fn(Missed) -> Problem,
    ) -> Result<T, Problem> {
        let waits = Waits::default();
        let call = waits.clone().of(call);
        let call = self.spawn(timeout(deadline + self.deadlines.storing, call));
        let outcome = timeout(deadline, call).await;
        outcome
            .map_err(|_| over(waits.missed()))?
            .map_err(Problem::internal)?
            .map_err(|_| over(waits.missed()))
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
        let waits = Waits::default();
        let mut call = Box::pin(waits.clone().of(call(Arc::clone(&permit))));
        let mut call: JoinHandle<Ended<T>> = self.spawn(async move {
            if let Ok(outcome) = timeout(deadline, &mut call).await {
                return Ended::With(outcome);
            }
            // Its caller may have hung up, or look at its own deadline only later.
            let is_abandoned = permit.abandon();
            match timeout(storing, call).await {
                _ if is_abandoned => Ended::Abandoned,
                Ok(outcome) => Ended::With(outcome),
                Err(_) => Ended::Unknown,
            }
        });
        let ended = match timeout(deadline, &mut call).await {
            Ok(ended) => ended,
            Err(_) if caller.0.abandon() => Ok(Ended::Abandoned),
            Err(_) => call.await,
        };
        match ended.map_err(Problem::internal)? {
            Ended::With(outcome) => Ok(outcome),
            Ended::Abandoned => Err(Problem::unavailable(waits.missed())),
            Ended::Unknown => Err(Problem::outcome_unknown(waits.missed())),
        }
    }

    /// Lets a step that nobody waits for any more go on until the deadline of a call.
    pub(crate) fn without_caller(&self, step: impl Future<Output: Send> + Send + 'static) {
        let deadline = self.deadlines.call;
        let _detached = self.spawn(async move { drop(timeout(deadline, step).await) });
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
        let call = in_current_trace(call).in_current_span();
        self.calls.spawn_on(call, &self.runtime)
    }
}

/// How a call that stores something has ended.
enum Ended<T> {
    With(T),
    /// The deadline passed before the call began to store. Nothing is stored.
    Abandoned,
    /// The step that stores had no outcome in its time.
    Unknown,
}

/// A caller that waits for a call. When this is dropped, nobody waits any more.
struct WaitingCaller(Arc<Permit>);

impl Drop for WaitingCaller {
    fn drop(&mut self) {
        self.0.hang_up();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures::future::join;
    use lemon_domain::wait_for;
    use tokio::time::sleep;

    use super::*;

    #[tokio::test]
    async fn a_deadline_that_the_caller_sees_late_still_names_the_neighbour() {
        let deadlines = Deadlines {
            call: Duration::from_millis(50),
            ..Deadlines::default()
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let carried = Carried::on(runtime.handle().clone(), deadlines);
        let (ending, ended) = mpsc::channel::<()>();
        let call = carried.permitted(|_| async move {
            wait_for(Neighbour::Quota, sleep(Duration::from_millis(100))).await;
            drop(ending);
        });
        // The caller's thread is busy until the call has ended.
        let busy = async { ended.recv() };
        let (outcome, ended) = join(call, busy).await;
        assert!(ended.is_err());
        let problem = outcome.unwrap_err();
        let waited = problem.source().unwrap().to_string();
        assert!(waited.ends_with("it waited for the quota counter"));
        runtime.shutdown_background();
    }
}
