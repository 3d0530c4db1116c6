use std::{collections::HashMap, sync::Arc};

use aws_sdk_sqs::Client;
use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use lemon_domain::values::QueueName;
use parking_lot::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout_at};

use crate::error::SqsFault;

type Lookup = Shared<BoxFuture<'static, Result<Arc<str>, SqsFault>>>;

/// The URLs of queues, by name. Concurrent callers share one look-up. A URL that was found is kept; an error or an
/// unknown queue is reported to the callers that wait, and then forgotten.
#[derive(Default)]
pub(crate) struct QueueAddresses {
    looks: Mutex<HashMap<QueueName, Lookup>>,
}

impl QueueAddresses {
    pub(crate) async fn of(
        &self,
        client: &Client,
        queue: &QueueName,
        until: Instant,
    ) -> Option<Result<Arc<str>, SqsFault>> {
        let look = self.look(client, queue);
        let answer = timeout_at(until, look.clone()).await.ok();
        if !matches!(answer, Some(Ok(_))) {
            let mut looks = self.looks();
            if looks.get(queue).is_some_and(|kept| kept.ptr_eq(&look)) {
                looks.remove(queue);
            }
        }
        answer
    }

    /// Forgets the URL, because the queue was deleted or made again.
    pub(crate) fn forget(&self, queue: &QueueName) {
        self.looks().remove(queue);
    }

    fn look(&self, client: &Client, queue: &QueueName) -> Lookup {
        let mut looks = self.looks();
        let look = looks
            .entry(queue.clone())
            .or_insert_with(|| ask(client.clone(), queue.clone()).boxed().shared());
        look.clone()
    }

    fn looks(&self) -> MutexGuard<'_, HashMap<QueueName, Lookup>> {
        self.looks.lock()
    }
}

async fn ask(client: Client, queue: QueueName) -> Result<Arc<str>, SqsFault> {
    let answer = client.get_queue_url().queue_name(queue.as_str()).send();
    let answer = answer
        .await
        .map_err(|error| SqsFault::of(&error, queue.as_str()))?;
    answer
        .queue_url()
        .map(Arc::from)
        .ok_or(SqsFault::Answer("queue url"))
}
