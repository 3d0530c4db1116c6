use std::{path::PathBuf, sync::Arc, time::Duration};

use directories::ProjectDirs;
use lemon_domain::{sealing::SealingKeys, values::Catalogue};
use lemon_http::{
    BrowserConfig, ConnectionShare, Deadlines, ForwardingHeader, JwtConfig, Origin, Protection,
    Proxies, Tokens,
};
use lemon_system::{SystemClock, SystemIds};
use lemon_twitter::{TwitterApi, TwitterApp, TwitterConfig};
use secrecy::SecretString;
use url::Url;

#[cfg(feature = "sandbox")]
use super::sandbox::SandboxPlan;
#[cfg(feature = "traces")]
use super::traces::TracesPlan;
#[cfg(not(feature = "sandbox"))]
use super::without_sandbox;
#[cfg(not(feature = "traces"))]
use super::without_traces;
use super::{
    StartError,
    connections::{Patience, QueuePlan, QuotaPlan, StorePlan},
    job_credentials::JobCredentialsPlan,
    sealing::seals,
};
use crate::config::{ConfigError, Settings, StartSettings, TwitterSettings};

/// A web app under development, as its development server serves it.
const DEVELOPMENT_ORIGIN: &str = "http://localhost:3000";
/// When keys are required.
const NOT_SANDBOX: &str = "with a Twitter that is not the sandbox";
/// When the URLs of parts are required.
const NAMED: &str =
    "with a Twitter that is not the sandbox; \"embedded\" is allowed, but only for one replica";
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
    /// Of the API. If the configuration has no number, its connections are [`ConnectionShare::Unlimited`] until the total is known.
    pub(crate) protection: Protection,
    /// Whether the configuration has no number for the connections of an address.
    pub(crate) shares_connections: bool,
    pub(crate) keep_profiles: Duration,
    pub(crate) keep_alive: Duration,
    pub(crate) drain: Duration,
    pub(crate) patience: Patience,
    pub(crate) browser: BrowserConfig,
    pub(crate) jwt: JwtConfig,
    pub(crate) ops: std::net::SocketAddr,
    pub(crate) store: StorePlan,
    pub(crate) sealing_keys: Arc<SealingKeys>,
    pub(crate) quota: QuotaPlan,
    pub(crate) queue: QueuePlan,
    pub(crate) job_credentials: JobCredentialsPlan,
    pub(crate) twitter: TwitterPlan,
    pub(crate) catalogue: Arc<Catalogue>,
    #[cfg(feature = "traces")]
    pub(crate) traces: Option<TracesPlan>,
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
        #[cfg(not(feature = "traces"))]
        without_traces::check(&settings.traces)?;
        settings.check_numbers()?;
        #[cfg(feature = "traces")]
        let traces = TracesPlan::new(&settings.traces)?;
        let named = check_named(&settings, &["store.url", "quota.url", "queue.url"]);
        let protection = protection(&settings)?;
        let job_credentials = JobCredentialsPlan::new(&settings)?;
        let shares_connections = settings.http.max_connections_per_address.is_none();
        let data_dir = data_dir(&settings)?;
        let catalogue = Arc::new(settings.services.catalogue(&settings.budgets)?);
        let store = StorePlan::new(&settings.store, &data_dir)?;
        let quota = QuotaPlan::new(&settings.quota, &data_dir, &catalogue)?;
        let queue = QueuePlan::new(&settings.queue, &data_dir)?;
        #[cfg(feature = "sandbox")]
        let names_origins = settings.http.allowed_origins.is_some();
        let allowed_origins = origins(settings.http.allowed_origins.map(|origins| origins.0))?;
        let api = settings
            .twitter
            .api
            .parse()
            .map_err(|fault| ConfigError::wrong("twitter.api", fault))?;
        let browser = settings
            .sign_in
            .browser(settings.twitter.callback_url.as_ref());
        let lifetime = Duration::from_secs(settings.jwt.lifetime_seconds);
        let secrets = settings.jwt.secrets.0;
        let jwt = given(secrets, |secrets| tokens(secrets, lifetime))?;
        let sealing_keys = given(settings.store.sealing_keys.0, |keys| seals(&keys))?;
        // Only a single machine with the sandbox makes its own keys. Replicas must share theirs.
        let (jwt, sealing_keys, twitter) = match Url::parse(&settings.twitter.url) {
            Ok(url) => {
                let required = |key| ConfigError::missing(key, NOT_SANDBOX);
                let jwt = jwt.ok_or_else(|| required("jwt.secrets"))?;
                let sealing_keys = sealing_keys.ok_or_else(|| required("store.sealing_keys"))?;
                named?;
                (jwt, sealing_keys, real(settings.twitter, api, url)?)
            }
            #[cfg(feature = "sandbox")]
            Err(_) if settings.twitter.is_sandbox() => {
                let plan = SandboxPlan::new(
                    settings.twitter,
                    settings.sandbox,
                    api,
                    &data_dir,
                    names_origins,
                )?;
                (
                    jwt.map_or_else(|| tokens(vec![plan.jwt_secret.clone()], lifetime), Ok)?,
                    sealing_keys
                        .map_or_else(|| seals(std::slice::from_ref(&plan.sealing_key)), Ok)?,
                    TwitterPlan::Sandbox(plan),
                )
            }
            Err(_) => return Err(ConfigError::wrong("twitter.url", NO_TWITTER).into()),
        };
        let sealing_keys = Arc::new(sealing_keys);
        Ok(Self {
            allowed_origins,
            http: settings.http.listen,
            docs: settings.http.docs,
            max_connections: settings.http.max_connections,
            protection,
            shares_connections,
            keep_profiles: Duration::from_secs(settings.http.profile_cache_seconds),
            keep_alive: Duration::from_secs(settings.http.keep_alive_seconds),
            drain: Duration::from_secs(settings.http.drain_seconds),
            patience: patience(&settings.start),
            ops: settings.ops.listen,
            queue: queue.with_keys(Arc::clone(&sealing_keys)),
            sealing_keys,
            job_credentials,
            catalogue,
            store,
            quota,
            browser,
            jwt,
            twitter,
            data_dir,
            #[cfg(feature = "traces")]
            traces,
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

/// Refuses parts that have no address, unless Twitter is the sandbox: replicas that forget one would each have their
/// own.
pub(super) fn check_named(settings: &Settings, keys: &[&str]) -> Result<(), ConfigError> {
    if cfg!(feature = "sandbox") && settings.twitter.is_sandbox() {
        return Ok(());
    }
    for key in keys {
        let is_named = match *key {
            "store.url" => settings.store.url.is_some(),
            "quota.url" => settings.quota.url.is_some(),
            _ => settings.queue.url.is_some(),
        };
        if !is_named {
            return Err(ConfigError::missing(key, NAMED));
        }
    }
    Ok(())
}

pub(super) fn patience(start: &StartSettings) -> Patience {
    Patience::of(Duration::from_secs(start.wait_seconds))
}

/// The configured folder, or else the platform's.
pub(super) fn data_dir(settings: &Settings) -> Result<PathBuf, ConfigError> {
    if let Some(data_dir) = &settings.data_dir {
        return Ok(data_dir.clone());
    }
    ProjectDirs::from("", "", "lemon-toolbox")
        .map(|folders| folders.data_dir().to_owned())
        .ok_or_else(|| ConfigError::missing("data_dir", "because there is no home folder"))
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

fn protection(settings: &Settings) -> Result<Protection, ConfigError> {
    let (http, limits) = (&settings.http, &settings.limits);
    let header = ForwardingHeader::parse(&http.proxy_header)
        .map_err(|fault| ConfigError::wrong("http.proxy_header", fault))?;
    let proxies = Proxies::parse(&http.proxies.0, header)
        .map_err(|fault| ConfigError::wrong("http.proxies", fault))?;
    let is_name = |host: &String| {
        let mut characters = host.chars();
        !host.is_empty() && characters.all(|it| it.is_alphanumeric() || "-._".contains(it))
    };
    if !http.hosts.0.iter().all(is_name) {
        let fault = "an entry is not a name such as lemon.example, without a scheme and a port";
        return Err(ConfigError::wrong("http.hosts", fault));
    }
    Ok(Protection {
        request_tokens: limits.request_tokens(),
        sign_ins: limits.sign_ins(),
        profile_reads: limits.profile_reads(),
        connections: match http.max_connections_per_address {
            None | Some(0) => ConnectionShare::Unlimited,
            Some(most) => ConnectionShare::OfAll(most),
        },
        proxies,
        hosts: http.hosts.0.clone(),
    })
}

fn origins(configured: Option<Vec<String>>) -> Result<Vec<Origin>, ConfigError> {
    let origins = configured.unwrap_or_else(|| vec![DEVELOPMENT_ORIGIN.to_owned()]);
    let parse = |(index, origin): (usize, &String)| {
        Origin::parse(origin).map_err(|fault| {
            let fault = format!("as number {}, {fault}", index + 1);
            ConfigError::wrong("http.allowed_origins", fault)
        })
    };
    origins.iter().enumerate().map(parse).collect()
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
    config
        .check()
        .map_err(|fault| ConfigError::wrong("twitter.url", fault))?;
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
