use std::{fmt, future::Future, sync::Arc, time::Duration};

use lemon_batching::{Together, Waiting};
use tokio::{sync::Mutex, time::timeout};

use crate::error::{SqlError, tell_all};

/// The most writes in one transaction. It bounds how long the first of them waits for the last.
const MAX_TOGETHER: usize = 64;

/// Collects writes that wait while another is stored, and stores them in one transaction: SQLite has one writer, and
/// the fixed cost of a transaction is the same for one write as for many.
///
/// The writes are independent: if one fails, or is refused after some of its rows were written, the transaction is
/// rolled back and each write is stored separately.
pub(crate) struct Group<Q, A>(Arc<SharedGroup<Q, A>>);

struct SharedGroup<Q, A> {
    waiting: Together<Q, Result<A, SqlError>>,
    turn: Mutex<()>,
}

/// Stores such writes.
pub(crate) trait GroupWriter<Q, A>: Clone + Send + Sync + 'static {
    type Transaction: Send;

    fn deadline(&self) -> Duration;

    fn begin(&self) -> impl Future<Output = Result<Self::Transaction, SqlError>> + Send;

    /// Stores all in the transaction and commits it; `None` if one of them cannot be stored together with the others.
    fn all(
        &self,
        tx: Self::Transaction,
        together: &[Waiting<Q, Result<A, SqlError>>],
    ) -> impl Future<Output = Result<Option<Vec<A>>, SqlError>> + Send;

    /// Stores one write in a separate transaction.
    fn one(&self, question: &Q) -> impl Future<Output = Result<A, SqlError>> + Send;
}

impl<Q: Send + Sync + 'static, A: Send + 'static> Group<Q, A> {
    /// Stores a write, together with those that are waiting.
    pub(crate) async fn store(
        &self,
        writer: &impl GroupWriter<Q, A>,
        question: Q,
    ) -> Result<A, SqlError> {
        let (_is_first, outcome) = self.0.waiting.put(question);
        // In a separate task: this call may be dropped at its deadline while the task still stores the writes of other
        // callers.
        let (group, by) = (self.clone(), writer.clone());
        tokio::spawn(async move { group.store_waiting(&by).await });
        outcome
            .await
            .unwrap_or(Err(SqlError::TimedOut(writer.deadline())))
    }

    /// Stores the waiting writes, unless another task has done so.
    ///
    /// A write is left out if its deadline has passed when the transaction begins: its caller has got an error already.
    async fn store_waiting(&self, writer: &impl GroupWriter<Q, A>) {
        let _turn = self.0.turn.lock().await;
        if self.0.waiting.is_empty() {
            return;
        }
        let begun = writer.begin().await;
        let (together, _is_all) = self.0.waiting.take(MAX_TOGETHER);
        let tx = match begun {
            Ok(tx) => tx,
            Err(error) => return tell_all(together, error),
        };
        match timeout(writer.deadline(), writer.all(tx, &together)).await {
            Ok(Ok(Some(outcomes))) => {
                for (waiting, outcome) in together.into_iter().zip(outcomes) {
                    waiting.tell(Ok(outcome));
                }
            }
            Ok(Err(error @ (SqlError::Commit(_) | SqlError::Flush(_)))) => {
                tell_all(together, error);
            }
            Ok(Ok(None) | Err(_)) => each(writer, together).await,
            Err(_) => tell_all(together, SqlError::TimedOut(writer.deadline())),
        }
    }
}

/// Stores each write separately.
async fn each<Q, A>(
    writer: &impl GroupWriter<Q, A>,
    together: Vec<Waiting<Q, Result<A, SqlError>>>,
) {
    for waiting in together.into_iter().filter(Waiting::is_waiting) {
        let outcome = timeout(writer.deadline(), writer.one(&waiting.question)).await;
        waiting.tell(outcome.unwrap_or(Err(SqlError::TimedOut(writer.deadline()))));
    }
}

impl<Q, A> Clone for Group<Q, A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<Q, A> Default for Group<Q, A> {
    fn default() -> Self {
        Self(Arc::new(SharedGroup {
            waiting: Together::default(),
            turn: Mutex::default(),
        }))
    }
}

impl<Q, A> fmt::Debug for Group<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").finish_non_exhaustive()
    }
}
