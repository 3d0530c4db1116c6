use std::{net::SocketAddr, path::PathBuf, time::Duration};

use config::{Config, ConfigBuilder, builder::DefaultState};
use lemon_http::{Deadlines, HttpConfig};
use lemon_postgres::StoreConfig;
use lemon_redis::RedisConfig;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

#[cfg(feature = "sandbox")]
use super::sandbox::SandboxSettings;
use super::{
    budgets::SharedBudgetsSettings, limits::LimitsSettings, list::List, log::LogSettings,
    loopback::loopback, services::ServicesSettings, sign_in::SignInSettings,
    traces::TracesSettings, workers::WorkersSettings,
};

/// The value of `store.url`, `quota.url` and `queue.url` for parts without a server.
pub(crate) const EMBEDDED: &str = "embedded";
/// The value of `queue.url` for SQS, at the address that the AWS SDK's own variables give.
pub(crate) const SQS: &str = "sqs";
/// The value of `queue.credentials` for jobs that carry the credentials of their account.
pub(crate) const INLINE: &str = "inline";
/// The value of `queue.credentials` for jobs that carry a ticket instead.
pub(crate) const BY_REFERENCE: &str = "reference";
/// The value of `twitter.url` for the sandbox.
pub(crate) const SANDBOX: &str = "sandbox";

/// All that can be configured. An unknown key prevents the start.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) start: StartSettings,
    pub(crate) http: HttpSettings,
    pub(crate) limits: LimitsSettings,
    pub(crate) ops: OpsSettings,
    pub(crate) store: StoreSettings,
    pub(crate) quota: QuotaSettings,
    pub(crate) queue: QueueSettings,
    pub(crate) workers: WorkersSettings,
    pub(crate) twitter: TwitterSettings,
    #[cfg(feature = "sandbox")]
    pub(crate) sandbox: SandboxSettings,
    /// The plan refuses this section, whatever it contains.
    #[cfg(not(feature = "sandbox"))]
    pub(crate) sandbox: Option<serde::de::IgnoredAny>,
    pub(crate) sign_in: SignInSettings,
    pub(crate) jwt: JwtSettings,
    pub(crate) log: LogSettings,
    pub(crate) traces: TracesSettings,
    pub(crate) budgets: SharedBudgetsSettings,
    pub(crate) services: ServicesSettings,
}

