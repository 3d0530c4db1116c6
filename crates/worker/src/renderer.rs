use std::sync::Arc;

use async_trait::async_trait;
use lemon_consumer::{Rendered, Renderer};
use lemon_domain::{
    ports::{OutboxEntry, StoreError},
    usecases::{Dispatch, Job, Prepared},
    values::{QueueName, Task},
};

use crate::messages;

/// Turns the rows of the outbox into the workers' jobs.
pub struct JobRenderer {
    /// Looks accounts up, and puts the credentials in.
    pub dispatch: Arc<Dispatch>,
}

#[async_trait]
impl Renderer<Task> for JobRenderer {
    async fn render(&self, entries: &[OutboxEntry<Task>]) -> Result<Vec<Rendered>, StoreError> {
        let prepared = self.dispatch.prepare(entries).await?;
        Ok(prepared.into_iter().map(render).collect())
    }
}

fn render(prepared: Prepared) -> Rendered {
    match prepared {
        Prepared::Send(queue, job) => message(queue, &job),
        Prepared::Drop(reason) => Rendered::Drop {
            reason: reason.to_owned(),
        },
        Prepared::Hold(reason) => Rendered::Postpone { reason },
    }
}

fn message(queue: QueueName, job: &Job) -> Rendered {
    match messages::render(job) {
        Ok(body) => Rendered::Send { queue, body },
        // The error may repeat a credential.
        Err(_) => Rendered::SetAside {
            reason: "the message cannot be written as JSON".to_owned(),
        },
    }
}
