mod create;
mod letters;
mod stats;

use std::sync::Arc;

use anyhow::Context;
use lemon_domain::{
    ports::{Clock, IdSource},
    values::{Catalogue, QueueName},
};
use lemon_system::{SystemClock, SystemIds};
use lemon_worker::QueueCare;

use crate::{
    app::{Patience, QueuePlan, StartError},
    cli::QueuesAction,
};

/// Runs an operator's action on the queues.
pub(crate) async fn run(
    (plan, catalogue, patience): (QueuePlan, Catalogue, Patience),
    action: QueuesAction,
    json: bool,
) -> Result<(), StartError> {
    if let QueuesAction::Create = action {
        return create::create(&plan, &catalogue, patience, json).await;
    }
    let (clock, ids): (Arc<dyn Clock>, Arc<dyn IdSource>) =
        (Arc::new(SystemClock), Arc::new(SystemIds));
    let care = QueueCare {
        queues: plan.keep(&catalogue, &clock, &ids).await?,
    };
    match action {
        QueuesAction::Create => Ok(()),
        QueuesAction::Stats => Ok(stats::stats(&care, &catalogue, json).await?),
        QueuesAction::DeadLetters { queue, max } => {
            let queues = queue.map_or_else(|| catalogue.queues(), |queue| [queue].into());
            Ok(letters::list(&care, queues, max, json).await?)
        }
        QueuesAction::Redrive { queue, message_id } => {
            Ok(letters::redrive(&care, &queue, message_id, json).await?)
        }
        QueuesAction::Discard {
            queue,
            message_id,
            yes,
            ..
        } => letters::discard(&care, &queue, message_id, yes, json).await,
    }
}

fn failed(queue: &QueueName) -> String {
    format!("the queue {queue} cannot be used")
}

fn say(line: std::fmt::Arguments<'_>) -> anyhow::Result<()> {
    use std::io::Write;
    writeln!(std::io::stdout(), "{line}").context("cannot print")
}
