use lemon_domain::values::{
    AccountId, InvalidValue, Provider, ProviderUserId, RequestId, ServiceType, TrainingReady,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::error::Category;
use uuid::Uuid;

use super::{SERVICE_NAME, UUID};

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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn account() -> AccountId {
        AccountId::twitter(ProviderUserId::parse("783214").unwrap())
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
