//! A small system: one service, people who registered, and fakes for everything outside.

use std::{sync::Arc, time::Duration};

use lemon_consumer::{ConsumerConfig, Control, Relay, RelayConfig};
use lemon_domain::{
    ports::{Accounts, Clock, FinishOutcome, JobQueue, Registrations, SignIn},
    sealing::{SealingKey, SealingKeys, fresh_nonce},
    traces::Tracer,
    usecases::{Dispatch, Quotas, Registering, RegisteringPorts, Trainings},
    values::{
        AccountId, BudgetName, BudgetPolicy, Catalogue, Credentials, Identity, Period,
        ProviderUserId, QueueName, RequestId, Service, ServicePath, ServiceQueues, ServiceType,
        Task, TrainingPolicy, UserId, WindowPolicy,
    },
};
use lemon_fakes::{FakeClock, MemoryJobQueue, MemoryQuotaCounter, MemoryStore, SequentialIds};
use lemon_worker::{JobRenderer, ReadyListener};
use uuid::Uuid;

/// What a store answers that has marked somebody's training.
pub(crate) fn finished() -> FinishOutcome {
    FinishOutcome::Finished {
        user: UserId::new(1),
        request_id: RequestId::new(Uuid::nil()),
    }
}

pub(crate) struct World {
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) ids: Arc<SequentialIds>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) counter: Arc<MemoryQuotaCounter>,
    pub(crate) queue: Arc<MemoryJobQueue>,
    pub(crate) keys: Arc<SealingKeys>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) quotas: Arc<Quotas>,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(FakeClock::default());
        let (store, counter) = (Arc::new(MemoryStore::new(clock.clone())), Arc::default());
        let catalogue = Arc::new(Catalogue::new(vec![learn_me()]).unwrap());
        let queue = MemoryJobQueue::new(clock.clone(), catalogue.queues());
        let key = format!("k1:{}", "AB".repeat(21) + "A=");
        let key = SealingKey::parse(&key.into()).unwrap();
        let counter: Arc<MemoryQuotaCounter> = counter;
        Self {
            quotas: Arc::new(Quotas::new(
                counter.clone(),
                store.clone(),
                clock.clone(),
                Registering::GRACE,
            )),
            keys: Arc::new(SealingKeys::new(vec![key]).unwrap()),
            ids: Arc::default(),
            queue: Arc::new(queue),
            catalogue,
            counter,
            store,
            clock,
        }
    }

    pub(crate) fn service(&self) -> Arc<Service> {
        Arc::clone(self.catalogue.iter().next().unwrap())
    }

    pub(crate) fn queues(&self) -> ServiceQueues {
        self.service().queues.clone()
    }

    /// A person who signed in.
    pub(crate) async fn person(&self, n: i64) -> Identity {
        let account = AccountId::twitter(ProviderUserId::try_from(n).unwrap());
        let credentials = Credentials::new(format!("token-{n}"), format!("secret-{n}"));
        let sign_in = SignIn {
            account,
            credentials: self
                .keys
                .seal_credentials(account, &credentials, fresh_nonce(&*self.ids)),
            at: self.clock.now(),
        };
        Identity {
            user: self.store.sign_in(sign_in).await.unwrap(),
            account,
        }
    }

    /// A person who registered.
    pub(crate) async fn registered(&self, n: i64) -> Identity {
        let identity = self.person(n).await;
        self.registering()
            .register(identity, &self.service(), None)
            .await
            .unwrap();
        identity
    }

    pub(crate) fn registering(&self) -> Registering {
        Registering::new(RegisteringPorts {
            registrations: self.store.clone(),
            quotas: self.quotas.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
        })
    }

    pub(crate) fn relay(&self) -> Relay<Task, JobRenderer> {
        self.relay_to(self.queue.clone())
    }

    pub(crate) fn relay_to(&self, queue: Arc<dyn JobQueue>) -> Relay<Task, JobRenderer> {
        self.relay_by(self.clock.clone(), queue)
    }

    pub(crate) fn relay_by(
        &self,
        clock: Arc<dyn Clock>,
        queue: Arc<dyn JobQueue>,
    ) -> Relay<Task, JobRenderer> {
        let renderer = JobRenderer {
            dispatch: Arc::new(Dispatch {
                catalogue: self.catalogue.clone(),
                accounts: self.store.clone(),
                keys: self.keys.clone(),
                tickets: None,
            }),
        };
        Relay::new(self.store.clone(), queue, clock, renderer)
    }

    /// A relay that only a signal wakes.
    pub(crate) fn woken_relay(&self) -> Relay<Task, JobRenderer> {
        self.relay()
            .with_config(RelayConfig::default().with_poll(Duration::from_secs(60 * 60)))
    }

    pub(crate) fn listener(&self) -> Arc<ReadyListener> {
        self.listener_of(self.store.clone(), self.queue.clone())
    }

    pub(crate) fn listener_of(
        &self,
        registrations: Arc<dyn Registrations>,
        queue: Arc<dyn JobQueue>,
    ) -> Arc<ReadyListener> {
        Arc::new(ReadyListener {
            control: Control::default(),
            tracer: Tracer::off(),
            queue,
            trainings: Arc::new(Trainings {
                registrations,
                clock: self.clock.clone(),
                ids: self.ids.clone(),
            }),
            catalogue: self.catalogue.clone(),
            config: ConsumerConfig::default().with_wait(Duration::from_millis(50)),
        })
    }
}

fn learn_me() -> Service {
    let queue = |name| QueueName::parse(name).unwrap();
    Service {
        service_type: ServiceType::parse("LEARNME").unwrap(),
        path: ServicePath::parse("learn_me").unwrap(),
        daily: BudgetPolicy {
            name: BudgetName::daily(),
            limit: 400,
            units: 1,
            window: WindowPolicy::parse(Period::Daily, "06:00", "Asia/Seoul").unwrap(),
            is_shared: false,
        },
        budgets: Vec::new(),
        cooldown: Duration::from_secs(7 * 24 * 60 * 60),
        training: TrainingPolicy::default(),
        queues: ServiceQueues {
            train: queue("train"),
            ready: queue("ready"),
            notify: queue("notify"),
            delete: queue("delete"),
        },
        notification: "it is ready".to_owned(),
    }
}

/// Asks again and again until it holds; fails after a minute.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let held = tokio::time::timeout(Duration::from_secs(60), asking).await;
    assert!(held.is_ok(), "{what}");
}
