use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use directories::ProjectDirs;
use lemon_domain::{
    sealing::{SealingKey, SealingKeys},
    values::Catalogue,
};
use lemon_http::{Deadlines, JwtConfig, Origin};
use lemon_twitter::{TwitterApi, TwitterConfig};
use secrecy::SecretString;
use url::Url;

use super::StartError;
use crate::config::{
    ConfigError, Keys, QueueSettings, QuotaSettings, SandboxSettings, Settings, StoreSettings,
    TwitterSettings,
};

/// A web app under development, as its tools serve it.
const DEVELOPMENT_ORIGIN: &str = "http://localhost:3000";
/// The application's key at the sandbox Twitter, if none is given.
const SANDBOX_CONSUMER_KEY: &str = "lemon-toolbox-sandbox";
/// When keys must be given.
const NOT_SANDBOX: &str = "with a Twitter that is not the sandbox";

/// A configuration that was found right, with everything in its final form.
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

/// The deadlines of the API over a store and a counter with these.
pub(crate) fn deadlines(store: Duration, quota: Duration) -> Deadlines {
    Deadlines {
        // The store has the step's outcome within its deadline. Where nothing was stored, it tells the latest use
        // within another, and the counter is given the place back.
        storing: 2 * store + quota + Duration::from_secs(1),
        ..Deadlines::default()
    }
}

/// Which Twitter.
pub(crate) enum TwitterPlan {
    /// The stand-in, in this process. Its addresses are known once it listens.
    Sandbox(SandboxPlan),
    /// The real one, or one that speaks like it.
    Real(TwitterConfig),
}

/// The stand-ins, before they listen.
pub(crate) struct SandboxPlan {
    pub(crate) settings: SandboxSettings,
    pub(crate) callback_url: Option<Url>,
    pub(crate) api: TwitterApi,
    pub(crate) deadline: Duration,
    pub(crate) consumer_key: SecretString,
    pub(crate) consumer_secret: SecretString,
    pub(crate) token_key: SecretString,
}

/// What is outside: only a machine of its own, with the sandbox, makes keys for itself. Replicas must share theirs.
enum Outside {
    Sandbox(Keys),
    Real(Url),
}

impl Outside {
    fn of(twitter: &TwitterSettings, data_dir: &Path) -> Result<Self, StartError> {
        if twitter.is_sandbox() {
            return Ok(Self::Sandbox(made_keys(data_dir)?));
        }
        let url = Url::parse(&twitter.url).map_err(|_| {
            ConfigError::wrong("twitter.url", "it is neither \"sandbox\" nor a URL")
        })?;
        Ok(Self::Real(url))
    }
}

