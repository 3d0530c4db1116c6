//! The contract of the job queue, case by case, on a real server.

use std::{sync::Arc, time::Duration};

use lemon_sqs::QueueSettings;
use lemon_testkit::suites::job_queue::{QueueSubject, TrueTime};

use crate::common::Sqs;

/// As short as lets a case do within it what it means to.
const VISIBILITY: Duration = Duration::from_secs(4);

async fn subject() -> QueueSubject {
    let sqs = Sqs::get().await;
    let consumed = sqs.name("ServiceReadyQueue");
    let settings = QueueSettings {
        visibility: VISIBILITY,
        ..QueueSettings::default()
    };
    sqs.queues().create(&consumed, &settings).await.unwrap();
    QueueSubject {
        queue: Arc::new(sqs.job_queue()),
        consumed,
        visibility: VISIBILITY,
        time: Arc::new(TrueTime),
        guard: Box::new(sqs),
    }
}

lemon_testkit::job_queue_suite!(subject);
