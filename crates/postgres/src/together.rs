use std::{mem, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::error::SqlError;

/// Questions that wait to be answered together.
#[derive(Debug)]
pub(crate) struct Together<Q, A>(Mutex<Vec<Waiting<Q, A>>>);

/// A question, and the sender of its answer.
#[derive(Debug)]
pub(crate) struct Waiting<Q, A> {
    pub(crate) question: Q,
    answer: oneshot::Sender<A>,
}

impl<Q, A> Together<Q, A> {
    /// Adds a question, and tells whether it is the first that waits. The answer is an error if the task that took the
    /// question ends without one.
    pub(crate) fn put(&self, question: Q) -> (bool, oneshot::Receiver<A>) {
        let (sender, answer) = oneshot::channel();
        let mut waiting = self.0.lock();
        let is_first = waiting.is_empty();
        waiting.push(Waiting {
            question,
            answer: sender,
        });
        (is_first, answer)
    }

    /// Takes the first questions whose callers still wait for the answer, and tells whether these are all.
    pub(crate) fn take(&self, max: usize) -> (Vec<Waiting<Q, A>>, bool) {
        let mut waiting = self.0.lock();
        waiting.retain(Waiting::is_waiting);
        let now = waiting.len().min(max);
        let later = waiting.split_off(now);
        let is_all = later.is_empty();
        (mem::replace(&mut *waiting, later), is_all)
    }

    #[cfg(feature = "sqlite")]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }
}

impl<Q, A> Default for Together<Q, A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Q, A> Waiting<Q, A> {
    pub(crate) fn is_waiting(&self) -> bool {
        !self.answer.is_closed()
    }

    pub(crate) fn tell(self, answer: A) {
        // The caller may have stopped waiting.
        let _gone = self.answer.send(answer);
    }
}

/// Answers all questions with the same error.
pub(crate) fn tell_all<Q, A>(together: Vec<Waiting<Q, Result<A, SqlError>>>, error: SqlError) {
    let error = Arc::new(error);
    for waiting in together {
        waiting.tell(Err(SqlError::Shared(Arc::clone(&error))));
    }
}
