//! The messages of the queues from the workers' point of view. Unknown fields are ignored.

use lemon_domain::values::{InvalidValue, ProviderUserId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use uuid::Uuid;

/// What lets a worker act for a person: `{access_token, access_secret}`, or `{ticket}`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum PersonAccess {
    Inline {
        access_token: SecretString,
        access_secret: SecretString,
    },
    Ticket {
        /// Sent with the whole body.
        #[serde(rename = "ticket")]
        _ticket: IgnoredAny,
    },
}

/// `{finished, user_id: "<number>", access_token, access_secret}`, or with `ticket` instead of the last two.
#[derive(Deserialize)]
pub(super) struct TrainJob {
    user_id: String,
    #[serde(flatten)]
    pub(super) access: PersonAccess,
    #[serde(default)]
    pub(super) request_id: Option<Uuid>,
    /// Its text.
    #[serde(skip)]
    pub(super) body: SecretString,
}

impl TrainJob {
    pub(super) fn user_id(&self) -> Result<ProviderUserId, InvalidValue> {
        ProviderUserId::parse(&self.user_id)
    }
}

/// `{finished, user_id: "<number>", access_token, access_secret, message}`, or with `ticket` instead of token and secret.
#[derive(Deserialize)]
pub(super) struct NotifyJob {
    #[serde(flatten)]
    pub(super) access: PersonAccess,
    pub(super) message: String,
    /// Its text.
    #[serde(skip)]
    pub(super) body: SecretString,
}

/// `{finished, user_id: "<number>"}`
#[derive(Deserialize)]
pub(super) struct DeleteJob {
    user_id: String,
}

impl DeleteJob {
    pub(super) fn user_id(&self) -> Result<ProviderUserId, InvalidValue> {
        ProviderUserId::parse(&self.user_id)
    }
}

/// `{finished, oauth_user_id: <number>, oauth_type, service_name}`: the id is a number here, but a string in the jobs.
#[derive(Serialize)]
pub(super) struct ReadyMessage<'a> {
    pub(super) finished: &'static str,
    pub(super) oauth_user_id: i64,
    pub(super) oauth_type: &'static str,
    pub(super) service_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_id: Option<Uuid>,
}
