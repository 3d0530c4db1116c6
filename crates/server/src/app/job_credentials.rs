use std::{net::SocketAddr, time::Duration};

use lemon_http::WorkerKeys;
#[cfg(feature = "sandbox")]
use secrecy::SecretString;

use crate::config::{BY_REFERENCE, ConfigError, INLINE, Settings};

/// When a worker key is required.
const REDEEMED: &str = "because queue.credentials is \"reference\"";

/// How jobs bring the credentials of their account, and who may call for those that a job does not carry.
#[derive(Clone)]
pub(crate) struct JobCredentialsPlan {
    /// The lifetime of the tickets that jobs carry; `None` if jobs carry the credentials themselves.
    pub(crate) ticket_lifetime: Option<Duration>,
    /// `None` if no worker has a key. Tickets that were sent are redeemed also while new jobs carry credentials.
    pub(crate) calls: Option<WorkerCallsPlan>,
}

/// Where workers call, and with which keys.
#[derive(Clone)]
pub(crate) struct WorkerCallsPlan {
    pub(crate) listen: SocketAddr,
    pub(crate) keys: WorkerKeys,
    /// With which the stand-in workers call.
    #[cfg(feature = "sandbox")]
    pub(crate) first_key: SecretString,
}

impl JobCredentialsPlan {
    /// With the real address of what workers call.
    pub(crate) fn listening_at(mut self, address: Option<SocketAddr>) -> Self {
        if let (Some(calls), Some(address)) = (&mut self.calls, address) {
            calls.listen = address;
        }
        self
    }

    pub(crate) fn new(settings: &Settings) -> Result<Self, ConfigError> {
        let lifetime = Duration::from_secs(settings.queue.ticket_seconds);
        let ticket_lifetime = match settings.queue.credentials.as_str() {
            INLINE => None,
            BY_REFERENCE => Some(lifetime),
            _ => {
                let fault = "it is neither \"inline\" nor \"reference\"";
                return Err(ConfigError::wrong("queue.credentials", fault));
            }
        };
        let calls = WorkerCallsPlan::new(settings)?;
        if ticket_lifetime.is_some() && calls.is_none() {
            return Err(ConfigError::missing("workers.keys", REDEEMED));
        }
        Ok(Self {
            ticket_lifetime,
            calls,
        })
    }
}

impl WorkerCallsPlan {
    fn new(settings: &Settings) -> Result<Option<Self>, ConfigError> {
        let given = &settings.workers.keys.0;
        if given.is_empty() {
            return Ok(None);
        }
        let keys =
            WorkerKeys::parse(given).map_err(|fault| ConfigError::wrong("workers.keys", fault))?;
        Ok(Some(Self {
            listen: settings.workers.listen,
            keys,
            #[cfg(feature = "sandbox")]
            first_key: given[0].clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, load};

    fn plan(variables: &[(&str, &str)]) -> Result<JobCredentialsPlan, String> {
        let variables = variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        let (settings, _) = load(&Overrides::default(), variables).unwrap();
        JobCredentialsPlan::new(&settings).map_err(|error| error.to_string())
    }

    const REFERENCE: (&str, &str) = ("LEMON_QUEUE__CREDENTIALS", "reference");
    const KEY: (&str, &str) = (
        "LEMON_WORKERS__KEYS",
        "hush-hush-hush-hush-hush-hush-hush-hush",
    );

    #[test]
    fn nothing_listens_without_a_key_and_tickets_need_one() {
        let plain = plan(&[]).unwrap();
        assert!(plain.ticket_lifetime.is_none() && plain.calls.is_none());
        let line = plan(&[REFERENCE]).err().unwrap();
        assert!(line.contains("LEMON_WORKERS__KEYS"), "{line}");
        let both = plan(&[REFERENCE, KEY]).unwrap();
        assert!(both.ticket_lifetime.is_some() && both.calls.is_some());
        // Jobs that were sent before a change of the mode still have tickets.
        assert!(plan(&[KEY]).unwrap().calls.is_some());
    }

    #[test]
    fn a_wrong_word_and_a_weak_key_are_refused_by_their_keys() {
        let line = plan(&[("LEMON_QUEUE__CREDENTIALS", "hush")]).err().unwrap();
        assert!(
            line.contains("queue.credentials") && !line.contains("hush"),
            "{line}"
        );
        let line = plan(&[("LEMON_WORKERS__KEYS", "hush")]).err().unwrap();
        assert!(
            line.contains("workers.keys") && !line.contains("hush"),
            "{line}"
        );
    }
}
