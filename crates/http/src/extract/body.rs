use std::time::Duration;

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    error::PayloadError,
    http::header::{self, HeaderName},
};
use futures::{StreamExt, future::LocalBoxFuture};
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::{
    api::Api,
    problem::{Code, Problem},
};

/// The largest body that is accepted, in bytes. Ours are under 600.
const MAX_BYTES: usize = 64 * 1024;

/// A body of JSON, as `T`.
pub(crate) struct Json<T>(pub(crate) T);

/// A body whose content does not matter. If it is within the limit, it is read and dropped.
pub(crate) struct Unread;

/// A value that is read from the fields of a JSON object. Not derived, so that a refusal names the field and does not
/// repeat the caller's data.
pub(crate) trait FromFields: Sized {
    /// Takes the fields that it needs and ignores the others.
    fn from_fields(fields: &Fields) -> Result<Self, Problem>;
}

/// The fields of a JSON object.
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// A field that is true or false.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Problem> {
        self.field(name)?
            .as_bool()
            .ok_or_else(|| invalid(format!("{name} is not true or false.")))
    }

    /// A field that is a text.
    pub(crate) fn text(&self, name: &str) -> Result<&str, Problem> {
        self.text_or_null(name)?
            .ok_or_else(|| invalid(format!("{name} is null.")))
    }

    /// A field that is a text or `null`. It must be there.
    pub(crate) fn text_or_null(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.field(name)? {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text)),
            _ => Err(invalid(format!("{name} is not a string."))),
        }
    }

    fn field(&self, name: &str) -> Result<&Value, Problem> {
        self.0
            .get(name)
            .ok_or_else(|| invalid(format!("{name} is missing.")))
    }
}

impl<T: FromFields> FromRequest for Json<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let patience = Api::of(&request)?.deadlines.request;
            json_within(&request, payload, patience).await.map(Self)
        })
    }
}

/// Reads a body of JSON that arrives within this time.
pub(crate) async fn json_within<T: FromFields>(
    request: &HttpRequest,
    payload: Payload,
    patience: Duration,
) -> Result<T, Problem> {
    check_type(request)?;
    let body = read(request, payload, patience).await?;
    let value: Value = serde_json::from_slice(&body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let detail = format!("The body is not valid JSON at line {line}, column {column}.");
        Problem::new(Code::MalformedJson, detail)
    })?;
    match value {
        Value::Object(fields) => T::from_fields(&Fields(fields)),
        _ => Err(invalid("The body is not an object.".to_owned())),
    }
}

impl FromRequest for Unread {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let patience = Api::of(&request)?.deadlines.request;
            read(&request, payload, patience).await.map(|_| Self)
        })
    }
}

/// A problem with a field.
pub(crate) fn invalid(detail: String) -> Problem {
    Problem::new(Code::InvalidBody, detail)
}

fn check_type(request: &HttpRequest) -> Result<(), Problem> {
    let essence = text(request, header::CONTENT_TYPE)
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "Send the body as application/json.",
        ));
    }
    let coding = text(request, header::CONTENT_ENCODING);
    if !coding.is_empty() && !coding.eq_ignore_ascii_case("identity") {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "Send the body without a content coding.",
        ));
    }
    Ok(())
}

fn text(request: &HttpRequest, name: HeaderName) -> &str {
    request
        .headers()
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

async fn read(
    request: &HttpRequest,
    payload: Payload,
    patience: Duration,
) -> Result<Vec<u8>, Problem> {
    let announced = text(request, header::CONTENT_LENGTH).parse::<usize>();
    if announced.is_ok_and(|bytes| bytes > MAX_BYTES) {
        return Err(too_large());
    }
    timeout(patience, collect(payload)).await.map_err(|_| {
        let detail = format!(
            "The body did not arrive within {} s.",
            patience.as_secs_f64()
        );
        Problem::new(Code::RequestTimeout, detail)
    })?
}

async fn collect(mut payload: Payload) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| match error {
            PayloadError::Overflow => too_large(),
            _ => Problem::new(
                Code::BadRequest,
                "The body ends too early, or its framing is not valid.",
            ),
        })?;
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn too_large() -> Problem {
    let detail = format!("A body may have at most {MAX_BYTES} bytes.");
    Problem::new(Code::BodyTooLarge, detail)
}
