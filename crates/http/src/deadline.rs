use std::{future::Future, pin::pin, task::Poll, time::Duration};

use futures::poll;

use tokio::{runtime::Handle, time::timeout};
use tokio_util::task::TaskTracker;

use crate::problem::Problem;

/// Runs a call, for as long as the caller has patience and the deadline is not over.
///
/// # Errors
/// If the deadline passes.
pub(crate) async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = T>,
) -> Result<T, Problem> {
    let mut call = pin!(call);
    // Most calls that lead nowhere outside are over at once, and need no clock.
    if let Poll::Ready(outcome) = poll!(&mut call) {
        return Ok(outcome);
    }
    timeout(deadline, call)
        .await
        .map_err(|_| Problem::unavailable("the deadline of the call passed"))
}

/// Calls that are carried through once begun: neither a caller who hangs up nor a deadline stops them half-way.
#[derive(Debug, Clone)]
pub(crate) struct Carried {
    runtime: Handle,
    calls: TaskTracker,
}

impl Carried {
    /// Calls run on `runtime`, which outlives the workers.
    pub(crate) fn on(runtime: Handle) -> Self {
        Self {
            runtime,
            calls: TaskTracker::new(),
        }
    }

    /// Begins a call and waits for it until the deadline.
    ///
    /// # Errors
    /// If the deadline passes, or the call panics.
    pub(crate) async fn through<T: Send + 'static>(
        &self,
        deadline: Duration,
        call: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Problem> {
        use tracing::Instrument;

        let call = self.calls.spawn_on(call.in_current_span(), &self.runtime);
        within(deadline, call).await?.map_err(Problem::internal)
    }

    /// Waits for the calls in hand.
    pub(crate) async fn finish(&self) {
        self.calls.close();
        self.calls.wait().await;
    }
}
