use std::io::Write;

use anyhow::Context;
use lemon_domain::{ports::QueueError, values::QueueName};
use lemon_sqs::{DeadLetter, QueueChange, SqsQueues};

use crate::{
    app::{Plan, StartError, connections},
    cli::QueuesAction,
};

/// Runs an operator's action on the queues, and prints a line for each.
pub(crate) async fn run(plan: Plan, action: QueuesAction) -> Result<(), StartError> {
    let queues = connections::queues(&plan.queue).await?;
    match action {
        QueuesAction::Create => create(&queues, &plan).await?,
        QueuesAction::Stats => stats(&queues, &plan).await?,
        QueuesAction::DeadLetters { queue, max } => dead_letters(&queues, &queue, max).await?,
        QueuesAction::Redrive { queue } => {
            let sent = queues
                .redrive(&queue)
                .await
                .with_context(|| failed(&queue))?;
            say(format_args!("{queue}: {sent} sent again"))?;
        }
    }
    Ok(())
}

async fn create(queues: &SqsQueues, plan: &Plan) -> anyhow::Result<()> {
    let settings = connections::queue_settings(&plan.queue);
    let ours = plan.catalogue.ready_queues();
    for queue in plan.catalogue.queues() {
        // The workers are responsible for the settings of their queues, once these exist.
        if !ours.contains(&queue) && is_there(queues, &queue).await? {
            say(format_args!("{queue:<40} is there"))?;
            continue;
        }
        let change = queues.create(&queue, &settings).await;
        let change = match change.with_context(|| failed(&queue))? {
            QueueChange::Created => "created",
            QueueChange::Updated => "brought into line",
            _ => "as it should be",
        };
        say(format_args!("{queue:<40} {change}"))?;
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

async fn stats(queues: &SqsQueues, plan: &Plan) -> anyhow::Result<()> {
    say(format_args!(
        "{:<40} {:>9} {:>9} {:>9} {:>11} {:>10} {:>9}",
        "queue", "waiting", "in flight", "dead", "visibility", "retention", "receives"
    ))?;
    for queue in plan.catalogue.queues() {
        let stats = queues.stats(&queue).await.with_context(|| failed(&queue))?;
        let receives = stats
            .max_receives
            .map_or("any".to_owned(), |max| max.to_string());
        say(format_args!(
            "{queue:<40} {:>9} {:>9} {:>9} {:>9} s {:>8} d {receives:>9}",
            stats.depth.waiting,
            stats.depth.in_flight,
            stats.depth.dead,
            stats.visibility.as_secs(),
            stats.retention.as_secs() / 86_400,
        ))?;
    }
    Ok(())
}

async fn dead_letters(queues: &SqsQueues, queue: &QueueName, max: usize) -> anyhow::Result<()> {
    let letters = queues.dead_letters(queue, max).await;
    for letter in letters.with_context(|| failed(queue))? {
        let DeadLetter {
            message_id,
            reason,
            attempts,
            bytes,
            sent_at,
        } = letter;
        let sent_at = sent_at.map_or("at an unknown time".to_owned(), |at| at.to_rfc3339());
        let reason = reason.unwrap_or("received too often".to_owned());
        say(format_args!(
            "{message_id}  {sent_at}  {attempts} attempts  {bytes} bytes  {reason}"
        ))?;
    }
    Ok(())
}

fn failed(queue: &QueueName) -> String {
    format!("the queue {queue} cannot be used")
}

fn say(line: std::fmt::Arguments<'_>) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("cannot print")
}
