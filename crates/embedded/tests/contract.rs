//! Both adapters keep the contracts of their ports.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod quota_counter {
    use std::sync::Arc;

    use lemon_contracts::Subject;
    use lemon_domain::ports::QuotaCounter;
    use lemon_embedded::EmbeddedQuotaCounter;
    use lemon_fakes::FakeClock;

    async fn subject() -> Subject<dyn QuotaCounter> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("quota.db");
        let counter = EmbeddedQuotaCounter::open(&path, Arc::new(FakeClock::default())).unwrap();
        Subject::guarded(Arc::new(counter), folder)
    }

    lemon_contracts::quota_counter_suite!(subject);
}

/// One key, which seals the bodies of messages.
fn keys() -> std::sync::Arc<lemon_domain::sealing::SealingKeys> {
    use lemon_domain::sealing::{SealingKey, SealingKeys};

    let key = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let key = SealingKey::parse(&key.into()).unwrap();
    std::sync::Arc::new(SealingKeys::new(vec![key]).unwrap())
}

mod job_queue {
    use std::{sync::Arc, time::Duration};

    use lemon_contracts::job_queue::{NoLink, QueueSubject};
    use lemon_domain::values::QueueName;
    use lemon_embedded::{EmbeddedJobQueue, EmbeddedQueueConfig};
    use lemon_fakes::{FakeClock, SequentialIds};

    use super::keys;

    async fn subject() -> QueueSubject {
        let folder = tempfile::tempdir().unwrap();
        let consumed = QueueName::parse("ServiceReadyQueue").unwrap();
        let path = folder.path().join("queue.db");
        let config = EmbeddedQueueConfig::new(path, [consumed.clone()].into());
        let clock = Arc::new(FakeClock::default());
        let ids = Arc::new(SequentialIds::default());
        QueueSubject {
            queue: Arc::new(EmbeddedJobQueue::open(&config, keys(), clock.clone(), ids).unwrap()),
            consumed,
            visibility: Duration::from_secs(30),
            time: Arc::new(move |time| clock.advance(time)),
            line: Arc::new(NoLink),
            guard: Box::new(folder),
        }
    }

    lemon_contracts::job_queue_suite!(subject);
}

mod queue_keeping {
    use std::sync::Arc;

    use lemon_contracts::queue_keeping::QueueKeepingSubject;
    use lemon_domain::values::QueueName;
    use lemon_embedded::{EmbeddedJobQueue, EmbeddedQueueConfig};
    use lemon_fakes::{FakeClock, SequentialIds};

    use super::keys;

    async fn subject() -> QueueKeepingSubject {
        let folder = tempfile::tempdir().unwrap();
        let consumed = QueueName::parse("ServiceReadyQueue").unwrap();
        let path = folder.path().join("queue.db");
        let config = EmbeddedQueueConfig::new(path, [consumed.clone()].into());
        let clock = Arc::new(FakeClock::default());
        let ids = Arc::new(SequentialIds::default());
        let queue = Arc::new(EmbeddedJobQueue::open(&config, keys(), clock, ids).unwrap());
        QueueKeepingSubject {
            keeping: queue.clone(),
            queue,
            consumed,
            guard: Box::new(folder),
        }
    }

    lemon_contracts::queue_keeping_suite!(subject);
}
