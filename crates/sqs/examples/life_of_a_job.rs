//! A job is sent, received, returned, received again and acknowledged; another one is dead-lettered and redriven.
//!
//! `AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
//! cargo run -p lemon-sqs --example life_of_a_job`
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{error::Error, slice::from_ref, time::Duration};

use lemon_domain::{
    ports::{DeadLetterChoice, Delivery, JobQueue, Outgoing, QueueError, QueueKeeping},
    values::QueueName,
};
use lemon_sqs::{SqsConfig, SqsJobQueue, SqsQueueSettings, SqsQueues};
use uuid::Uuid;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let jobs = QueueName::parse("ExampleJobs")?;
    let queues = SqsQueues::connect(&SqsConfig::default()).await?;
    let made = queues.create(&jobs, &SqsQueueSettings::default()).await?;
    println!("{jobs}: {made:?}");
    let queue = SqsJobQueue::connect(&SqsConfig::default()).await?;
    queue.check(&[], from_ref(&jobs)).await?;

    send(&queue, &jobs, "train 7").await?;
    let job = next(&queue, &jobs).await?;
    let at_once = Duration::ZERO;
    queue.retry_after(&jobs, &job.receipt, at_once).await?;
    let again = next(&queue, &jobs).await?;
    println!("{:?} came {} times", again.body, again.attempt);
    for outcome in queue.ack(&jobs, &[again.receipt]).await {
        outcome?;
    }

    send(&queue, &jobs, "nonsense").await?;
    let job = next(&queue, &jobs).await?;
    queue.dead_letter(&jobs, &job, "not a job").await?;
    println!("dead: {:?}", queues.dead_letters(&jobs, 10).await?);
    let redriven = queues.redrive(&jobs, &DeadLetterChoice::All).await?;
    println!("redriven: {redriven}");
    let job = next(&queue, &jobs).await?;
    println!("{:?} is back, attempt {}", job.body, job.attempt);
    for outcome in queue.ack(&jobs, &[job.receipt]).await {
        outcome?;
    }
    println!("in the end: {:?}", queue.depth(&jobs).await?);
    Ok(())
}

async fn send(queue: &SqsJobQueue, jobs: &QueueName, body: &str) -> Result<(), QueueError> {
    let id = Uuid::nil();
    let body = body.to_owned();
    let trace = None;
    let outcomes = queue.send(jobs, vec![Outgoing { id, body, trace }]).await;
    outcomes.into_iter().collect()
}

async fn next(queue: &SqsJobQueue, jobs: &QueueName) -> Result<Delivery, Box<dyn Error>> {
    let deliveries = queue.receive(jobs, 1, Duration::from_secs(20)).await?;
    deliveries.into_iter().next().ok_or("nothing came".into())
}
