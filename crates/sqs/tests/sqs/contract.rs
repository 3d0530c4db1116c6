//! The contract of the job queue, case by case, on a real server.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use lemon_contracts::job_queue::{NetworkLink, QueueSubject, TrueTime};
use lemon_sqs::{SqsConfig, SqsJobQueue, SqsQueueSettings};
use lemon_test_servers::Link;
use tokio::sync::Mutex;

use crate::common::{Sqs, client_with};

/// As short as lets a case do within it what it means to on a machine that is busy with other things.
const VISIBILITY: Duration = Duration::from_secs(8);
/// As long as lets a case wait for a call that gets no answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// The line to the server of a case.
struct ToServer(Mutex<Link>);

#[async_trait]
impl NetworkLink for ToServer {
    async fn stall(&self) {
        self.0.lock().await.stall();
    }

    async fn lose_answers(&self) {
        self.0.lock().await.lose_answers();
    }

    async fn mend(&self) {
        self.0.lock().await.mend().await;
    }
}

async fn subject() -> QueueSubject {
    let sqs = Sqs::get().await;
    let consumed = sqs.name("ServiceReadyQueue");
    let settings = SqsQueueSettings::default().with_visibility(VISIBILITY);
    sqs.queues().create(&consumed, &settings).await.unwrap();
    let line = Link::to(sqs.server.address()).await;
    let config = SqsConfig::default().with_deadline(DEADLINE);
    let client = client_with(&format!("http://127.0.0.1:{}", line.port()), &config);
    QueueSubject {
        queue: Arc::new(SqsJobQueue::new(&client, config)),
        consumed,
        visibility: VISIBILITY,
        time: Arc::new(TrueTime),
        line: Arc::new(ToServer(Mutex::new(line))),
        guard: Box::new(sqs),
    }
}

lemon_contracts::job_queue_suite!(subject);

mod queue_keeping {
    use std::sync::Arc;

    use lemon_contracts::queue_keeping::QueueKeepingSubject;

    use crate::common::Sqs;

    async fn subject() -> QueueKeepingSubject {
        let sqs = Sqs::get().await;
        QueueKeepingSubject {
            consumed: sqs.queue("ServiceReadyQueue").await,
            keeping: Arc::new(sqs.queues()),
            queue: Arc::new(sqs.job_queue()),
            guard: Box::new(sqs),
        }
    }

    lemon_contracts::queue_keeping_suite!(subject);
}
