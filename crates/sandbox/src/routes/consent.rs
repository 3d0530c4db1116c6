use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite},
    http::{StatusCode, header},
    web,
};

use super::{call::SignedCall, csrf::is_from_elsewhere};
use crate::{
    html::{ConsentPage, Language, expired, misread},
    people::Person,
    provider::{ConsentDecision, OAuthProvider},
};

/// The person who signed in at this browser, as `<number>.<generation>`: after a revocation, consent is asked for
/// again. It is not secret: anybody can be anybody here.
const COOKIE: &str = "lemon_sandbox_person";

/// `GET /oauth/authorize`: always asks.
pub(super) async fn ask(provider: web::Data<OAuthProvider>, call: SignedCall) -> HttpResponse {
    let token = call.parameter("oauth_token").unwrap_or_default();
    let language = language_of(&call.request);
    let Some(callback) = provider.undecided(&token) else {
        return expired(language).into_response();
    };
    let consent = ConsentPage {
        language,
        token: &token,
        callback: &callback,
        signed_in: signed_in(&provider, &call.request),
    };
    consent.page().into_response()
}

/// `GET /oauth/authenticate`: asks unless the browser's person has agreed before.
pub(super) async fn authenticate(
    provider: web::Data<OAuthProvider>,
    call: SignedCall,
) -> HttpResponse {
    let token = call.parameter("oauth_token").unwrap_or_default();
    let agreed = signed_in(&provider, &call.request)
        .and_then(|person| provider.decide(&token, &ConsentDecision::Authorize(person)));
    match agreed {
        Some(callback) => redirect(StatusCode::FOUND, callback.as_str()),
        None => ask(provider, call).await,
    }
}

/// `POST /oauth/authorize`: the person's decision.
pub(super) async fn decide(provider: web::Data<OAuthProvider>, call: SignedCall) -> HttpResponse {
    let language = language_of(&call.request);
    if is_from_elsewhere(&call.request) {
        return misread(language, StatusCode::FORBIDDEN).into_response();
    }
    let field = |name| call.form_field(name).unwrap_or_default();
    let person = field("person").parse().ok().and_then(Person::new);
    let decision = match (field("decision").as_str(), person) {
        ("authorize", Some(person)) => ConsentDecision::Authorize(person),
        ("cancel", _) => ConsentDecision::Cancel,
        _ => return misread(language, StatusCode::BAD_REQUEST).into_response(),
    };
    let Some(callback) = provider.decide(&field("oauth_token"), &decision) else {
        return expired(language).into_response();
    };
    let mut response = redirect(StatusCode::SEE_OTHER, callback.as_str());
    if let ConsentDecision::Authorize(person) = decision {
        let value = format!("{}.{}", person.number(), provider.generation(person));
        // A cookie value of digits and a dot always gives a valid header.
        let _ = response.add_cookie(&cookie(value));
    }
    response
}

/// `POST /sandbox/sign-out`: the next sign-in asks again who the person is.
pub(super) async fn sign_out(request: HttpRequest) -> HttpResponse {
    if is_from_elsewhere(&request) {
        return misread(language_of(&request), StatusCode::FORBIDDEN).into_response();
    }
    let mut response = redirect(StatusCode::SEE_OTHER, "/timeline");
    let _ = response.add_removal_cookie(&cookie(String::new()));
    response
}

/// The language of a browser's pages.
pub(super) fn language_of(request: &HttpRequest) -> Language {
    let accept = request.headers().get(header::ACCEPT_LANGUAGE);
    let accept = accept.and_then(|accept| accept.to_str().ok());
    Language::preferred(accept.unwrap_or_default())
}

fn signed_in(provider: &OAuthProvider, request: &HttpRequest) -> Option<Person> {
    let cookie = request.cookie(COOKIE)?;
    let (number, generation) = cookie.value().split_once('.')?;
    let person = Person::new(number.parse().ok()?)?;
    (generation.parse() == Ok(provider.generation(person))).then_some(person)
}

fn cookie(value: String) -> Cookie<'static> {
    Cookie::build(COOKIE, value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .finish()
}

fn redirect(status: StatusCode, to: &str) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::LOCATION, to))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}
