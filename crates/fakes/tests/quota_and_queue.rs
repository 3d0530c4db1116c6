//! The fakes of the quota counter, the job queue, the clock and the ids fulfil their contracts.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod quota {
    use std::sync::Arc;

    use lemon_contracts::Subject;
    use lemon_domain::ports::QuotaCounter;
    use lemon_fakes::MemoryQuotaCounter;

    async fn subject() -> Subject<dyn QuotaCounter> {
        Subject::new(Arc::new(MemoryQuotaCounter::default()))
    }

    lemon_contracts::quota_counter_suite!(subject);
}

mod queue {
    use std::{sync::Arc, time::Duration};

    use lemon_contracts::job_queue::{NoLink, QueueSubject};
    use lemon_domain::values::QueueName;
    use lemon_fakes::{FakeClock, MemoryJobQueue};

    async fn subject() -> QueueSubject {
        let clock = Arc::new(FakeClock::default());
        let consumed = QueueName::parse("ServiceReadyQueue").unwrap();
        QueueSubject {
            queue: Arc::new(MemoryJobQueue::new(clock.clone(), [consumed.clone()])),
            consumed,
            visibility: Duration::from_secs(30),
            time: Arc::new(move |time| clock.advance(time)),
            line: Arc::new(NoLink),
            guard: Box::new(()),
        }
    }

    lemon_contracts::job_queue_suite!(subject);
}

mod queue_keeping {
    use std::sync::Arc;

    use lemon_contracts::queue_keeping::QueueKeepingSubject;
    use lemon_domain::values::QueueName;
    use lemon_fakes::{FakeClock, MemoryJobQueue};

    async fn subject() -> QueueKeepingSubject {
        let consumed = QueueName::parse("ServiceReadyQueue").unwrap();
        let clock = Arc::new(FakeClock::default());
        let queue = Arc::new(MemoryJobQueue::new(clock, [consumed.clone()]));
        QueueKeepingSubject {
            keeping: queue.clone(),
            queue,
            consumed,
            guard: Box::new(()),
        }
    }

    lemon_contracts::queue_keeping_suite!(subject);
}

mod clock {
    use std::sync::Arc;

    use lemon_contracts::Subject;
    use lemon_domain::ports::Clock;
    use lemon_fakes::FakeClock;

    async fn subject() -> Subject<dyn Clock> {
        Subject::new(Arc::new(FakeClock::default()))
    }

    lemon_contracts::clock_suite!(subject);
}

mod ids {
    use std::sync::Arc;

    use lemon_contracts::Subject;
    use lemon_domain::ports::IdSource;
    use lemon_fakes::SequentialIds;

    async fn subject() -> Subject<dyn IdSource> {
        Subject::new(Arc::new(SequentialIds::default()))
    }

    lemon_contracts::id_source_suite!(subject);
}

mod what_only_a_fake_does {
    use std::{sync::Arc, time::Duration};

    use lemon_domain::{
        ports::{JobQueue, Outgoing, QuotaCounter},
        values::{BudgetKey, BudgetName, QueueName, Scope, Window},
    };
    use lemon_fakes::{DeadMessage, FakeClock, MemoryJobQueue, MemoryQuotaCounter};
    use uuid::Uuid;

    fn key(budget: &str) -> BudgetKey {
        BudgetKey {
            scope: Scope::parse("LEARNME").unwrap(),
            budget: BudgetName::parse(budget).unwrap(),
            window: Window {
                start: "2026-11-22T21:00:00Z".parse().unwrap(),
                end: "2026-11-23T21:00:00Z".parse().unwrap(),
            },
        }
    }

    #[tokio::test]
    async fn a_counter_forgets_on_request() {
        let counter = MemoryQuotaCounter::default();
        let keys = [key("daily"), key("reads")];
        let at = "2026-11-23T03:00:00Z".parse().unwrap();
        for key in &keys {
            lemon_contracts::restore(&counter, key, &[], at)
                .await
                .unwrap();
        }
        counter.forget(&keys[0]);
        assert_eq!(counter.usage(&keys).await.unwrap(), [None, Some(0)]);
        counter.forget_all();
        assert_eq!(counter.usage(&keys).await.unwrap(), [None, None]);
    }

    #[tokio::test]
    async fn bodies_and_dead_letters_can_be_read() {
        let jobs = QueueName::parse("Jobs").unwrap();
        let queue = MemoryJobQueue::new(Arc::new(FakeClock::default()), [jobs.clone()]);
        let messages = ["one", "two"].map(|body| Outgoing {
            id: Uuid::nil(),
            body: body.to_owned(),
            trace: None,
        });
        queue.send(&jobs, messages.to_vec()).await;
        let deliveries = queue.receive(&jobs, 1, Duration::ZERO).await.unwrap();
        assert_eq!(queue.bodies(&jobs), ["one", "two"]);
        let dead = queue.dead_letter(&jobs, &deliveries[0], "not JSON").await;
        dead.unwrap();
        assert_eq!(queue.bodies(&jobs), ["two"]);
        let expected = DeadMessage {
            body: "one".to_owned(),
            reason: "not JSON".to_owned(),
        };
        assert_eq!(queue.dead_messages(&jobs), [expected]);
    }
}
