use std::sync::Arc;

use lemon_test_servers::{PostgresServer, RedisServer, SqsServer};
use lemon_tests::{System, SystemBuilder};
use url::Url;

/// 64 bytes and 32 bytes, which replicas share.
const JWT_SECRET: &str = "cmVwbGljYXMgc2hhcmUgdGhlaXIga2V5cywgb3Igb25lIHdvdWxkIHR1cm4gYXdheSB3aG9tIGFub3RoZXIgbGV0IGluISE=";
const SEALING_KEY: &str = "k1:bGVtb25sZW1vbmxlbW9ubGVtb25sZW1vbmxlbW9ubGU=";

/// What replicas lean on: a database, counters and queues that no other test has.
pub(crate) struct Shared {
    pub(crate) postgres: Arc<PostgresServer>,
    pub(crate) redis: Arc<RedisServer>,
    pub(crate) sqs: Arc<SqsServer>,
    pub(crate) database: Url,
    pub(crate) key_prefix: String,
    queue_prefix: String,
}

impl Shared {
    /// With queues that are made already.
    pub(crate) async fn new() -> Self {
        let shared = Self::without_queues().await;
        let made = shared
            .on_sqs(System::builder())
            .run(&["queues", "create"])
            .await;
        assert!(made.status.success(), "{made:?}");
        shared
    }

    pub(crate) async fn without_queues() -> Self {
        let (postgres, redis) = (PostgresServer::get().await, RedisServer::get().await);
        let sqs = SqsServer::get().await;
        Self {
            database: postgres.database().await,
            key_prefix: redis.key_prefix(),
            queue_prefix: sqs.queue_prefix(),
            postgres,
            redis,
            sqs,
        }
    }

    /// The name of a queue.
    pub(crate) fn queue(&self, role: &str) -> String {
        format!("{}{role}", self.queue_prefix)
    }

    pub(crate) fn on_postgres(&self, system: SystemBuilder) -> SystemBuilder {
        system.env("LEMON_STORE__URL", self.database.as_str())
    }

    pub(crate) fn on_redis(&self, system: SystemBuilder) -> SystemBuilder {
        system
            .env("LEMON_QUOTA__URL", self.redis.url().as_str())
            .env("LEMON_QUOTA__KEY_PREFIX", &self.key_prefix)
    }

    pub(crate) fn on_sqs(&self, system: SystemBuilder) -> SystemBuilder {
        let system = ["train", "ready", "notify", "delete"]
            .iter()
            .fold(system, |system, role| {
                let variable = format!("LEMON_SERVICES__LEARN_ME__QUEUES__{}", role.to_uppercase());
                system.env(&variable, &self.queue(role))
            });
        self.on_sqs_with_the_usual_names(system)
    }

    /// With the queues that every test has which uses this.
    pub(crate) fn on_sqs_with_the_usual_names(&self, system: SystemBuilder) -> SystemBuilder {
        system
            .env("LEMON_QUEUE__URL", "sqs")
            .env("AWS_ENDPOINT_URL_SQS", self.sqs.endpoint().as_str())
            .env("AWS_REGION", SqsServer::REGION)
            .env("AWS_ACCESS_KEY_ID", SqsServer::ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SqsServer::SECRET_KEY)
    }

    /// One replica with the sandbox, whose queue is embedded.
    pub(crate) fn without_sqs(&self) -> SystemBuilder {
        let system = System::builder().env("LEMON_SANDBOX__TRAINING_SECONDS", "0");
        self.on_redis(self.on_postgres(system))
    }

    /// A replica with the sandbox.
    pub(crate) fn first(&self) -> SystemBuilder {
        let system = self.on_sqs(self.on_redis(self.on_postgres(System::builder())));
        system
            .env("LEMON_JWT__SECRETS", JWT_SECRET)
            .env("LEMON_STORE__SEALING_KEYS", SEALING_KEY)
            .env("LEMON_SANDBOX__TRAINING_SECONDS", "0")
    }

    /// A replica that takes the first one's sandbox for Twitter.
    pub(crate) fn another(&self, first: &System) -> SystemBuilder {
        self.first()
            .env("LEMON_TWITTER__URL", &first.sandbox_url(""))
            .env("LEMON_TWITTER__CONSUMER_KEY", "lemon-toolbox-sandbox")
            .env("LEMON_TWITTER__CONSUMER_SECRET", "nobody signs in here")
            .env("LEMON_TWITTER__CALLBACK_URL", &first.url("/"))
    }
}
