//! Ready messages while the store is there and cannot do its work: the listener on a real PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use lemon_consumer::ConsumerConfig;
use lemon_domain::{
    ports::{
        Accounts, Deletion, FinishOutcome, JobQueue, NewRegistration, Outgoing, Publication,
        Registrations, RequestOutcome, ReservedPlace, SignIn, StoreError,
    },
    sealing::Sealed,
    usecases::Trainings,
    values::{
        AccountId, BudgetName, BudgetPolicy, Catalogue, IdempotencyKey, Identity, Period,
        ProviderUserId, QueueName, Registered, Registration, RequestId, Service, ServicePath,
        ServiceQueues, ServiceType, TrainingPolicy, TrainingReady, TrainingState, Use, UserId,
        WindowPolicy,
    },
    with_causes,
};
use lemon_fakes::{FakeClock, MemoryJobQueue, SequentialIds};
use lemon_postgres::{SqlStore, StoreConfig};
use lemon_test_servers::PostgresServer;
use lemon_tests::wait_until;
use lemon_worker::ReadyListener;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

/// A fault of the store, and how it comes and goes, where `$db` is the database and `$role` whose it is.
struct Fault {
    begin: &'static [&'static str],
    end: &'static [&'static str],
    /// What PostgreSQL says of it.
    said: &'static str,
}

/// Ends the sessions of the store, so that it has to connect again.
const END_SESSIONS: &str =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '$role'";

#[tokio::test]
async fn while_the_store_takes_no_changes() {
    a_ready_message_is_held_and_finished_afterwards(Fault {
        begin: &[
            "ALTER DATABASE $db SET default_transaction_read_only = on",
            END_SESSIONS,
        ],
        end: &["ALTER DATABASE $db RESET default_transaction_read_only"],
        said: "read-only transaction",
    })
    .await;
}

#[tokio::test]
async fn while_a_table_is_missing() {
    a_ready_message_is_held_and_finished_afterwards(Fault {
        begin: &["ALTER TABLE registrations RENAME TO elsewhere"],
        end: &["ALTER TABLE elsewhere RENAME TO registrations"],
        said: "does not exist",
    })
    .await;
}

#[tokio::test]
async fn while_the_right_to_a_table_is_revoked() {
    a_ready_message_is_held_and_finished_afterwards(Fault {
        begin: &["REVOKE ALL ON registrations FROM $role"],
        end: &["GRANT ALL ON registrations TO $role"],
        said: "permission denied for table",
    })
    .await;
}

#[tokio::test]
async fn while_the_right_to_connect_is_revoked() {
    a_ready_message_is_held_and_finished_afterwards(Fault {
        begin: &[
            "REVOKE CONNECT ON DATABASE $db FROM $role, PUBLIC",
            END_SESSIONS,
        ],
        end: &["GRANT CONNECT ON DATABASE $db TO $role"],
        said: "permission denied for database",
    })
    .await;
}

#[tokio::test]
async fn while_the_password_is_another() {
    a_ready_message_is_held_and_finished_afterwards(Fault {
        begin: &["ALTER ROLE $role PASSWORD 'another'", END_SESSIONS],
        end: &["ALTER ROLE $role PASSWORD 'right'"],
        said: "password authentication failed",
    })
    .await;
}

#[tokio::test]
async fn while_the_role_may_not_log_in() {
    a_ready_message_is_held_and_finished_afterwards(Fault {
        begin: &["ALTER ROLE $role NOLOGIN", END_SESSIONS],
        end: &["ALTER ROLE $role LOGIN"],
        said: "not permitted to log in",
    })
    .await;
}

#[tokio::test]
async fn while_the_role_has_too_many_connections() {
    a_ready_message_is_held_and_finished_afterwards(Fault {
        begin: &["ALTER ROLE $role CONNECTION LIMIT 0", END_SESSIONS],
        end: &["ALTER ROLE $role CONNECTION LIMIT -1"],
        said: "too many connections for role",
    })
    .await;
}

#[tokio::test]
async fn while_the_database_accepts_no_connections() {
    a_ready_message_is_held_and_finished_afterwards(Fault {
        begin: &[
            "UPDATE pg_database SET datallowconn = false WHERE datname = '$db'",
            END_SESSIONS,
        ],
        end: &["UPDATE pg_database SET datallowconn = true WHERE datname = '$db'"],
        said: "not currently accepting connections",
    })
    .await;
}

async fn a_ready_message_is_held_and_finished_afterwards(fault: Fault) {
    let system = System::new().await;
    let listening = system.listen();
    system.operate(fault.begin).await;
    system.send_ready().await;
    let mut tries = system.store.failures.subscribe();
    wait_until("the store has failed three times", async || {
        assert_eq!(system.queue.dead_messages(&ready_queue()), []);
        let failures = tries.borrow_and_update();
        (failures.len() >= 3).then(|| {
            assert!(failures[0].contains(fault.said), "{failures:?}");
        })
    })
    .await;
    system.operate(fault.end).await;
    wait_until("the training has finished", async || {
        let list = system.store.inner.list(system.who.user).await.ok()?;
        (list.first()?.state == TrainingState::Ready).then_some(())
    })
    .await;
    wait_until("the message is acknowledged", async || {
        let left = system.queue.bodies(&ready_queue());
        left.is_empty().then_some(())
    })
    .await;
    assert_eq!(system.queue.dead_messages(&ready_queue()), []);
    listening.cancel();
}

/// A store on PostgreSQL, somebody who waits for their training, and the workers' queue.
struct System {
    operator: DatabaseConnection,
    database: String,
    role: String,
    store: Arc<Watched>,
    queue: Arc<MemoryJobQueue>,
    clock: Arc<FakeClock>,
    who: Identity,
    _server: Arc<PostgresServer>,
}

