//! The contract of the job queue, case by case, on a real server.

use std::{sync::Arc, time::Duration};

use lemon_sqs::{QueueSettings, SqsConfig, SqsJobQueue};
use lemon_testkit::{
    services::Link,
    suites::job_queue::{QueueSubject, TrueTime},
};
use tokio::sync::Mutex;

use crate::common::{Sqs, client_with};

/// As short as lets a case do within it what it means to on a machine that is busy with other things.
const VISIBILITY: Duration = Duration::from_secs(8);
/// As long as lets a case wait for a call that gets no answer.
const DEADLINE: Duration = Duration::from_secs(10);

async fn subject() -> QueueSubject {
    let sqs = Sqs::get().await;
    let consumed = sqs.name("ServiceReadyQueue");
    let settings = QueueSettings {
        visibility: VISIBILITY,
        ..QueueSettings::default()
    };
    sqs.queues().create(&consumed, &settings).await.unwrap();
    let line = Link::to(sqs.server.address()).await;
    let config = SqsConfig {
        deadline: DEADLINE,
        ..SqsConfig::default()
    };
    let client = client_with(&format!("http://127.0.0.1:{}", line.port()), &config);
    QueueSubject {
        queue: Arc::new(SqsJobQueue::new(&client, config)),
        consumed,
        visibility: VISIBILITY,
        time: Arc::new(TrueTime),
        line: Arc::new(Mutex::new(line)),
        guard: Box::new(sqs),
    }
}

lemon_testkit::job_queue_suite!(subject);
