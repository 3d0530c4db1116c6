//! The bodies on the queues, as the serverless workers write and read them.

use lemon_domain::{
    usecases::{Job, JobAccess},
    values::{
        AccountId, InvalidValue, Provider, ProviderUserId, RequestId, ServiceType, TrainingReady,
    },
};
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use uuid::Uuid;

/// How the workers distinguish jobs.
const JOBS: [&str; 3] = [
    "spring_request_fetch_tweet",
    "spring_success_marking",
    "spring_request_delete",
];
/// Twitter's number of a person as text.
const USER_ID: &str = "^[0-9]{1,19}$";
/// A ticket.
const TICKET: &str = "^[A-Za-z0-9_-]{43}$";
/// The name of a service.
const SERVICE_NAME: &str = "^[A-Z0-9_]{1,32}$";
/// A UUID in its usual form. Draft 07 of JSON Schema knows no format of that name.
const UUID: &str = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$";

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

/// A worker has finished a training. Fields that are not listed are ignored, also `finished`.
#[derive(Deserialize, JsonSchema)]
#[schemars(title = "ReadyMessage")]
pub(crate) struct ReadyBody {
    /// Twitter's number of the person: the `user_id` of the job, here as a number, without a fraction. It may be too large for a
    /// number of JavaScript.
    #[schemars(range(min = 1))]
    oauth_user_id: i64,
    /// Whose number it is.
    #[schemars(extend("enum" = ["TWITTER"]))]
    oauth_type: String,
    /// The service.
    #[schemars(regex(pattern = SERVICE_NAME))]
    service_name: String,
    /// The `request_id` of the job. Without it, the message finishes the person's current registration.
    #[serde(default)]
    #[schemars(regex(pattern = UUID))]
    request_id: Option<Uuid>,
}

/// Why a body is not a ready message. It names the place and the kind of fault, never the text at that place: otherwise
/// anybody who writes to the queue could write to logs and dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedReady {
    /// It is not JSON, or not of the form.
    #[error("not a ready message: {fault} at line {line}, column {column}")]
    Json {
        /// The kind of fault.
        fault: &'static str,
        /// The line, from 1.
        line: usize,
        /// The column, from 1; 0 is before the first character.
        column: usize,
    },
    /// A field has an impossible value.
    #[error("not a ready message: {field} has an impossible value")]
    Value {
        /// Its name.
        field: &'static str,
    },
}

impl From<serde_json::Error> for MalformedReady {
    fn from(error: serde_json::Error) -> Self {
        let fault = match error.classify() {
            Category::Syntax => "invalid JSON",
            Category::Eof => "incomplete JSON",
            Category::Data => "a missing field or a wrong type",
            Category::Io => "unreadable input",
        };
        Self::Json {
            fault,
            line: error.line(),
            column: error.column(),
        }
    }
}

/// Reads a ready message.
///
/// # Errors
/// Says what is wrong with it.
pub fn parse_ready(body: &str) -> Result<TrainingReady, MalformedReady> {
    let ready: ReadyBody = serde_json::from_str(body)?;
    let invalid = |field| move |_: InvalidValue| MalformedReady::Value { field };
    Ok(TrainingReady {
        account: AccountId {
            provider: Provider::parse(&ready.oauth_type).map_err(invalid("oauth_type"))?,
            user_id: ProviderUserId::try_from(ready.oauth_user_id)
                .map_err(invalid("oauth_user_id"))?,
        },
        service: ServiceType::parse(&ready.service_name).map_err(invalid("service_name"))?,
        request_id: ready.request_id.map(RequestId::new),
    })
}

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
    use lemon_domain::values::{Credentials, JobTicket};
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
        assert_eq!(account_of(&render(&train).unwrap()), Some(account()));
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

    #[test]
    fn a_ready_message_is_read_with_and_without_a_request_id() {
        let without = json!({
            "finished": "anything", "oauth_user_id": 783_214,
            "oauth_type": "TWITTER", "service_name": "LEARNME", "more": [1],
        });
        assert_eq!(
            parse_ready(&without.to_string()).unwrap(),
            TrainingReady {
                account: account(),
                service: ServiceType::parse("LEARNME").unwrap(),
                request_id: None,
            }
        );
        let mut with = without;
        with["request_id"] = json!("6c84fb90-12c4-11e1-840d-7b25c5ee775a");
        assert!(parse_ready(&with.to_string()).unwrap().request_id.is_some());
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

    #[test]
    fn any_other_message_is_malformed() {
        let good = json!({
            "oauth_user_id": 783_214, "oauth_type": "TWITTER", "service_name": "LEARNME",
        });
        let spoilt = |field: &str, value: Value| {
            let mut message = good.clone();
            message[field] = value;
            message.to_string()
        };
        for body in [
            String::new(),
            "[]".to_owned(),
            "null".to_owned(),
            "{}".to_owned(),
            spoilt("oauth_user_id", json!("783214")),
            spoilt("oauth_user_id", json!(-1)),
            spoilt("oauth_user_id", json!(1.5)),
            spoilt("oauth_type", json!("MYSPACE")),
            spoilt("service_name", json!("learn me")),
            spoilt("request_id", json!("no uuid")),
        ] {
            assert!(parse_ready(&body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_fault_names_the_place_and_repeats_nothing() {
        for (body, expected) in [
            ("hush", "invalid JSON at line 1, column 1"),
            ("{\"hush\":", "incomplete JSON at line 1, column 8"),
            (
                "{\"oauth_user_id\":\n\"hush\"}",
                "a missing field or a wrong type at line 2, column 6",
            ),
            (
                r#"{"oauth_user_id":1,"oauth_type":"hush","service_name":"A"}"#,
                "oauth_type has an impossible value",
            ),
            (
                r#"{"oauth_user_id":1,"oauth_type":"TWITTER","service_name":"hush"}"#,
                "service_name has an impossible value",
            ),
            (
                r#"{"oauth_user_id":1,"oauth_type":"TWITTER","service_name":"A","request_id":"hush"}"#,
                "a missing field or a wrong type at line 1, column 80",
            ),
        ] {
            let error = parse_ready(body).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("not a ready message: {expected}")
            );
            assert!(!format!("{error:?}").contains("hush"));
        }
    }
}
