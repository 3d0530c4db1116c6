use lemon_domain::{
    usecases::{Job, JobAccess},
    values::{AccountId, RequestId},
};
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Serialize;
use uuid::Uuid;

use super::{SERVICE_NAME, USER_ID, UUID};

/// A ticket.
const TICKET: &str = "^[A-Za-z0-9_-]{43}$";

/// A job's body. The workers distinguish jobs by `finished`, and ignore fields that they do not know.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "finished")]
pub(crate) enum JobBody<'a> {
    /// Read the person's tweets, train, and send a ready message. Sent again with the same `request_id` if no ready message comes
    /// in time.
    #[serde(rename = "spring_request_fetch_tweet")]
    #[schemars(title = "TrainJob")]
    Train {
        /// Twitter's number of the person, as text.
        #[schemars(regex(pattern = USER_ID))]
        user_id: String,
        /// The person's OAuth 1.0a access token. Store and log it nowhere.
        access_token: &'a str,
        /// Its secret. Store and log it nowhere.
        access_secret: &'a str,
        /// The service.
        #[schemars(regex(pattern = SERVICE_NAME))]
        service_name: &'a str,
        /// Names the registration. The ready message carries it back.
        #[schemars(with = "Uuid", regex(pattern = UUID))]
        request_id: RequestId,
    },
    /// The same, if `queue.credentials` is `reference`: a ticket instead of the token and its secret.
    #[serde(rename = "spring_request_fetch_tweet")]
    #[schemars(title = "TrainJobByReference")]
    TrainByReference {
        /// Twitter's number of the person, as text.
        #[schemars(regex(pattern = USER_ID))]
        user_id: String,
        /// Send the job's body to `POST /internal/credentials`, and get the token and its secret.
        #[schemars(regex(pattern = TICKET))]
        ticket: &'a str,
        /// The service.
        #[schemars(regex(pattern = SERVICE_NAME))]
        service_name: &'a str,
        /// Names the registration. The ready message carries it back.
        #[schemars(with = "Uuid", regex(pattern = UUID))]
        request_id: RequestId,
    },
    /// Tell the person that the training has finished: post the message in their name. Once for each training.
    #[serde(rename = "spring_success_marking")]
    #[schemars(title = "NotifyJob")]
    Notify {
        /// Twitter's number of the person, as text.
        #[schemars(regex(pattern = USER_ID))]
        user_id: String,
        /// The person's OAuth 1.0a access token. Store and log it nowhere.
        access_token: &'a str,
        /// Its secret. Store and log it nowhere.
        access_secret: &'a str,
        /// The text to post.
        message: &'a str,
        /// The service.
        #[schemars(regex(pattern = SERVICE_NAME))]
        service_name: &'a str,
        /// The registration whose training has finished.
        #[schemars(with = "Uuid", regex(pattern = UUID))]
        request_id: RequestId,
    },
    /// The same, if `queue.credentials` is `reference`: a ticket instead of the token and its secret.
    #[serde(rename = "spring_success_marking")]
    #[schemars(title = "NotifyJobByReference")]
    NotifyByReference {
        /// Twitter's number of the person, as text.
        #[schemars(regex(pattern = USER_ID))]
        user_id: String,
        /// Send the job's body to `POST /internal/credentials`, and get the token and its secret.
        #[schemars(regex(pattern = TICKET))]
        ticket: &'a str,
        /// The text to post.
        message: &'a str,
        /// The service.
        #[schemars(regex(pattern = SERVICE_NAME))]
        service_name: &'a str,
        /// The registration whose training has finished.
        #[schemars(with = "Uuid", regex(pattern = UUID))]
        request_id: RequestId,
    },
    /// Delete what was trained for the person.
    #[serde(rename = "spring_request_delete")]
    #[schemars(title = "DeleteJob")]
    Delete {
        /// Twitter's number of the person, as text.
        #[schemars(regex(pattern = USER_ID))]
        user_id: String,
        /// The service.
        #[schemars(regex(pattern = SERVICE_NAME))]
        service_name: &'a str,
        /// The registration whose data is meant.
        #[schemars(with = "Uuid", regex(pattern = UUID))]
        request_id: RequestId,
    },
}

/// Writes a job's body. It may carry credentials or a ticket.
///
/// # Errors
/// None is known: the body is text throughout.
pub fn render(job: &Job) -> Result<String, serde_json::Error> {
    serde_json::to_string(&body_of(job))
}

