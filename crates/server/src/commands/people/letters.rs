use std::sync::Arc;

use anyhow::Context;
use lemon_domain::{
    ports::{Clock, IdSource},
    values::{AccountId, Catalogue},
};
use lemon_system::{SystemClock, SystemIds};
use lemon_worker::{QueueCare, QueueDeadLetters};

use crate::{
    app::{PeoplePlan, QueuePlan, StartError},
    commands::listed_letter::ListedDeadLetter,
};

/// How many dead letters of a queue are looked through for those of one account.
const MOST_SEARCHED: usize = 1000;

/// The dead letters about an account, as far as the queues can be read.
#[derive(Default)]
pub(super) struct FoundDeadLetters {
    pub(super) letters: Vec<ListedDeadLetter>,
    /// What cannot be read, or was not read to its end, in a sentence each.
    pub(super) unread: Vec<String>,
}

/// Looks through the dead letters of every queue of the configuration. A fault of the queues is a part of the answer: what
/// the store has of the person is shown in any case.
pub(super) async fn dead_letters(plan: PeoplePlan, account: AccountId) -> FoundDeadLetters {
    let mut found = FoundDeadLetters::default();
    match read(plan.queue, &plan.catalogue).await {
        Ok(queues) => queues.into_iter().for_each(|it| found.add(it, account)),
        Err(StartError::Config(error)) => found.unread.push(error.to_string()),
        Err(StartError::Other(error)) => found.unread.push(format!("{error:#}")),
    }
    found
}

async fn read(
    queue: Result<QueuePlan, StartError>,
    catalogue: &Catalogue,
) -> Result<Vec<QueueDeadLetters>, StartError> {
    let (clock, ids): (Arc<dyn Clock>, Arc<dyn IdSource>) =
        (Arc::new(SystemClock), Arc::new(SystemIds));
    let care = QueueCare {
        queues: queue?.keep(catalogue, &clock, &ids).await?,
    };
    Ok(care
        .dead_letters_of_each(catalogue.queues(), MOST_SEARCHED)
        .await)
}

impl FoundDeadLetters {
    fn add(&mut self, read: QueueDeadLetters, account: AccountId) {
        let QueueDeadLetters { queue, letters } = read;
        match letters.with_context(|| format!("the queue {queue} cannot be used")) {
            Ok(mut letters) => {
                if letters.len() >= MOST_SEARCHED {
                    let what = format!(
                        "{queue} has more than the {MOST_SEARCHED} dead letters that were looked through"
                    );
                    self.unread.push(what);
                }
                letters.retain(|letter| letter.account == Some(account));
                self.letters.extend(ListedDeadLetter::all(&queue, letters));
            }
            Err(error) => self.unread.push(format!("{error:#}")),
        }
    }
}
