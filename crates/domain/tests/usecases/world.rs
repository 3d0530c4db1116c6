//! What the tests start from: fakes, and the use cases on them.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        Accounts, Clock, Expiring, Housekeeping, PURGE_SLACK, QuotaCounter, Registrations, SignIn,
    },
    sealing::{SealingKey, SealingKeys, fresh_nonce},
    usecases::{Quotas, RegisterError, Registering, RegisteringPorts, SignIns},
    values::{
        AccountId, BudgetKey, BudgetName, BudgetPolicy, IdempotencyKey, Identity, Period,
        QueueName, Registered, Service, ServicePath, ServiceQueues, ServiceType, TrainingPolicy,
        WindowPolicy,
    },
};
use lemon_fakes::{FakeClock, FakeTwitter, MemoryQuotaCounter, MemoryStore, SequentialIds};

pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A system with nobody in it, at noon of a Monday in Seoul.
pub(crate) struct World {
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) ids: Arc<SequentialIds>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) counter: Arc<MemoryQuotaCounter>,
    pub(crate) twitter: Arc<FakeTwitter>,
    pub(crate) keys: Arc<SealingKeys>,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(FakeClock::default());
        Self {
            store: Arc::new(MemoryStore::new(clock.clone())),
            clock,
            ids: Arc::default(),
            counter: Arc::default(),
            twitter: Arc::default(),
            keys: Arc::new(sealing_keys(&["first", "second"])),
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Removes all that has expired by now, as the upkeep does when the slack is over, too.
    pub(crate) async fn purge(&self) -> u64 {
        let now = self.now();
        self.clock.advance(PURGE_SLACK);
        let mut rows = 0;
        for what in Expiring::ALL {
            rows += self.store.purge(what, self.now()).await.unwrap().rows;
        }
        self.clock.set(now);
        rows
    }

    pub(crate) fn quotas(&self) -> Arc<Quotas> {
        Arc::new(Quotas::new(
            self.counter.clone(),
            self.store.clone(),
            self.clock.clone(),
            Registering::GRACE,
        ))
    }

    pub(crate) fn registering(&self) -> Registering {
        self.registering_on(self.store.clone())
    }

    pub(crate) fn registering_on(&self, registrations: Arc<dyn Registrations>) -> Registering {
        Registering::new(RegisteringPorts {
            registrations,
            quotas: self.quotas(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
        })
    }

    pub(crate) fn sign_ins(&self) -> SignIns {
        SignIns {
            twitter: self.twitter.clone(),
            pending: self.store.clone(),
            accounts: self.store.clone(),
            keys: self.keys.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            pending_for: SignIns::DEFAULT_PENDING_FOR,
        }
    }

    /// Somebody who signed in.
    pub(crate) async fn person(&self, n: u32) -> Identity {
        let account = account(n);
        let credentials = self.twitter.credentials_of(n);
        let sign_in = SignIn {
            account,
            credentials: self
                .keys
                .seal_credentials(account, &credentials, fresh_nonce(&*self.ids)),
            at: self.now(),
        };
        Identity {
            user: self.store.sign_in(sign_in).await.unwrap(),
            account,
        }
    }

    /// As many people as asked.
    pub(crate) async fn people(&self, n: u32) -> Vec<Identity> {
        let mut people = Vec::new();
        for n in 1..=n {
            people.push(self.person(n).await);
        }
        people
    }

    /// Asks for a place, without an idempotency key.
    pub(crate) async fn register(
        &self,
        who: Identity,
        service: &Service,
    ) -> Result<Registered, RegisterError> {
        self.registering().register(who, service, None).await
    }

    /// Units that the counter says are taken of each of the service's budgets now; `None` where it knows nothing.
    pub(crate) async fn counted(&self, service: &Service) -> Vec<Option<u32>> {
        let keys = keys_at(service, self.now());
        self.counter.usage(&keys).await.unwrap()
    }
}

pub(crate) fn account(n: u32) -> AccountId {
    AccountId::twitter(FakeTwitter::user_id_of(n))
}

pub(crate) fn idempotency_key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).unwrap()
}

pub(crate) fn keys_at(service: &Service, at: DateTime<Utc>) -> Vec<BudgetKey> {
    let budgets = service.budgets_at(at).into_iter();
    budgets.map(|budget| budget.key).collect()
}

/// Sealing keys with these ids; the same id is the same key.
pub(crate) fn sealing_keys(ids: &[&str]) -> SealingKeys {
    let key = |id: &&str| {
        use base64::{Engine, prelude::BASE64_STANDARD};
        // Of different bytes, as a key must be.
        let bytes: Vec<u8> = id.bytes().cycle().take(32).collect();
        let text = format!("{id}:{}", BASE64_STANDARD.encode(bytes));
        SealingKey::parse(&text.into()).unwrap()
    };
    SealingKeys::new(ids.iter().map(key).collect()).unwrap()
}

/// Learn Me: so many places a day, which turns at six in the morning in Seoul, and a cooldown of seven days.
pub(crate) fn learn_me(limit: u32) -> Service {
    let queue = |name: &str| QueueName::parse(name).unwrap();
    Service {
        service_type: ServiceType::parse("LEARNME").unwrap(),
        path: ServicePath::parse("learn_me").unwrap(),
        daily: BudgetPolicy {
            name: BudgetName::daily(),
            limit,
            units: 1,
            window: WindowPolicy::parse(Period::Daily, "06:00", "Asia/Seoul").unwrap(),
            is_shared: false,
        },
        budgets: vec![],
        cooldown: 7 * DAY,
        training: TrainingPolicy::default(),
        queues: ServiceQueues {
            train: queue("TweetGetRequestQueue"),
            ready: queue("ServiceReadyQueue"),
            notify: queue("TweetNotificationQueue"),
            delete: queue("LearnMeTrainDataDeleteRequestQueue"),
        },
        notification: "Your Learn Me is ready.".to_owned(),
    }
}

/// Learn Me, which also takes so many reads from a monthly budget.
pub(crate) fn learn_me_with_reads(limit: u32, reads: u32, of: u32) -> Service {
    Service {
        budgets: vec![BudgetPolicy {
            name: BudgetName::parse("reads").unwrap(),
            limit: of,
            units: reads,
            window: WindowPolicy::parse(Period::Monthly, "00:00", "UTC").unwrap(),
            is_shared: false,
        }],
        ..learn_me(limit)
    }
}
