use anyhow::Context;
use lemon_domain::{
    ports::{QueueError, QueueKeeping},
    values::{Catalogue, QueueName},
};
use lemon_sqs::{QueueChange, SqsQueues};
use serde::Serialize;
use tracing::info;

use super::{failed, say};
use crate::{
    app::{Patience, QueuePlan, StartError},
    commands::operator::{operator, print_json},
};

/// What was done about a queue.
#[derive(Serialize)]
struct MadeQueue {
    queue: String,
    change: &'static str,
}

/// Makes the queues on SQS that are missing.
pub(super) async fn create(
    plan: &QueuePlan,
    catalogue: &Catalogue,
    patience: Patience,
    json: bool,
) -> Result<(), StartError> {
    let queues = plan.manage().await?;
    let first = catalogue.queues().into_iter().next();
    let there = patience.wait_for("queue", async || match &first {
        Some(queue) => Ok(is_there(&queues, queue).await.map(drop)?),
        None => Ok(()),
    });
    there.await?;
    let settings = plan.settings();
    let ours = catalogue.ready_queues();
    let mut made = Vec::new();
    for queue in catalogue.queues() {
        // The workers are responsible for the settings of their queues, once these exist.
        let change = if !ours.contains(&queue) && is_there(&queues, &queue).await? {
            "is there"
        } else {
            let change = queues.create(&queue, &settings).await;
            match change.with_context(|| failed(&queue))? {
                QueueChange::Created => "created",
                QueueChange::Updated => "brought into line",
                _ => "as it should be",
            }
        };
        if let "created" | "brought into line" = change {
            info!(
                audit = true,
                operator = operator(),
                queue = queue.as_str(),
                change,
                "an operator made a queue or changed its settings"
            );
        }
        if !json {
            say(format_args!("{queue:<40} {change}"))?;
        }
        made.push(MadeQueue {
            queue: queue.to_string(),
            change,
        });
    }
    if json {
        print_json(&made)?;
    }
    Ok(())
}

async fn is_there(queues: &SqsQueues, queue: &QueueName) -> anyhow::Result<bool> {
    match queues.stats(queue).await {
        Ok(_) => Ok(true),
        Err(QueueError::NoSuchQueue(_)) => Ok(false),
        Err(error) => Err(error).with_context(|| failed(queue)),
    }
}