fn body_of(job: &Job) -> JobBody<'_> {
    let user_id = |account: &AccountId| account.user_id.to_string();
    match job {
        Job::Train {
            account,
            access,
            service,
            request_id,
        } => {
            let (user_id, service_name, request_id) =
                (user_id(account), service.as_str(), *request_id);
            match access {
                JobAccess::Inline(credentials) => JobBody::Train {
                    user_id,
                    access_token: credentials.token.expose_secret(),
                    access_secret: credentials.secret.expose_secret(),
                    service_name,
                    request_id,
                },
                JobAccess::Ticket(ticket) => JobBody::TrainByReference {
                    user_id,
                    ticket: ticket.expose(),
                    service_name,
                    request_id,
                },
            }
        }
        Job::Notify {
            account,
            access,
            message,
            service,
            request_id,
        } => {
            let (user_id, service_name, request_id) =
                (user_id(account), service.as_str(), *request_id);
            match access {
                JobAccess::Inline(credentials) => JobBody::Notify {
                    user_id,
                    access_token: credentials.token.expose_secret(),
                    access_secret: credentials.secret.expose_secret(),
                    message,
                    service_name,
                    request_id,
                },
                JobAccess::Ticket(ticket) => JobBody::NotifyByReference {
                    user_id,
                    ticket: ticket.expose(),
                    message,
                    service_name,
                    request_id,
                },
            }
        }
        Job::Delete {
            account,
            service,
            request_id,
        } => JobBody::Delete {
            user_id: user_id(account),
            service_name: service.as_str(),
            request_id: *request_id,
        },
    }
}

/// What a worker gets for the body of a job with a ticket, from `POST /internal/credentials`.
#[derive(JsonSchema)]
#[schemars(title = "JobCredentials")]
#[expect(
    dead_code,
    reason = "only its schema is used: lemon-http writes the answer"
)]
pub(crate) struct CredentialsSchema {
    /// Twitter's number of the person, as text: that of the job.
    #[schemars(regex(pattern = USER_ID))]
    user_id: String,
    /// The person's OAuth 1.0a access token. Store and log it nowhere.
    access_token: String,
    /// Its secret. Store and log it nowhere.
    access_secret: String,
}

#[cfg(test)]
mod tests {
    use lemon_domain::values::{Credentials, JobTicket, ProviderUserId, ServiceType};
    use serde_json::{Value, json};

    use super::*;

    fn account() -> AccountId {
        AccountId::twitter(ProviderUserId::parse("783214").unwrap())
    }

    fn body(job: &Job) -> Value {
        serde_json::from_str(&render(job).unwrap()).unwrap()
    }

    #[test]
    fn a_training_job_carries_the_credentials() {
        let job = Job::Train {
            account: account(),
            access: JobAccess::Inline(Credentials::new("token", "secret")),
            service: ServiceType::parse("LEARNME").unwrap(),
            request_id: RequestId::new(Uuid::nil()),
        };
        assert_eq!(
            body(&job),
            json!({
                "finished": "spring_request_fetch_tweet",
                "user_id": "783214",
                "access_token": "token",
                "access_secret": "secret",
                "service_name": "LEARNME",
                "request_id": "00000000-0000-0000-0000-000000000000",
            })
        );
    }

    #[test]
    fn a_notification_carries_the_message() {
        let job = Job::Notify {
            account: account(),
            access: JobAccess::Inline(Credentials::new("token", "secret")),
            message: "다 됐어요 \"🍋\"".to_owned(),
            service: ServiceType::parse("LEARNME").unwrap(),
            request_id: RequestId::new(Uuid::nil()),
        };
        assert_eq!(
            body(&job),
            json!({
                "finished": "spring_success_marking",
                "user_id": "783214",
                "access_token": "token",
                "access_secret": "secret",
                "message": "다 됐어요 \"🍋\"",
                "service_name": "LEARNME",
                "request_id": "00000000-0000-0000-0000-000000000000",
            })
        );
    }

    #[test]
    fn a_job_by_reference_carries_a_ticket_and_no_credentials() {
        let ticket = "t".repeat(43);
        let access = || JobAccess::Ticket(JobTicket::parse(&ticket).unwrap());
        let train = Job::Train {
            account: account(),
            access: access(),
            service: ServiceType::parse("LEARNME").unwrap(),
            request_id: RequestId::new(Uuid::nil()),
        };
        let common = json!({
            "user_id": "783214",
            "ticket": ticket,
            "service_name": "LEARNME",
            "request_id": "00000000-0000-0000-0000-000000000000",
        });
        let mut expected = common.clone();
        expected["finished"] = json!("spring_request_fetch_tweet");
        assert_eq!(body(&train), expected);
        let notify = Job::Notify {
            account: account(),
            access: access(),
            message: "done".to_owned(),
            service: ServiceType::parse("LEARNME").unwrap(),
            request_id: RequestId::new(Uuid::nil()),
        };
        let mut expected = common;
        expected["finished"] = json!("spring_success_marking");
        expected["message"] = json!("done");
        assert_eq!(body(&notify), expected);
    }

    #[test]
    fn a_delete_job_carries_no_credentials() {
        let job = Job::Delete {
            account: account(),
            service: ServiceType::parse("LEARNME").unwrap(),
            request_id: RequestId::new(Uuid::nil()),
        };
        assert_eq!(
            body(&job),
            json!({
                "finished": "spring_request_delete",
                "user_id": "783214",
                "service_name": "LEARNME",
                "request_id": "00000000-0000-0000-0000-000000000000",
            })
        );
    }
}
