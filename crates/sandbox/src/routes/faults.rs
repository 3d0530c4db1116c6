use std::collections::HashMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{call::SignedCall, consent::language_of, csrf::is_from_elsewhere};
use crate::{
    faults::{ActedFault, ActedFaults, AffectedCalls, FaultKind},
    html,
    people::Person,
    provider::OAuthProvider,
    x_error::XError,
};

/// How long a slow answer takes or a limit lasts, unless the request says so: longer than callers wait.
const USUAL_SECONDS: u32 = 30;
/// The longest of these times.
const LONGEST_SECONDS: u32 = 24 * 60 * 60;

/// `GET /sandbox/faults`: as a page for browsers, else as JSON.
pub(super) async fn show(faults: web::Data<ActedFaults>, request: HttpRequest) -> HttpResponse {
    let accept = request.headers().get(header::ACCEPT);
    let is_browser = accept
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if is_browser {
        html::faults(language_of(&request), &faults.list()).into_response()
    } else {
        listed(StatusCode::OK, &faults)
    }
}

/// `POST /sandbox/faults`: acts a fault out, or with `none` no more.
pub(super) async fn act(
    faults: web::Data<ActedFaults>,
    provider: web::Data<OAuthProvider>,
    call: SignedCall,
) -> Result<HttpResponse, XError> {
    if is_from_elsewhere(&call.request) {
        return Ok(
            html::misread(language_of(&call.request), StatusCode::FORBIDDEN).into_response(),
        );
    }
    let is_form = call.is_form();
    let fields = if is_form {
        form_urlencoded::parse(&call.body).into_owned().collect()
    } else {
        members(&call.body).ok_or_else(|| wrong("The body is neither a form nor a JSON object."))?
    };
    match wish(&fields)? {
        None => faults.clear(),
        Some((fault, person)) if fault.fault == FaultKind::Revoke => {
            provider.revoke(person.ok_or_else(|| wrong("`revoke` needs a `person`."))?);
        }
        Some((fault, _)) => faults.add(fault),
    }
    if is_form {
        return Ok(HttpResponse::SeeOther()
            .insert_header((header::LOCATION, "/sandbox/faults"))
            .finish());
    }
    Ok(listed(StatusCode::CREATED, &faults))
}

/// `DELETE /sandbox/faults`
pub(super) async fn clear(faults: web::Data<ActedFaults>, request: HttpRequest) -> HttpResponse {
    if is_from_elsewhere(&request) {
        return html::misread(language_of(&request), StatusCode::FORBIDDEN).into_response();
    }
    faults.clear();
    listed(StatusCode::OK, &faults)
}

fn listed(status: StatusCode, faults: &ActedFaults) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({ "faults": faults.list() }))
}

/// The members of a JSON object, as a form has them.
fn members(body: &[u8]) -> Option<HashMap<String, String>> {
    let Ok(Value::Object(members)) = serde_json::from_slice(body) else {
        return None;
    };
    let text = |value: Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    };
    let members = members.into_iter();
    Some(members.map(|(name, value)| (name, text(value))).collect())
}

/// The wanted fault and its person; nothing if there is to be none.
fn wish(fields: &HashMap<String, String>) -> Result<Option<(ActedFault, Option<Person>)>, XError> {
    let field = |name: &str| {
        fields
            .get(name)
            .map(|value| value.trim())
            .filter(|it| !it.is_empty())
    };
    let number = |name: &str| {
        field(name)
            .map(|value| value.parse::<u32>().ok())
            .map_or(Ok(None), |number| {
                number
                    .map(Some)
                    .ok_or_else(|| wrong(&format!("`{name}` is not a number.")))
            })
    };
    let name = field("fault").ok_or_else(|| wrong("`fault` is missing."))?;
    if name == "none" {
        return Ok(None);
    }
    let kind = FaultKind::named(name).ok_or_else(|| {
        let names = FaultKind::ALL.map(FaultKind::as_str).join(", ");
        wrong(&format!("`fault` is none of: none, {names}."))
    })?;
    let calls = AffectedCalls::named(field("calls").unwrap_or("all")).ok_or_else(|| {
        let names = AffectedCalls::ALL.map(AffectedCalls::as_str).join(", ");
        wrong(&format!("`calls` is none of: {names}."))
    })?;
    let person = match number("person")? {
        None => None,
        Some(number) => Some(
            Person::new(number)
                .ok_or_else(|| wrong("`person` is not a number from 1 to 1000000."))?,
        ),
    };
    let fault = ActedFault {
        fault: kind,
        calls,
        person: person.map(Person::number),
        times: number("times")?.filter(|times| *times > 0),
        seconds: number("seconds")?
            .unwrap_or(USUAL_SECONDS)
            .min(LONGEST_SECONDS),
    };
    Ok(Some((fault, person)))
}

fn wrong(message: &str) -> XError {
    XError::InvalidRequest(message.to_owned())
}
