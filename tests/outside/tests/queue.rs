//! The program consumes a queue with its own handler, and relays an outbox with its own rows.

use std::sync::Arc;

use async_trait::async_trait;
use exports::{Exports, Ledger, Report};
use lemon_consumer::{Consumer, Handler, Malformed, Outcome, Relay};
use lemon_domain::{
    ports::{Clock, Depth, JobQueue, OutboxEntry, Outgoing},
    sealing::{SealingKey, SealingKeys},
    values::{QueueName, RequestId},
};
use lemon_embedded::{EmbeddedJobQueue, EmbeddedQueueConfig};
use lemon_system::{SystemClock, SystemIds};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Exports reports.
struct Exporter(mpsc::UnboundedSender<String>);

#[async_trait]
impl Handler for Exporter {
    type Message = String;

    fn decode(&self, body: &str) -> Result<String, Malformed> {
        let report = body.strip_prefix("report ");
        report
            .map(ToOwned::to_owned)
            .ok_or_else(|| Malformed::new("it is no report"))
    }

    async fn handle(&self, report: &String) -> Outcome {
        match self.0.send(report.clone()) {
            Ok(()) => Outcome::Done,
            Err(_) => Outcome::hold("nobody takes reports"),
        }
    }
}

#[tokio::test]
async fn a_queue_is_consumed_and_an_outbox_relayed_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let name = QueueName::parse("exports").unwrap();
    let config = EmbeddedQueueConfig::new(folder.path().join("queue.db"), [name.clone()].into());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let key = SealingKey::parse(&SealingKey::generate("test", &SystemIds)).unwrap();
    let keys = Arc::new(SealingKeys::new(vec![key]).unwrap());
    let queue = EmbeddedJobQueue::open(&config, keys, clock.clone(), Arc::new(SystemIds)).unwrap();
    let queue = Arc::new(queue);

    let ledger = Arc::new(Ledger::default());
    for (id, content) in [
        (1, "report of March"),
        (2, "a letter"),
        (3, "report of April"),
    ] {
        ledger.put(OutboxEntry {
            id,
            attempt: 0,
            request_id: RequestId::new(Uuid::from_u128(7)),
            created_at: clock.now(),
            trace: None,
            content: Report(content.to_owned()),
        });
    }
    let relay = Relay::new(ledger, queue.clone(), clock, Exports(name.clone()));
    assert_eq!(relay.relay_batch().await.unwrap(), 3);
    assert_eq!(
        relay.relay_batch().await.unwrap(),
        0,
        "what is sent is removed"
    );
    let late = Outgoing {
        id: Uuid::nil(),
        body: "report of May".to_owned(),
        trace: None,
    };
    for sent in queue.send(&name, vec![late]).await {
        sent.unwrap();
    }

    let (exported, mut reports) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let consumer = Consumer::new(queue.clone(), name.clone(), Exporter(exported));
    let running = tokio::spawn(consumer.run(stop.clone()));
    let mut taken = Vec::new();
    for _ in 0..3 {
        taken.push(reports.recv().await.unwrap());
    }
    stop.cancel();
    running.await.unwrap().unwrap();
    taken.sort_unstable();
    assert_eq!(taken, ["of April", "of March", "of May"]);
    let left = Depth {
        dead: 1,
        ..Depth::default()
    };
    assert_eq!(queue.depth(&name).await.unwrap(), left);
}