impl Settings {
    /// Tells whether a key such as `store.url` exists: if so, reading any value of it does not fail with an unknown
    /// key.
    pub(super) fn have(path: &str) -> bool {
        if !cfg!(feature = "sandbox") && path.split('.').next() == Some("sandbox") {
            return false;
        }
        let with = Config::builder().set_override(path, "");
        let settings = with
            .and_then(ConfigBuilder::<DefaultState>::build)
            .and_then(Config::try_deserialize::<Self>);
        settings.map_or_else(
            |error| !error.to_string().contains("unknown field"),
            |_| true,
        )
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StartSettings {
    /// How long a start waits for each part that is not there yet.
    pub(crate) wait_seconds: u64,
}

impl Default for StartSettings {
    fn default() -> Self {
        Self { wait_seconds: 30 }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HttpSettings {
    pub(crate) listen: SocketAddr,
    pub(crate) allowed_origins: Option<List<String>>,
    /// Swagger UI and the OpenAPI document.
    pub(crate) docs: bool,
    /// Connections to the API at a time; if none is given, the limit of descriptors determines it.
    pub(crate) max_connections: Option<usize>,
    /// Connections of one address at a time, and 0 for any number; if none is given, a quarter of all for an address of the internet.
    pub(crate) max_connections_per_address: Option<usize>,
    /// The networks of the proxies in front, whose word for a caller's address is taken.
    pub(crate) proxies: List<String>,
    /// `x-forwarded-for` or `forwarded`.
    pub(crate) proxy_header: String,
    /// Names of this server, besides those of this machine: what listens on loopback answers for no others.
    pub(crate) hosts: List<String>,
    /// How long a profile is kept, here and by the browser.
    pub(crate) profile_cache_seconds: u64,
    /// How long a connection without a call is kept.
    pub(crate) keep_alive_seconds: u64,
    /// How long the API still accepts calls after the process was asked to end by SIGTERM.
    pub(crate) drain_seconds: u64,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            listen: loopback(8080),
            allowed_origins: None,
            docs: true,
            max_connections: None,
            max_connections_per_address: None,
            proxies: List::default(),
            proxy_header: "x-forwarded-for".to_owned(),
            hosts: List::default(),
            profile_cache_seconds: HttpConfig::DEFAULT_KEEP_PROFILES.as_secs(),
            keep_alive_seconds: Deadlines::DEFAULT_KEEP_ALIVE.as_secs(),
            drain_seconds: 5,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OpsSettings {
    pub(crate) listen: SocketAddr,
}

impl Default for OpsSettings {
    fn default() -> Self {
        Self {
            listen: loopback(8082),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StoreSettings {
    /// `embedded`, which is a file in the data folder, `sqlite://…` or `postgres://…`, which may hold a password.
    pub(crate) url: Option<SecretString>,
    pub(crate) sealing_keys: List<SecretString>,
    pub(crate) max_connections: u32,
    pub(crate) deadline_ms: u64,
    /// The name of the sessions in PostgreSQL.
    pub(crate) application_name: String,
    /// Whether a start migrates: `auto` or `never`.
    pub(crate) migrate: String,
    /// What a connection leads to: `session` or `transaction`.
    pub(crate) pooling: String,
    /// By default, what works with `pooling` in any case.
    pub(crate) prepared_statements: Option<bool>,
    /// The same PostgreSQL past a pooler, to listen and to migrate; may hold a password.
    pub(crate) direct_url: Option<SecretString>,
    /// Whether PostgreSQL tells of what other replicas do.
    pub(crate) listen: bool,
}

impl StoreSettings {
    /// The address of a database, or `None` for the file in the data folder.
    pub(crate) fn address(&self) -> Option<&SecretString> {
        self.url
            .as_ref()
            .filter(|url| url.expose_secret() != EMBEDDED)
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            url: None,
            sealing_keys: List::default(),
            max_connections: StoreConfig::DEFAULT_MAX_CONNECTIONS,
            deadline_ms: 2_000,
            application_name: StoreConfig::DEFAULT_APPLICATION_NAME.to_owned(),
            migrate: "auto".to_owned(),
            pooling: "session".to_owned(),
            prepared_statements: None,
            direct_url: None,
            listen: true,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct QuotaSettings {
    /// `embedded`, or the address of a Redis, which may contain a password.
    pub(crate) url: Option<SecretString>,
    pub(crate) pool_size: usize,
    pub(crate) deadline_ms: u64,
    /// How old an answer of Redis about a budget's usage may be for `can-use`; 0 asks for each.
    pub(crate) max_age_ms: u64,
    pub(crate) key_prefix: String,
}

impl QuotaSettings {
    /// The address of a Redis, or `None` for the counter of this process alone.
    pub(crate) fn address(&self) -> Option<&SecretString> {
        self.url
            .as_ref()
            .filter(|url| url.expose_secret() != EMBEDDED)
    }
}

impl Default for QuotaSettings {
    fn default() -> Self {
        Self {
            url: None,
            pool_size: RedisConfig::DEFAULT_POOL_SIZE.get(),
            deadline_ms: 2_000,
            max_age_ms: 5,
            key_prefix: RedisConfig::DEFAULT_KEY_PREFIX.to_owned(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct QueueSettings {
    /// `embedded` or `sqs`.
    pub(crate) url: Option<String>,
    pub(crate) visibility_seconds: u64,
    /// Of each call to SQS.
    pub(crate) deadline_ms: u64,
    /// How jobs bring the credentials of their account: `inline` or `reference`.
    pub(crate) credentials: String,
    /// How long the ticket of a job can be redeemed.
    pub(crate) ticket_seconds: u64,
}

impl QueueSettings {
    /// How long a received message is hidden.
    pub(crate) const fn visibility(&self) -> Duration {
        Duration::from_secs(self.visibility_seconds)
    }

    /// The configured value, or else `embedded`.
    pub(crate) fn url(&self) -> &str {
        self.url.as_deref().unwrap_or(EMBEDDED)
    }
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            url: None,
            visibility_seconds: 30,
            deadline_ms: 5_000,
            credentials: INLINE.to_owned(),
            ticket_seconds: 6 * 60 * 60,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TwitterSettings {
    pub(crate) url: String,
    /// `v2` or `v1.1`.
    pub(crate) api: String,
    pub(crate) consumer_key: Option<SecretString>,
    pub(crate) consumer_secret: Option<SecretString>,
    pub(crate) callback_url: Option<url::Url>,
    pub(crate) deadline_ms: u64,
}

impl TwitterSettings {
    /// Tells whether the sandbox replaces Twitter.
    pub(crate) fn is_sandbox(&self) -> bool {
        self.url == SANDBOX
    }
}

impl Default for TwitterSettings {
    fn default() -> Self {
        Self {
            url: SANDBOX.to_owned(),
            api: "v2".to_owned(),
            consumer_key: None,
            consumer_secret: None,
            callback_url: None,
            deadline_ms: 5_000,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct JwtSettings {
    pub(crate) secrets: List<SecretString>,
    pub(crate) lifetime_seconds: u64,
}

impl Default for JwtSettings {
    fn default() -> Self {
        Self {
            secrets: List::default(),
            lifetime_seconds: 2_629_800,
        }
    }
}