impl System {
    async fn new() -> Self {
        let server = PostgresServer::get().await;
        let database = server.database().await;
        let operator = operator(&database).await;
        let url = server.owned(&database).await;
        let config = StoreConfig::new(url.as_str()).with_deadline(Duration::from_secs(15));
        let store = SqlStore::connect(&config).await.unwrap();
        store.migrate().await.unwrap();
        let clock = Arc::new(FakeClock::default());
        let who = register(&store).await;
        Self {
            operator,
            database: database.path().trim_start_matches('/').to_owned(),
            role: url.username().to_owned(),
            store: Arc::new(Watched::new(store)),
            queue: Arc::new(MemoryJobQueue::new(clock.clone(), [ready_queue()])),
            clock,
            who,
            _server: server,
        }
    }

    /// Has the operator of the database do this.
    async fn operate(&self, commands: &[&str]) {
        for command in commands {
            let command = command.replace("$db", &self.database);
            let command = command.replace("$role", &self.role);
            self.operator.execute_unprepared(&command).await.unwrap();
        }
    }

    fn listen(&self) -> CancellationToken {
        let listener = ReadyListener {
            control: lemon_consumer::Control::default(),
            tracer: lemon_domain::traces::Tracer::off(),
            queue: self.queue.clone(),
            trainings: Arc::new(Trainings {
                registrations: self.store.clone(),
                clock: self.clock.clone(),
                ids: Arc::new(SequentialIds::default()),
            }),
            catalogue: Arc::new(Catalogue::new(vec![learn_me()]).unwrap()),
            config: ConsumerConfig::default(),
        };
        let stop = CancellationToken::new();
        tokio::spawn(Arc::new(listener).run(stop.clone()));
        stop
    }

    async fn send_ready(&self) {
        let body = serde_json::json!({
            "oauth_user_id": 1, "oauth_type": "TWITTER", "service_name": "LEARNME",
        });
        let ready = Outgoing {
            id: Uuid::nil(),
            body: body.to_string(),
            trace: None,
        };
        for sent in self.queue.send(&ready_queue(), vec![ready]).await {
            sent.unwrap();
        }
    }
}

/// A session that a fault of the store does not end.
async fn operator(database: &Url) -> DatabaseConnection {
    let mut options = ConnectOptions::new(database.as_str());
    options
        .max_connections(1)
        .idle_timeout(Duration::from_mins(10));
    Database::connect(options).await.unwrap()
}

fn ready_queue() -> QueueName {
    QueueName::parse("ready").unwrap()
}

fn learn_me() -> Service {
    let queue = |name: &str| QueueName::parse(name).unwrap();
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
        budgets: vec![],
        cooldown: Duration::from_hours(7 * 24),
        training: TrainingPolicy::default(),
        queues: ServiceQueues {
            train: queue("train"),
            ready: ready_queue(),
            notify: queue("notify"),
            delete: queue("delete"),
        },
        notification: "It is ready.".to_owned(),
    }
}

async fn register(store: &SqlStore) -> Identity {
    let at: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().unwrap();
    let account = AccountId::twitter(ProviderUserId::try_from(1).unwrap());
    let credentials = Sealed {
        key_id: "k1".to_owned(),
        data: vec![7; 64],
    };
    let sign_in = SignIn {
        account,
        credentials,
        at,
    };
    let user = store.sign_in(sign_in).await.unwrap();
    let identity = Identity { user, account };
    let daily = learn_me().budgets_at(at).remove(0);
    let new = NewRegistration {
        identity,
        service: learn_me().service_type,
        request_id: RequestId::new(Uuid::from_u128(1)),
        turn: 1,
        places: vec![ReservedPlace {
            key: daily.key,
            seat: 1,
            units: 1,
            limit: 400,
        }],
        attempt: None,
        at,
        cooldown_until: at + TimeDelta::days(7),
    };
    let stored = store.request(new).await.unwrap();
    assert_eq!(stored, RequestOutcome::Registered);
    identity
}

/// The store, and what it could not do of ready messages.
struct Watched {
    inner: SqlStore,
    failures: watch::Sender<Vec<String>>,
}

impl Watched {
    fn new(inner: SqlStore) -> Self {
        Self {
            inner,
            failures: watch::Sender::default(),
        }
    }
}

#[async_trait]
impl Registrations for Watched {
    async fn finish(
        &self,
        ready: &TrainingReady,
        request_id: RequestId,
        at: DateTime<Utc>,
    ) -> Result<FinishOutcome, StoreError> {
        let outcome = self.inner.finish(ready, request_id, at).await;
        if let Err(error) = &outcome {
            self.failures
                .send_modify(|failures| failures.push(with_causes(error)));
        }
        outcome
    }

    async fn last_use(&self, _: UserId, _: &ServiceType) -> Result<Option<Use>, StoreError> {
        unreachable!("a listener finishes")
    }

    async fn answered(
        &self,
        _: UserId,
        _: &ServiceType,
        _: &IdempotencyKey,
    ) -> Result<Option<Registered>, StoreError> {
        unreachable!("a listener finishes")
    }

    async fn request(&self, _: NewRegistration) -> Result<RequestOutcome, StoreError> {
        unreachable!("a listener finishes")
    }

    async fn delete(&self, _: Deletion) -> Result<Option<RequestId>, StoreError> {
        unreachable!("a listener finishes")
    }

    async fn set_public(&self, _: Publication) -> Result<Option<Registration>, StoreError> {
        unreachable!("a listener finishes")
    }

    async fn list(&self, _: UserId) -> Result<Vec<Registration>, StoreError> {
        unreachable!("a listener finishes")
    }
}
