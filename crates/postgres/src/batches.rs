use std::{fmt, future::Future, sync::Arc, time::Duration};

use tokio::{runtime::Handle, sync::Semaphore, time::timeout};

use crate::{
    error::SqlError,
    together::{Together, Waiting},
};

/// The most statements in flight, as long as each is answered soon: one can travel while the server executes the other.
const UNDER_WAY: usize = 2;

/// How long a question waits for the statements in flight. A fast server has answered by then; a server that hangs must
/// not hold up other questions.
const PATIENCE: Duration = Duration::from_millis(10);

/// What a caller gets.
pub(crate) type BatchAnswer<A> = Result<A, SqlError>;

/// Asks the server several questions in one statement.
pub(crate) trait Batch: Send + Sync + 'static {
    type Question: Send + Sync + 'static;
    type Answer: Send + 'static;

    /// The most questions of one statement.
    const MAX_TOGETHER: usize;

    /// Answers each question, within the deadline of a call.
    fn answer(
        &self,
        together: Vec<Waiting<Self::Question, BatchAnswer<Self::Answer>>>,
    ) -> impl Future<Output = ()> + Send;
}

/// Sends questions that wait to the server in one statement: on a busy server the round trip costs more than the query.
/// A question does not wait if no statement is in flight.
pub(crate) struct Batches<B: Batch>(pub(crate) Arc<SharedBatches<B>>);

pub(crate) struct SharedBatches<B: Batch> {
    batch: B,
    deadline: Duration,
    pub(crate) waiting: Together<B::Question, BatchAnswer<B::Answer>>,
    pub(crate) turns: Semaphore,
    /// The runtime of the store. A caller's own runtime may end first.
    runtime: Option<Handle>,
}

impl<B: Batch> Batches<B> {
    pub(crate) fn new(batch: B, deadline: Duration) -> Self {
        Self(Arc::new(SharedBatches {
            batch,
            deadline,
            waiting: Together::default(),
            turns: Semaphore::new(UNDER_WAY),
            runtime: Handle::try_current().ok(),
        }))
    }

    pub(crate) async fn ask(&self, question: B::Question) -> BatchAnswer<B::Answer> {
        let (is_first, answer) = self.0.waiting.put(question);
        // One task asks for all that wait. It is separate from this call, which may be dropped at its deadline while the
        // task still works for other callers.
        if is_first {
            self.begin();
        }
        answer
            .await
            .unwrap_or(Err(SqlError::TimedOut(self.0.deadline)))
    }

    /// Starts a task that asks the waiting questions.
    fn begin(&self) {
        let unasked = UnaskedQuestions(Some(self.clone()));
        let batches = self.clone();
        let asking = async move { batches.ask_waiting(unasked).await };
        match &self.0.runtime {
            Some(runtime) => runtime.spawn(asking),
            None => tokio::spawn(asking),
        };
    }

    async fn ask_waiting(&self, mut unasked: UnaskedQuestions<B>) {
        let _turn = timeout(PATIENCE, self.0.turns.acquire()).await;
        unasked.0 = None;
        let (together, is_all) = self.0.waiting.take(B::MAX_TOGETHER);
        if !is_all {
            self.begin();
        }
        if !together.is_empty() {
            self.0.batch.answer(together).await;
        }
    }
}

impl<B: Batch> Clone for Batches<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B: Batch> fmt::Debug for Batches<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches").finish_non_exhaustive()
    }
}

/// What a task is to ask. If the task is dropped before it takes the questions, as when its runtime ends, the waiting
/// callers get an error, and the next question starts a task again.
pub(crate) struct UnaskedQuestions<B: Batch>(pub(crate) Option<Batches<B>>);

impl<B: Batch> Drop for UnaskedQuestions<B> {
    fn drop(&mut self) {
        if let Some(Batches(shared)) = self.0.take() {
            drop(shared.waiting.take(usize::MAX));
        }
    }
}
