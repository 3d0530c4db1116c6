use std::mem;

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Questions that wait to be answered together.
#[derive(Debug)]
pub struct Together<Q, A>(Mutex<Vec<Waiting<Q, A>>>);

/// A question, and the sender of its answer.
#[derive(Debug)]
pub struct Waiting<Q, A> {
    /// What is asked.
    pub question: Q,
    answer: oneshot::Sender<A>,
}

impl<Q, A> Together<Q, A> {
    /// Adds a question, and tells whether it is the first that waits. The answer is an error if the task that took the
    /// question ends without one.
    pub fn put(&self, question: Q) -> (bool, oneshot::Receiver<A>) {
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
    pub fn take(&self, max: usize) -> (Vec<Waiting<Q, A>>, bool) {
        let mut waiting = self.0.lock();
        waiting.retain(Waiting::is_waiting);
        let now = waiting.len().min(max);
        let later = waiting.split_off(now);
        let is_all = later.is_empty();
        (mem::replace(&mut *waiting, later), is_all)
    }

    /// Whether no question waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }
}

impl<Q, A> Default for Together<Q, A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Q, A> Waiting<Q, A> {
    /// Whether the caller still waits for the answer.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.answer.is_closed()
    }

    /// Answers the question.
    pub fn tell(self, answer: A) {
        // The caller may have stopped waiting.
        let _gone = self.answer.send(answer);
    }
}
