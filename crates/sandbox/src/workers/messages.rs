//! The messages of the queues from the workers' point of view. Unknown fields are ignored.

use lemon_domain::values::{Credentials, InvalidValue, ProviderUserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `{finished, user_id: "<number>", access_token, access_secret}`
#[derive(Deserialize)]
pub(super) struct TrainJob {
    user_id: String,
    access_token: String,
    access_secret: String,
    #[serde(default)]
    pub(super) request_id: Option<Uuid>,
}

impl TrainJob {
    pub(super) fn user_id(&self) -> Result<ProviderUserId, InvalidValue> {
        ProviderUserId::parse(&self.user_id)
    }

    pub(super) fn credentials(&self) -> Credentials {
        Credentials::new(self.access_token.clone(), self.access_secret.clone())
    }
}

/// `{finished, user_id: "<number>", access_token, access_secret, message}`
#[derive(Deserialize)]
pub(super) struct NotifyJob {
    access_token: String,
    access_secret: String,
    pub(super) message: String,
}

impl NotifyJob {
    pub(super) fn credentials(&self) -> Credentials {
        Credentials::new(self.access_token.clone(), self.access_secret.clone())
    }
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
