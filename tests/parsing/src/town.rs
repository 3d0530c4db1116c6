//! What is behind the REST API of a target: fakes.

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use lemon_domain::{
    sealing::{SealingKey, SealingKeys},
    usecases::{
        KnownPeople, PeopleCare, Profiles, Quotas, Registering, RegisteringPorts,
        RevocationsInForce, SignIns, SignOuts,
    },
    values::{
        BudgetName, BudgetPolicy, Catalogue, Period, QueueName, Service, ServicePath,
        ServiceQueues, ServiceType, TrainingPolicy, WindowPolicy,
    },
};
use lemon_fakes::{FakeClock, FakeTwitter, MemoryQuotaCounter, MemoryStore, SequentialIds};
use lemon_http::{JwtConfig, UseCases};

/// A key of so many bytes, in Base64.
pub(crate) fn key(bytes: usize) -> String {
    BASE64_STANDARD.encode(vec![7; bytes])
}

pub(crate) fn use_cases() -> UseCases {
    let (clock, ids) = (Arc::<FakeClock>::default(), Arc::<SequentialIds>::default());
    let (twitter, store) = (Arc::<FakeTwitter>::default(), Arc::<MemoryStore>::default());
    let counter = Arc::<MemoryQuotaCounter>::default();
    let keys = SealingKey::parse(&format!("a:{}", key(32)).into()).unwrap();
    let keys = Arc::new(SealingKeys::new(vec![keys]).unwrap());
    let quotas = Quotas::new(counter, store.clone(), clock.clone(), Registering::GRACE);
    UseCases {
        sign_ins: Arc::new(SignIns {
            twitter: twitter.clone(),
            pending: store.clone(),
            accounts: store.clone(),
            keys: keys.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            pending_for: SignIns::DEFAULT_PENDING_FOR,
        }),
        sign_outs: Arc::new(SignOuts {
            revocations: Arc::new(RevocationsInForce::new(store.clone(), clock.clone())),
            people: Arc::new(PeopleCare {
                people: store.clone(),
                deadlines: store.clone(),
                clock: clock.clone(),
            }),
            accounts: store.clone(),
            keys: keys.clone(),
            twitter: twitter.clone(),
            clock: clock.clone(),
            token_lifetime: JwtConfig::DEFAULT_LIFETIME,
        }),
        known_people: Arc::new(KnownPeople::new(store.clone())),
        profiles: Arc::new(Profiles {
            twitter,
            accounts: store.clone(),
            keys,
        }),
        registering: Arc::new(Registering::new(RegisteringPorts {
            registrations: store,
            quotas: Arc::new(quotas),
            clock: clock.clone(),
            ids: ids.clone(),
        })),
        catalogue: Arc::new(Catalogue::new(vec![learn_me()]).unwrap()),
        clock,
        ids,
    }
}

fn learn_me() -> Service {
    let queue = |name| QueueName::parse(name).unwrap();
    Service {
        service_type: ServiceType::parse("LEARNME").unwrap(),
        path: ServicePath::parse("learn_me").unwrap(),
        daily: BudgetPolicy {
            name: BudgetName::daily(),
            limit: 3,
            units: 1,
            window: WindowPolicy::parse(Period::Daily, "06:00", "Asia/Seoul").unwrap(),
            is_shared: false,
        },
        budgets: Vec::new(),
        cooldown: Duration::from_hours(7 * 24),
        training: TrainingPolicy::default(),
        queues: ServiceQueues {
            train: queue("train"),
            ready: queue("ready"),
            notify: queue("notify"),
            delete: queue("delete"),
        },
        notification: "Done".to_owned(),
    }
}
