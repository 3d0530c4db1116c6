use std::sync::Arc;

use lemon_domain::ports::{NewRegistration, RequestOutcome};
use tokio::{sync::Mutex, time::timeout};

use super::request;
use crate::{
    SqlStore,
    database::Transaction,
    error::SqlError,
    together::{self, Together, tell_all},
};

/// Requests in one transaction at most. It bounds how long the first of them waits for the last.
const MAX_TOGETHER: usize = 64;

/// Requests that wait while another writes, to be stored in one transaction: SQLite has one writer, and what a
/// transaction costs beside its statements is the same for one request as for many.
///
/// Nobody's request depends on another's: where one is refused after something was written for it, or fails, all is
/// undone and each is stored by itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Together<NewRegistration, Outcome>,
    turn: Mutex<()>,
}

type Outcome = Result<RequestOutcome, SqlError>;
type Waiting = together::Waiting<NewRegistration, Outcome>;

impl Group {
    /// Stores a request, together with those that wait by then.
    pub(super) async fn request(
        &self,
        store: &SqlStore,
        new: NewRegistration,
    ) -> Result<RequestOutcome, SqlError> {
        let outcome = self.0.waiting.put(new);
        // Apart from this call, which may end at its deadline with the others' requests in hand.
        let (group, of) = (self.clone(), store.clone());
        tokio::spawn(async move { group.store_waiting(&of).await });
        outcome
            .await
            .unwrap_or(Err(SqlError::TimedOut(store.deadline())))
    }

    /// Stores those who wait, unless another has by now.
    ///
    /// A request whose deadline passes before the transaction has begun is left out: its caller has been told.
    async fn store_waiting(&self, store: &SqlStore) {
        let _turn = self.0.turn.lock().await;
        if self.0.waiting.is_empty() {
            return;
        }
        let begun = store.begin().await;
        let together = self.0.waiting.take(MAX_TOGETHER);
        let tx = match begun {
            Ok(tx) => tx,
            Err(error) => return tell_all(together, error),
        };
        match timeout(store.deadline(), all(store, tx, &together)).await {
            Ok(Ok(Some(outcomes))) => {
                for (waiting, outcome) in together.into_iter().zip(outcomes) {
                    waiting.tell(Ok(outcome));
                }
            }
            Ok(Err(error @ (SqlError::Commit(_) | SqlError::Flush(_)))) => {
                tell_all(together, error);
            }
            Ok(Ok(None) | Err(_)) => each(store, together).await,
            Err(_) => tell_all(together, SqlError::TimedOut(store.deadline())),
        }
    }
}

/// Stores all in one transaction; `None` if one of them cannot be stored so.
async fn all(
    store: &SqlStore,
    tx: Transaction,
    together: &[Waiting],
) -> Result<Option<Vec<RequestOutcome>>, SqlError> {
    let mut outcomes = Vec::with_capacity(together.len());
    for waiting in together {
        let outcome = request::put(&tx, &waiting.question).await?;
        if let RequestOutcome::Repeated(_) | RequestOutcome::SeatTaken(_) = outcome {
            tx.rollback().await?;
            return Ok(None);
        }
        outcomes.push(outcome);
    }
    store.commit_outbox(tx).await?;
    Ok(Some(outcomes))
}

/// Stores each by itself.
async fn each(store: &SqlStore, together: Vec<Waiting>) {
    for waiting in together.into_iter().filter(Waiting::is_waiting) {
        let outcome = timeout(store.deadline(), request::request(store, &waiting.question)).await;
        waiting.tell(outcome.unwrap_or(Err(SqlError::TimedOut(store.deadline()))));
    }
}
