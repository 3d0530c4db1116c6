//! Consumes a queue in memory until all its messages are handled.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{error::Error, sync::Arc};

use async_trait::async_trait;
use lemon_consumer::{Consumer, ConsumerConfig, Handler, Malformed, Outcome};
use lemon_domain::{
    ports::{JobQueue, Outgoing},
    values::QueueName,
};
use lemon_fakes::{FakeClock, MemoryJobQueue};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Squares numbers.
struct Squares(mpsc::UnboundedSender<u64>);

#[async_trait]
impl Handler for Squares {
    type Message = u64;

    fn decode(&self, body: &str) -> Result<u64, Malformed> {
        body.parse()
            .map_err(|_| Malformed::new("the body is no number"))
    }

    async fn handle(&self, number: &u64) -> Outcome {
        match number.checked_mul(*number) {
            Some(square) => {
                println!("{number} squared is {square}");
                match self.0.send(square) {
                    Ok(()) => Outcome::Done,
                    Err(_) => Outcome::hold("nobody takes squares"),
                }
            }
            None => Outcome::dead_letter("the number is too large"),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let numbers = QueueName::parse("numbers")?;
    let clock = Arc::new(FakeClock::default());
    let queue = Arc::new(MemoryJobQueue::new(clock, [numbers.clone()]));
    for body in ["1", "2", "3", "four"] {
        let message = Outgoing {
            id: Uuid::nil(),
            body: body.to_owned(),
            trace: None,
        };
        for sent in queue.send(&numbers, vec![message]).await {
            sent?;
        }
    }
    let (squares, mut taken) = mpsc::unbounded_channel();
    let consumer = Consumer::new(queue.clone(), numbers.clone(), Squares(squares))
        .with_config(ConsumerConfig::default().with_concurrency(4));
    let stop = CancellationToken::new();
    let running = tokio::spawn(consumer.run(stop.clone()));
    for _ in 0..3 {
        taken.recv().await;
    }
    stop.cancel();
    running.await??;
    for dead in queue.dead_messages(&numbers) {
        println!("dead-lettered: {}", dead.reason);
    }
    Ok(())
}
