use std::{fmt, future::Future, sync::Arc, time::Duration};

use tokio::{runtime::Handle, sync::Semaphore, time::timeout};

use crate::together::{Together, Waiting};

/// The most batches in flight, as long as each is answered soon: one can travel while the server executes the other.
const UNDER_WAY: usize = 2;

/// How long a question waits for the batches in flight. A fast server has answered by then; a server that hangs must
/// not hold up other questions.
const PATIENCE: Duration = Duration::from_millis(10);

/// A question got no answer: the task that asked it has ended without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the question was not answered")]
pub struct Unanswered;

/// Answers several questions at once.
pub trait Batch: Send + Sync + 'static {
    /// What a caller asks.
    type Question: Send + Sync + 'static;
    /// What a caller gets.
    type Answer: Send + 'static;

    /// The most questions of one batch.
    const MAX_TOGETHER: usize;

    /// Answers each question, and ends by itself.
    fn answer(
        &self,
        together: Vec<Waiting<Self::Question, Self::Answer>>,
    ) -> impl Future<Output = ()> + Send;
}

/// Asks the questions that wait together. A question does not wait if no batch is in flight.
pub struct Batches<B: Batch>(Arc<SharedBatches<B>>);

struct SharedBatches<B: Batch> {
    batch: B,
    waiting: Together<B::Question, B::Answer>,
    turns: Semaphore,
    /// The runtime in which this was made. A caller's own runtime may end first.
    runtime: Option<Handle>,
}

impl<B: Batch> Batches<B> {
    /// Batches run on the runtime in which this is called; outside of one, on that of the callers.
    #[must_use]
    pub fn new(batch: B) -> Self {
        Self(Arc::new(SharedBatches {
            batch,
            waiting: Together::default(),
            turns: Semaphore::new(UNDER_WAY),
            runtime: Handle::try_current().ok(),
        }))
    }

    /// Asks a question, together with those that wait.
    ///
    /// # Errors
    /// If the task that asked it has ended without an answer, as when its runtime ends.
    pub async fn ask(&self, question: B::Question) -> Result<B::Answer, Unanswered> {
        let (is_first, answer) = self.0.waiting.put(question);
        // One task asks for all that wait. It is separate from this call, which may be dropped at its deadline while the
        // task still works for other callers.
        if is_first {
            self.begin();
        }
        answer.await.map_err(|_| Unanswered)
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
struct UnaskedQuestions<B: Batch>(Option<Batches<B>>);

impl<B: Batch> Drop for UnaskedQuestions<B> {
    fn drop(&mut self) {
        if let Some(Batches(shared)) = self.0.take() {
            drop(shared.waiting.take(usize::MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::{future::join_all, poll};
    use parking_lot::Mutex;

    use super::*;

    /// Doubles numbers, and keeps how many went together.
    #[derive(Clone, Default)]
    struct Doubling(Arc<Mutex<Vec<usize>>>);

    impl Batch for Doubling {
        type Question = u32;
        type Answer = u32;

        const MAX_TOGETHER: usize = 256;

        async fn answer(&self, together: Vec<Waiting<u32, u32>>) {
            self.0.lock().push(together.len());
            for waiting in together {
                let answer = 2 * waiting.question;
                waiting.tell(answer);
            }
        }
    }

    /// On one thread, all questions are asked before the first batch is sent.
    #[tokio::test]
    async fn waiting_questions_go_together_and_each_has_its_own_answer() {
        let doubling = Doubling::default();
        let batches = Batches::new(doubling.clone());
        let answers = join_all((0..600).map(|number| batches.ask(number))).await;
        for (number, answer) in (0..600).zip(answers) {
            assert_eq!(answer, Ok(2 * number));
        }
        assert_eq!(*doubling.0.lock(), [256, 256, 88]);
    }

    #[tokio::test]
    async fn a_question_does_not_wait_for_batches_that_hang() {
        let batches = Batches::new(Doubling::default());
        let _hanging = batches.0.turns.acquire_many(2).await.unwrap();
        assert_eq!(batches.ask(1).await, Ok(2));
    }

    #[tokio::test]
    async fn a_caller_whose_runtime_ends_does_not_end_the_shared_batch() {
        let batches = Batches::new(Doubling::default());
        let turns = batches.0.turns.acquire_many(2).await.unwrap();
        let asking = batches.clone();
        let other = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let mut asked = Box::pin(asking.ask(1));
                assert!(poll!(&mut asked).is_pending());
            });
        });
        other.join().unwrap();
        drop(turns);
        assert_eq!(batches.ask(2).await, Ok(4));
    }

    #[tokio::test]
    async fn a_task_that_is_dropped_before_it_asks_leaves_no_question_behind() {
        let batches = Batches::new(Doubling::default());
        let (is_first, answer) = batches.0.waiting.put(1);
        assert!(is_first);
        drop(UnaskedQuestions(Some(batches.clone())));
        assert!(answer.await.is_err());
        assert_eq!(batches.ask(2).await, Ok(4));
    }

    #[tokio::test]
    async fn a_cancelled_caller_does_not_cancel_the_shared_batch_and_is_not_asked_for() {
        let doubling = Doubling::default();
        let batches = Batches::new(doubling.clone());
        let turns = batches.0.turns.acquire_many(2).await.unwrap();
        let mut first = Box::pin(batches.ask(1));
        let mut second = Box::pin(batches.ask(2));
        assert!(poll!(&mut first).is_pending());
        assert!(poll!(&mut second).is_pending());
        drop(first);
        drop(turns);
        assert_eq!(second.await, Ok(4));
        assert_eq!(*doubling.0.lock(), [1]);
    }
}