impl Plan {
    /// Checks a configuration and makes what a first run needs.
    pub(crate) fn new(settings: Settings) -> Result<Self, StartError> {
        settings.check_numbers()?;
        let data_dir = match settings.data_dir {
            Some(data_dir) => data_dir,
            None => ProjectDirs::from("", "", "lemon-toolbox")
                .map(|folders| folders.data_dir().to_owned())
                .ok_or_else(|| ConfigError::missing("data_dir", "as you have no home folder"))?,
        };
        let outside = Outside::of(&settings.twitter, &data_dir)?;
        let keys = match &outside {
            Outside::Sandbox(keys) => Some(keys),
            Outside::Real(_) => None,
        };
        let jwt = JwtConfig {
            secrets: or_made(
                "jwt.secrets",
                settings.jwt.secrets.0,
                keys.map(|keys| &keys.jwt_secret),
            )?,
            lifetime: Duration::from_secs(settings.jwt.lifetime_seconds),
        };
        let sealing_keys = or_made(
            "store.sealing_keys",
            settings.store.sealing_keys.0.clone(),
            keys.map(|keys| &keys.sealing_key),
        )?;
        let twitter = match outside {
            Outside::Sandbox(keys) => sandbox(settings.twitter, settings.sandbox, keys)?,
            Outside::Real(url) => real(settings.twitter, url)?,
        };
        Ok(Self {
            allowed_origins: origins(settings.http.allowed_origins.map(|origins| origins.0))?,
            http: settings.http.listen,
            docs: settings.http.docs,
            max_connections: settings.http.max_connections,
            ops: settings.ops.listen,
            sealing_keys: Arc::new(seals(&sealing_keys)?),
            catalogue: Arc::new(settings.services.catalogue()?),
            store: settings.store,
            quota: settings.quota,
            queue: settings.queue,
            jwt,
            twitter,
            data_dir,
        })
    }
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

/// The keys of the data folder, made on the first run.
fn made_keys(data_dir: &Path) -> anyhow::Result<Keys> {
    Keys::of(data_dir)
        .with_context(|| format!("the data folder {} cannot be used", data_dir.display()))
}

/// The configured secrets, or the one that this machine made.
fn or_made(
    key: &str,
    configured: Vec<SecretString>,
    made: Option<&SecretString>,
) -> Result<Vec<SecretString>, ConfigError> {
    match made {
        _ if !configured.is_empty() => Ok(configured),
        Some(made) => Ok(vec![made.clone()]),
        None => Err(ConfigError::missing(key, NOT_SANDBOX)),
    }
}

fn api(settings: &TwitterSettings) -> Result<TwitterApi, ConfigError> {
    settings
        .api
        .parse()
        .map_err(|fault| ConfigError::wrong("twitter.api", fault))
}

fn sandbox(
    twitter: TwitterSettings,
    settings: SandboxSettings,
    keys: Keys,
) -> Result<TwitterPlan, ConfigError> {
    let exposed = !settings.listen.ip().is_loopback();
    if exposed && !settings.anybody_may_sign_in_as_anybody {
        let fault = "anybody can sign in as anybody there, so it is a loopback address unless \
                     sandbox.anybody_may_sign_in_as_anybody is true";
        return Err(ConfigError::wrong("sandbox.listen", fault));
    }
    Ok(TwitterPlan::Sandbox(SandboxPlan {
        api: api(&twitter)?,
        deadline: Duration::from_millis(twitter.deadline_ms),
        callback_url: twitter.callback_url,
        consumer_key: twitter
            .consumer_key
            .unwrap_or_else(|| SecretString::from(SANDBOX_CONSUMER_KEY)),
        consumer_secret: twitter
            .consumer_secret
            .unwrap_or(keys.sandbox_consumer_secret),
        token_key: keys.sandbox_token_key,
        settings,
    }))
}

fn real(settings: TwitterSettings, url: Url) -> Result<TwitterPlan, ConfigError> {
    let required = |key: &str| ConfigError::missing(key, NOT_SANDBOX);
    Ok(TwitterPlan::Real(TwitterConfig {
        api: api(&settings)?,
        url,
        consumer_key: settings
            .consumer_key
            .ok_or_else(|| required("twitter.consumer_key"))?,
        consumer_secret: settings
            .consumer_secret
            .ok_or_else(|| required("twitter.consumer_secret"))?,
        callback_url: settings
            .callback_url
            .ok_or_else(|| required("twitter.callback_url"))?,
        deadline: Duration::from_millis(settings.deadline_ms),
    }))
}

#[cfg(test)]
mod tests {
    use lemon_consumer::{ConsumerConfig, RelayConfig};
    use lemon_domain::usecases::Registering;
    use lemon_sandbox::Workers;
    use lemon_worker::TrainingWatch;

    use super::*;
    use crate::{
        LAST_WAIT,
        app::running::{BACK_DEADLINE, FRONT_DEADLINE},
        config::{LONGEST_DEADLINE, LONGEST_QUEUE_DEADLINE},
    };

    /// What the README promises. Who asks a process to end usually kills it after 30 s.
    const STOP: Duration = Duration::from_secs(25);
    /// What else a machine has to do.
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
            Workers::STOP_WITHIN,
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
        // Clocks may differ.
        assert!(longest + Duration::from_secs(20) < Registering::GRACE);
    }
}
