//! Replicas on one database whose clocks differ. The database's own clock is right.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use lemon_contracts::Store as _;
use lemon_domain::{
    ports::{Clock, Expiring, Housekeeping, QuotaCounter, Registrations},
    usecases::{ClockError, Quotas, RegisterError, Registering, RegisteringPorts, check_clock},
    values::{
        BudgetName, BudgetPolicy, Catalogue, Credentials, Identity, Period, QueueName, Service,
        ServicePath, ServiceQueues, TrainingPolicy, WindowPolicy,
    },
};
use lemon_fakes::{FakeClock, MemoryQuotaCounter, SequentialIds};
use lemon_postgres::SqlStore;

use super::{
    Fresh,
    given::{learn_me, sign_in},
};

/// What replicas share.
struct Shared {
    fresh: Fresh,
    store: Arc<SqlStore>,
    counter: Arc<dyn QuotaCounter>,
    ids: Arc<SequentialIds>,
    service: Arc<Service>,
    /// Ten seconds before a window of three places is over.
    now: DateTime<Utc>,
}

impl Shared {
    async fn new(cooldown: Duration) -> Self {
        let fresh = Fresh::new().await;
        let store = Arc::new(fresh.store().await);
        let minute = TimeDelta::minutes(1);
        let end = store.time().await.unwrap().duration_trunc(minute).unwrap() + minute;
        let turns_at = end.format("%H:%M").to_string();
        let queue = |name: &str| QueueName::parse(name).unwrap();
        let service = Service {
            service_type: learn_me(),
            path: ServicePath::parse("learn_me").unwrap(),
            daily: BudgetPolicy {
                name: BudgetName::daily(),
                limit: 3,
                units: 1,
                window: WindowPolicy::parse(Period::Daily, &turns_at, "UTC").unwrap(),
                is_shared: false,
            },
            budgets: vec![],
            cooldown,
            training: TrainingPolicy::default(),
            queues: ServiceQueues {
                train: queue("train"),
                ready: queue("ready"),
                notify: queue("notify"),
                delete: queue("delete"),
            },
            notification: "It is ready.".to_owned(),
        };
        Self {
            fresh,
            store,
            counter: Arc::new(MemoryQuotaCounter::default()),
            ids: Arc::default(),
            service: Arc::new(service),
            now: end - TimeDelta::seconds(10),
        }
    }

    async fn person(&self, n: i64) -> Identity {
        sign_in(&self.store, n, &Credentials::new("token", "secret")).await
    }

    /// A replica whose clock is ahead by this.
    fn replica(&self, ahead: Duration) -> Replica {
        let clock = Arc::new(FakeClock::default());
        clock.set(self.now + ahead);
        Replica {
            store: Arc::clone(&self.store),
            counter: Arc::clone(&self.counter),
            ids: Arc::clone(&self.ids),
            service: Arc::clone(&self.service),
            clock,
        }
    }
}

struct Replica {
    store: Arc<SqlStore>,
    counter: Arc<dyn QuotaCounter>,
    ids: Arc<SequentialIds>,
    service: Arc<Service>,
    clock: Arc<FakeClock>,
}

impl Replica {
    fn quotas(&self) -> Arc<Quotas> {
        let (counter, record) = (Arc::clone(&self.counter), self.store.clone());
        let quotas = Quotas::new(counter, record, self.clock.clone(), Registering::GRACE);
        Arc::new(quotas)
    }

    async fn register(&self, who: Identity) -> Result<u32, RegisterError> {
        let registering = Registering::new(RegisteringPorts {
            registrations: self.store.clone(),
            quotas: self.quotas(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
        });
        let registered = registering.register(who, &self.service, None).await?;
        Ok(registered.position)
    }

    /// What a replica does each minute.
    async fn upkeep(&self) {
        for what in Expiring::ALL {
            self.store.purge(what, self.clock.now()).await.unwrap();
        }
        let catalogue = Catalogue::new(vec![(*self.service).clone()]).unwrap();
        assert!(self.quotas().reconcile(&catalogue).await.is_empty());
    }
}

/// All that a replica ahead removes is gone for the others, too.
async fn a_window_stays_full_beside_a_clock_that_is_ahead(ahead: Duration, cooldown: Duration) {
    let mut shared = Shared::new(cooldown).await;
    let right = shared.replica(Duration::ZERO);
    let mut people = Vec::new();
    for n in 1..=3 {
        let who = shared.person(n).await;
        assert_eq!(
            right.register(who).await.unwrap(),
            u32::try_from(n).unwrap()
        );
        people.push(who);
    }
    shared.replica(ahead).upkeep().await;

    let key = &shared.service.budgets_at(shared.now)[0].key;
    assert_eq!(shared.store.places(key).await.unwrap().len(), 3);
    for who in people {
        let last = shared.store.last_use(who.user, &learn_me()).await.unwrap();
        assert_eq!(last.map(|last| last.turn), Some(1));
    }
    // A counter that forgot is restored from the record.
    shared.counter = Arc::new(MemoryQuotaCounter::default());
    let late = shared.person(4).await;
    let refused = shared.replica(Duration::ZERO).register(late).await;
    assert!(
        matches!(refused, Err(RegisterError::QuotaExhausted { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_window_of_three_stays_three_beside_a_clock_20_s_ahead() {
    let (ahead, cooldown) = (Duration::from_secs(20), Duration::from_secs(1));
    a_window_stays_full_beside_a_clock_that_is_ahead(ahead, cooldown).await;
}

#[tokio::test]
async fn a_window_of_three_stays_three_beside_a_clock_8_days_ahead() {
    let (ahead, cooldown) = (Duration::from_hours(8 * 24), Duration::from_hours(7 * 24));
    a_window_stays_full_beside_a_clock_that_is_ahead(ahead, cooldown).await;
}

#[tokio::test]
async fn a_clock_too_far_from_the_databases_is_reported_in_one_sentence() {
    let shared = Shared::new(Duration::ZERO).await;
    let clock = FakeClock::default();
    let off = |by: i64| TimeDelta::seconds(by);
    clock.set(shared.store.time().await.unwrap());
    check_clock(&*shared.store, &clock).await.unwrap();
    for (by, said) in [(8 * 86_400, "ahead of"), (-86_400, "behind")] {
        clock.set(shared.store.time().await.unwrap() + off(by));
        let error = check_clock(&*shared.store, &clock).await.unwrap_err();
        assert!(matches!(error, ClockError::Skewed { .. }), "{error:?}");
        let line = error.to_string();
        assert!(line.contains(said) && !line.contains('\n'), "{line}");
    }
}

/// A database whose clock goes wrong removes nothing while its replicas' are right.
#[tokio::test]
async fn a_database_8_days_ahead_removes_nothing() {
    let shared = Shared::new(Duration::from_secs(1)).await;
    let right = shared.replica(Duration::ZERO);
    right.register(shared.person(1).await).await.unwrap();
    let (server, url) = (&shared.fresh.server, &shared.fresh.url);
    server.set_ahead(url, Duration::from_hours(8 * 24)).await;
    let store = Arc::new(shared.fresh.store().await);
    let ahead = store.time().await.unwrap() - shared.now;
    assert!(ahead > TimeDelta::days(7), "{ahead}");
    Replica { store, ..right }.upkeep().await;
    let key = &shared.service.budgets_at(shared.now)[0].key;
    assert_eq!(shared.store.places(key).await.unwrap().len(), 1);
}
