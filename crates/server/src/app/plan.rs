use std::{path::PathBuf, sync::Arc, time::Duration};

use directories::ProjectDirs;
use lemon_domain::{
    sealing::{SealingKey, SealingKeys},
    values::Catalogue,
};
use lemon_http::{Deadlines, JwtConfig, Origin, Tokens};
use lemon_system::{SystemClock, SystemIds};
use lemon_twitter::{TwitterApi, TwitterApp, TwitterConfig};
use secrecy::SecretString;
use url::Url;

#[cfg(feature = "sandbox")]
use super::sandbox::SandboxPlan;
#[cfg(not(feature = "sandbox"))]
use super::without_sandbox;
use super::{StartError, connections};
use crate::config::{
    ConfigError, QueueSettings, QuotaSettings, Settings, StoreSettings, TwitterSettings,
};

/// A web app under development, as its development server serves it.
const DEVELOPMENT_ORIGIN: &str = "http://localhost:3000";
/// When keys are required.
const NOT_SANDBOX: &str = "with a Twitter that is not the sandbox";
/// When the URLs of parts are required.
const NAMED: &str =
    "with a Twitter that is not the sandbox; \"embedded\" is a choice, for one replica alone";
/// The fault of a wrong `twitter.url`.
const NO_TWITTER: &str = if cfg!(feature = "sandbox") {
    "it is neither \"sandbox\" nor a URL"
} else {
    "it is not a URL"
};

/// A configuration that was checked, with all values in their final form.
pub(crate) struct Plan {
    pub(crate) data_dir: PathBuf,
    pub(crate) http: std::net::SocketAddr,
    pub(crate) allowed_origins: Vec<Origin>,
    pub(crate) docs: bool,
    pub(crate) max_connections: Option<usize>,
    pub(crate) jwt: JwtConfig,
    pub(crate) ops: std::net::SocketAddr,
    pub(crate) store: StoreSettings,
    pub(crate) sealing_keys: Arc<SealingKeys>,
    pub(crate) quota: QuotaSettings,
    pub(crate) queue: QueueSettings,
    pub(crate) twitter: TwitterPlan,
    pub(crate) catalogue: Arc<Catalogue>,
}

/// The deadlines of the API, for a store and a counter with these deadlines.
pub(crate) fn deadlines(store: Duration, quota: Duration) -> Deadlines {
    Deadlines {
        // The store has the outcome of the step within its deadline. If nothing was stored, it reads the latest use
        // within another deadline, and the place is given back to the counter.
        storing: 2 * store + quota + Duration::from_secs(1),
        ..Deadlines::default()
    }
}

/// The Twitter that is used.
pub(crate) enum TwitterPlan {
    /// The stand-in, in this process. Its address is known when it listens.
    #[cfg(feature = "sandbox")]
    Sandbox(SandboxPlan),
    /// The real one, or one with the same API.
    Real(TwitterConfig),
}

impl Plan {
    /// Checks a configuration, and then makes what a first run needs: a refused configuration changes nothing.
    pub(crate) fn new(settings: Settings) -> Result<Self, StartError> {
        #[cfg(not(feature = "sandbox"))]
        without_sandbox::check(&settings)?;
        settings.check_numbers()?;
        let catalogue = Arc::new(settings.services.catalogue(&settings.budgets)?);
        let allowed_origins = origins(settings.http.allowed_origins.map(|origins| origins.0))?;
        connections::check(&settings.store, &settings.quota, &settings.queue)?;
        let api = settings
            .twitter
            .api
            .parse()
            .map_err(|fault| ConfigError::wrong("twitter.api", fault))?;
        let lifetime = Duration::from_secs(settings.jwt.lifetime_seconds);
        let secrets = settings.jwt.secrets.0;
        let jwt = given(secrets, |secrets| tokens(secrets, lifetime))?;
        let sealing_keys = given(settings.store.sealing_keys.0.clone(), |keys| seals(&keys))?;
        let data_dir = match settings.data_dir {
            Some(data_dir) => data_dir,
            None => ProjectDirs::from("", "", "lemon-toolbox")
                .map(|folders| folders.data_dir().to_owned())
                .ok_or_else(|| ConfigError::missing("data_dir", "as you have no home folder"))?,
        };
        // Only a single machine with the sandbox makes its own keys. Replicas must share theirs.
        let (jwt, sealing_keys, twitter) = match Url::parse(&settings.twitter.url) {
            Ok(url) => {
                let required = |key| ConfigError::missing(key, NOT_SANDBOX);
                let jwt = jwt.ok_or_else(|| required("jwt.secrets"))?;
                let sealing_keys = sealing_keys.ok_or_else(|| required("store.sealing_keys"))?;
                // Replicas that forget one of these would each have their own.
                for (key, is_named) in [
                    ("store.url", settings.store.url.is_some()),
                    ("quota.url", settings.quota.url.is_some()),
                    ("queue.url", settings.queue.url.is_some()),
                ] {
                    if !is_named {
                        return Err(ConfigError::missing(key, NAMED).into());
                    }
                }
                (jwt, sealing_keys, real(settings.twitter, api, url)?)
            }
            #[cfg(feature = "sandbox")]
            Err(_) if settings.twitter.is_sandbox() => {
                let plan = SandboxPlan::new(settings.twitter, settings.sandbox, api, &data_dir)?;
                (
                    jwt.map_or_else(|| tokens(vec![plan.jwt_secret.clone()], lifetime), Ok)?,
                    sealing_keys
                        .map_or_else(|| seals(std::slice::from_ref(&plan.sealing_key)), Ok)?,
                    TwitterPlan::Sandbox(plan),
                )
            }
            Err(_) => return Err(ConfigError::wrong("twitter.url", NO_TWITTER).into()),
        };
        Ok(Self {
            allowed_origins,
            http: settings.http.listen,
            docs: settings.http.docs,
            max_connections: settings.http.max_connections,
            ops: settings.ops.listen,
            sealing_keys: Arc::new(sealing_keys),
            catalogue,
            store: settings.store,
            quota: settings.quota,
            queue: settings.queue,
            jwt,
            twitter,
            data_dir,
        })
    }
}

