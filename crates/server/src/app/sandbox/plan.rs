use std::{path::Path, time::Duration};

use anyhow::Context;
use lemon_twitter::TwitterApi;
use secrecy::SecretString;
use url::Url;

use super::keys::Keys;
use crate::{
    app::StartError,
    config::{ConfigError, SandboxSettings, TwitterSettings},
};

/// The application's key at the sandbox Twitter, if none is given.
const SANDBOX_CONSUMER_KEY: &str = "lemon-toolbox-sandbox";

/// The stand-ins, before they listen.
pub(crate) struct SandboxPlan {
    /// Whether the configuration names the origins of web apps.
    pub(super) names_origins: bool,
    pub(super) settings: SandboxSettings,
    pub(super) callback_url: Option<Url>,
    pub(super) api: TwitterApi,
    pub(super) deadline: Duration,
    pub(super) consumer_key: SecretString,
    pub(super) consumer_secret: SecretString,
    pub(super) token_key: SecretString,
    /// For people's JWTs, if no secrets are given.
    pub(in crate::app) jwt_secret: SecretString,
    /// For the store, if no keys are given.
    pub(in crate::app) sealing_key: SecretString,
}

impl SandboxPlan {
    /// Checks that the sandbox is not exposed, and then reads the keys of the data folder, which the first run makes.
    pub(in crate::app) fn new(
        twitter: TwitterSettings,
        settings: SandboxSettings,
        api: TwitterApi,
        data_dir: &Path,
        names_origins: bool,
    ) -> Result<Self, StartError> {
        check_exposure(&settings)?;
        let keys = Keys::of(data_dir)
            .with_context(|| format!("the data folder {} cannot be used", data_dir.display()))?;
        Ok(Self {
            names_origins,
            api,
            deadline: Duration::from_millis(twitter.deadline_ms),
            callback_url: twitter.callback_url,
            consumer_key: twitter
                .consumer_key
                .unwrap_or_else(|| SecretString::from(SANDBOX_CONSUMER_KEY)),
            consumer_secret: twitter
                .consumer_secret
                .unwrap_or(keys.sandbox_consumer_secret),
            token_key: keys.sandbox_token_key,
            jwt_secret: keys.jwt_secret,
            sealing_key: keys.sealing_key,
            settings,
        })
    }

    /// Leaves the stand-in workers out, whatever the configuration says.
    pub(crate) fn leave_workers_out(&mut self) {
        self.settings.workers = false;
    }
}

/// Refuses a sandbox that others can reach, unless the configuration asks for it.
fn check_exposure(settings: &SandboxSettings) -> Result<(), ConfigError> {
    let exposed = !settings.listen.ip().is_loopback();
    if exposed && !settings.anybody_may_sign_in_as_anybody {
        let fault = "anybody can sign in as anybody there, so it must be a loopback address unless \
                     sandbox.anybody_may_sign_in_as_anybody is true";
        return Err(ConfigError::wrong("sandbox.listen", fault));
    }
    Ok(())
}
