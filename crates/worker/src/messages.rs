//! The bodies on the queues, as the serverless workers write and read them.

use lemon_domain::{
    usecases::Job,
    values::{
        AccountId, InvalidValue, Provider, ProviderUserId, RequestId, ServiceType, TrainingReady,
    },
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use uuid::Uuid;

/// A job's body. The workers distinguish jobs by `finished`, and ignore fields that they do not know.
#[derive(Serialize)]
#[serde(tag = "finished")]
enum JobBody<'a> {
    #[serde(rename = "spring_request_fetch_tweet")]
    Train {
        user_id: String,
        access_token: &'a str,
        access_secret: &'a str,
        service_name: &'a str,
        request_id: RequestId,
    },
    #[serde(rename = "spring_success_marking")]
    Notify {
        user_id: String,
        access_token: &'a str,
        access_secret: &'a str,
        message: &'a str,
        service_name: &'a str,
        request_id: RequestId,
    },
    #[serde(rename = "spring_request_delete")]
    Delete {
        user_id: String,
        service_name: &'a str,
        request_id: RequestId,
    },
}

/// Writes a job's body. It may carry credentials.
///
/// # Errors
/// None is known: the body is text throughout.
pub fn render(job: &Job) -> Result<String, serde_json::Error> {
    let user_id = |account: &AccountId| account.user_id.to_string();
    serde_json::to_string(&match job {
        Job::Train {
            account,
            credentials,
            service,
            request_id,
        } => JobBody::Train {
            user_id: user_id(account),
            access_token: credentials.token.expose_secret(),
            access_secret: credentials.secret.expose_secret(),
            service_name: service.as_str(),
            request_id: *request_id,
        },
        Job::Notify {
            account,
            credentials,
            message,
            service,
            request_id,
        } => JobBody::Notify {
            user_id: user_id(account),
            access_token: credentials.token.expose_secret(),
            access_secret: credentials.secret.expose_secret(),
            message,
            service_name: service.as_str(),
            request_id: *request_id,
        },
        Job::Delete {
            account,
            service,
            request_id,
        } => JobBody::Delete {
            user_id: user_id(account),
            service_name: service.as_str(),
            request_id: *request_id,
        },
    })
}

#[derive(Deserialize)]
struct ReadyBody {
    oauth_user_id: i64,
    oauth_type: String,
    service_name: String,
    #[serde(default)]
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
    #[error("not a ready message: {field} has a value that cannot be")]
    Value {
        /// Its name.
        field: &'static str,
    },
}

impl From<serde_json::Error> for MalformedReady {
    fn from(error: serde_json::Error) -> Self {
        let fault = match error.classify() {
            Category::Syntax => "no JSON",
            Category::Eof => "JSON without an end",
            Category::Data => "a field that is missing or of another type",
            Category::Io => "nothing that can be read",
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

#[cfg(test)]
mod tests {
    use lemon_domain::values::Credentials;
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
            credentials: Credentials::new("token", "secret"),
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
            credentials: Credentials::new("token", "secret"),
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
    fn anything_else_is_malformed() {
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
            ("hush", "no JSON at line 1, column 1"),
            ("{\"hush\":", "JSON without an end at line 1, column 8"),
            (
                "{\"oauth_user_id\":\n\"hush\"}",
                "a field that is missing or of another type at line 2, column 6",
            ),
            (
                r#"{"oauth_user_id":1,"oauth_type":"hush","service_name":"A"}"#,
                "oauth_type has a value that cannot be",
            ),
            (
                r#"{"oauth_user_id":1,"oauth_type":"TWITTER","service_name":"hush"}"#,
                "service_name has a value that cannot be",
            ),
            (
                r#"{"oauth_user_id":1,"oauth_type":"TWITTER","service_name":"A","request_id":"hush"}"#,
                "a field that is missing or of another type at line 1, column 80",
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
