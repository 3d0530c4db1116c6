//! The bodies on the queues, as the serverless workers write and read them.

mod job;
mod ready;

use lemon_domain::values::{AccountId, ProviderUserId};
use serde::Deserialize;

pub use self::{
    job::render,
    ready::{MalformedReady, parse_ready},
};
pub(crate) use self::{
    job::{CredentialsSchema, JobBody},
    ready::ReadyBody,
};

/// How the workers distinguish jobs.
const JOBS: [&str; 3] = [
    "spring_request_fetch_tweet",
    "spring_success_marking",
    "spring_request_delete",
];
/// Twitter's number of a person as text.
const USER_ID: &str = "^[0-9]{1,19}$";
/// The name of a service.
const SERVICE_NAME: &str = "^[A-Z0-9_]{1,32}$";
/// A UUID in its usual form. Draft 07 of JSON Schema knows no format of that name.
const UUID: &str = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$";

/// The account that a message is about: of a ready message, or of a job. `None` if the body is neither.
#[must_use]
pub fn account_of(body: &str) -> Option<AccountId> {
    #[derive(Deserialize)]
    struct AnyJob {
        finished: String,
        user_id: String,
    }
    if let Ok(ready) = parse_ready(body) {
        return Some(ready.account);
    }
    let job: AnyJob = serde_json::from_str(body).ok()?;
    let is_ours = JOBS.contains(&job.finished.as_str());
    let user_id = ProviderUserId::parse(&job.user_id).ok()?;
    is_ours.then(|| AccountId::twitter(user_id))
}

#[cfg(test)]
mod tests {
    use lemon_domain::{
        usecases::{Job, JobAccess},
        values::{Credentials, JobTicket, RequestId, ServiceType},
    };
    use uuid::Uuid;

    use super::*;

    fn account() -> AccountId {
        AccountId::twitter(ProviderUserId::parse("783214").unwrap())
    }

    #[test]
    fn a_message_that_is_ready_or_a_job_has_an_account() {
        let jobs = [
            Job::Train {
                account: account(),
                access: JobAccess::Inline(Credentials::new("token", "secret")),
                service: ServiceType::parse("LEARNME").unwrap(),
                request_id: RequestId::new(Uuid::nil()),
            },
            Job::Train {
                account: account(),
                access: JobAccess::Ticket(JobTicket::parse(&"t".repeat(43)).unwrap()),
                service: ServiceType::parse("LEARNME").unwrap(),
                request_id: RequestId::new(Uuid::nil()),
            },
            Job::Notify {
                account: account(),
                access: JobAccess::Inline(Credentials::new("token", "secret")),
                message: "done".to_owned(),
                service: ServiceType::parse("LEARNME").unwrap(),
                request_id: RequestId::new(Uuid::nil()),
            },
            Job::Delete {
                account: account(),
                service: ServiceType::parse("LEARNME").unwrap(),
                request_id: RequestId::new(Uuid::nil()),
            },
        ];
        for job in jobs {
            assert_eq!(account_of(&render(&job).unwrap()), Some(account()));
        }
        let ready = r#"{"oauth_user_id":783214,"oauth_type":"TWITTER","service_name":"LEARNME"}"#;
        assert_eq!(account_of(ready), Some(account()));
        for other in [
            "783214",
            r#"{"user_id":"783214"}"#,
            r#"{"finished":"another","user_id":"783214"}"#,
            r#"{"finished":"spring_request_delete","user_id":"hush"}"#,
            r#"{"oauth_user_id":783214,"oauth_type":"MYSPACE","service_name":"LEARNME"}"#,
        ] {
            assert_eq!(account_of(other), None, "{other}");
        }
    }
}