impl Plan {
    /// The keys of parts that replicas cannot share. With the sandbox there is one process, and none is a fault.
    pub(crate) fn unshared(&self) -> Vec<&'static str> {
        if !matches!(self.twitter, TwitterPlan::Real(_)) {
            return Vec::new();
        }
        let parts = [
            ("store.url", !self.store.is_postgresql()),
            ("quota.url", self.quota.is_embedded()),
            ("queue.url", self.queue.is_embedded()),
        ];
        let unshared = parts.into_iter().filter(|(_, is_unshared)| *is_unshared);
        unshared.map(|(key, _)| key).collect()
    }
}

/// Converts the secrets, if any are given.
fn given<T>(
    secrets: Vec<SecretString>,
    made: impl FnOnce(Vec<SecretString>) -> Result<T, ConfigError>,
) -> Result<Option<T>, ConfigError> {
    (!secrets.is_empty()).then(|| made(secrets)).transpose()
}

/// The configuration of tokens, after a check that tokens can be made with it.
fn tokens(secrets: Vec<SecretString>, lifetime: Duration) -> Result<JwtConfig, ConfigError> {
    let jwt = JwtConfig { secrets, lifetime };
    Tokens::new(&jwt, Arc::new(SystemClock), Arc::new(SystemIds))
        .map_err(|fault| ConfigError::wrong("jwt.secrets", fault))?;
    Ok(jwt)
}

fn seals(keys: &[SecretString]) -> Result<SealingKeys, ConfigError> {
    keys.iter()
        .map(SealingKey::parse)
        .collect::<Result<_, _>>()
        .and_then(SealingKeys::new)
        .map_err(|fault| ConfigError::wrong("store.sealing_keys", fault))
}

fn origins(configured: Option<Vec<String>>) -> Result<Vec<Origin>, ConfigError> {
    configured
        .unwrap_or_else(|| vec![DEVELOPMENT_ORIGIN.to_owned()])
        .iter()
        .map(|origin| Origin::parse(origin))
        .collect::<Result<_, _>>()
        .map_err(|fault| ConfigError::wrong("http.allowed_origins", fault))
}

fn real(settings: TwitterSettings, api: TwitterApi, url: Url) -> Result<TwitterPlan, ConfigError> {
    let required = |key: &str| ConfigError::missing(key, NOT_SANDBOX);
    let app = TwitterApp {
        consumer_key: settings
            .consumer_key
            .ok_or_else(|| required("twitter.consumer_key"))?,
        consumer_secret: settings
            .consumer_secret
            .ok_or_else(|| required("twitter.consumer_secret"))?,
        callback_url: settings
            .callback_url
            .ok_or_else(|| required("twitter.callback_url"))?,
    };
    let config = TwitterConfig::new(url, app)
        .with_api(api)
        .with_deadline(Duration::from_millis(settings.deadline_ms));
    Ok(TwitterPlan::Real(config))
}

#[cfg(test)]
mod tests {
    use lemon_consumer::{ConsumerConfig, RelayConfig};
    use lemon_domain::usecases::Registering;
    use lemon_worker::TrainingWatch;

    use super::*;
    use crate::{
        LAST_WAIT,
        app::running::{BACK_DEADLINE, FRONT_DEADLINE},
        config::{LONGEST_DEADLINE, LONGEST_QUEUE_DEADLINE},
    };

    /// The limit in the README. A supervisor usually kills a process 30 s after it has asked it to end.
    const STOP: Duration = Duration::from_secs(25);
    /// Time for the other work of a machine.
    const SLACK: Duration = Duration::from_millis(500);

    #[test]
    fn with_the_longest_deadlines_the_parts_of_a_stop_add_up() {
        let calls = deadlines(LONGEST_DEADLINE, LONGEST_DEADLINE);
        assert!(calls.call + calls.storing + SLACK <= calls.shutdown);
        assert!(calls.twitter + SLACK <= calls.shutdown);
        let consumer = ConsumerConfig::default();
        assert!(consumer.longest_drain(LONGEST_QUEUE_DEADLINE) + SLACK <= consumer.drain);
        for part in [
            calls.shutdown,
            consumer.drain,
            RelayConfig::default().drain,
            TrainingWatch::STOP_WITHIN,
        ] {
            assert!(part + SLACK <= FRONT_DEADLINE);
        }
        assert!(FRONT_DEADLINE + SLACK <= BACK_DEADLINE);
        assert!(BACK_DEADLINE + LAST_WAIT < STOP);
    }

    #[test]
    fn no_deadline_outlasts_the_grace_of_a_reservation() {
        let calls = deadlines(LONGEST_DEADLINE, LONGEST_DEADLINE);
        let longest = calls.call + calls.storing;
        // The clocks of replicas may differ.
        assert!(longest + Duration::from_secs(20) < Registering::GRACE);
    }
}
