use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    web::Data,
};
use lemon_domain::{
    ports::TwitterError,
    usecases::{SignInError, SignIns, SignedIn},
    values::{self, Verifier},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::Api,
    deadline::within,
    extract::{Fields, FromFields, Json, invalid},
    facts,
    problem::{Code, Problem},
};

/// A request token, and where to send the person with it.
#[derive(Serialize, ToSchema)]
#[schema(as = RequestToken, example = json!({
    "token": "Z6eEdO8MOmk394WozF5oKyuAv855l4Mlqo7hhlSLik",
    "authorization_url": "https://api.x.com/oauth/authorize?oauth_token=Z6eEdO8MOmk394WozF5oKyuAv855l4Mlqo7hhlSLik",
    "authentication_url": "https://api.x.com/oauth/authenticate?oauth_token=Z6eEdO8MOmk394WozF5oKyuAv855l4Mlqo7hhlSLik",
}))]
pub(crate) struct RequestTokenBody {
    /// The request token. Good once, for an hour unless the configuration says otherwise; others stay good while new ones are issued.
    token: String,
    /// The address at which Twitter always asks the person.
    #[schema(format = Uri)]
    authorization_url: String,
    /// The address to use: Twitter does not ask a person again who has agreed before.
    #[schema(format = Uri)]
    authentication_url: String,
}

/// What the person brings back from Twitter. Both are `null` if they did not agree.
#[derive(ToSchema)]
#[schema(example = json!({
    "oauth_token": "Z6eEdO8MOmk394WozF5oKyuAv855l4Mlqo7hhlSLik",
    "oauth_verifier": "uw7NjWHT6OJ1MpJOXsHfNxoAhPKpgI8BlYDhxEjIBY",
}))]
pub(crate) struct TwitterLogin {
    /// The request token.
    #[schema(min_length = 1, max_length = 256, required = true)]
    oauth_token: Option<String>,
    /// Twitter's proof that the person agreed.
    #[schema(min_length = 1, max_length = 256, required = true)]
    oauth_verifier: Option<String>,
}

/// The token to call with.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedIn, example = json!({ "access_token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzUxMiJ9.eyJzdWIiOiJ1c2VyIn0.c2lnbmF0dXJl" }))]
pub(crate) struct SignedInBody {
    /// A JWT, to be sent as `Authorization: Bearer`. The header of the same name has it as well.
    access_token: String,
}

impl FromFields for TwitterLogin {
    fn from_fields(fields: &Fields) -> Result<Self, Problem> {
        Ok(Self {
            oauth_token: fields.text_or_null("oauth_token")?.map(str::to_owned),
            oauth_verifier: fields.text_or_null("oauth_verifier")?.map(str::to_owned),
        })
    }
}

impl TwitterLogin {
    fn agreed(self) -> Result<(values::RequestToken, Verifier), Problem> {
        let null = |field: &str| invalid(format!("{field} is null, but the other field is not."));
        let fault = |fault: values::InvalidValue| invalid(format!("{fault}."));
        match (self.oauth_token, self.oauth_verifier) {
            (Some(token), Some(verifier)) => Ok((
                values::RequestToken::parse(token).map_err(fault)?,
                Verifier::parse(verifier).map_err(fault)?,
            )),
            (None, None) => {
                facts::sign_in_denied();
                Err(Problem::new(
                    Code::SignInDenied,
                    "The person did not agree. Nothing was stored.",
                ))
            }
            (None, Some(_)) => Err(null("oauth_token")),
            (Some(_), None) => Err(null("oauth_verifier")),
        }
    }
}

/// Begin a sign-in.
///
/// Gets a request token from Twitter. Send the person to `authentication_url`; they come back to the web app with
/// `oauth_token` and `oauth_verifier`, or with `denied`.
///
/// The answer sets a cookie, by which `twitter-login` knows the browser that began the sign-in. So make both calls from the
/// same browser, and with credentials: `fetch` with `credentials: "include"`, or `XMLHttpRequest` with `withCredentials`.
/// The cookie is `HttpOnly` and says nothing about the person; a browser has one for each sign-in, 32 at most.
#[utoipa::path(
    get,
    path = "/api/oauth/twitter/request-token",
    operation_id = "begin_sign_in",
    tag = "sign-in",
    responses((
        status = OK, body = RequestTokenBody, description = "A fresh request token.",
        headers(("Set-Cookie" = String, description = "Remembers that this browser began the sign-in."))
    ))
)]
pub(crate) async fn request_token(
    request: HttpRequest,
    api: Data<Api>,
) -> Result<HttpResponse, Problem> {
    let grant = within(api.deadlines.twitter, api.use_cases.sign_ins.begin()).await??;
    let now = api.use_cases.clock.now();
    let mut answer = HttpResponse::Ok();
    for cookie in api.browser.begun(&request, &grant.token, now) {
        answer.append_header(cookie);
    }
    Ok(answer.json(RequestTokenBody {
        token: grant.token.as_str().to_owned(),
        authorization_url: grant.authorization_url.into(),
        authentication_url: grant.authentication_url.into(),
    }))
}

/// Complete a sign-in.
///
/// Signs the person up on first sight. A call that failed before Twitter was asked may be repeated as it is; a pair
/// that was used, has expired, was denied or is somebody else's needs a new request token.
///
/// A browser must have begun the sign-in itself, or the answer is `sign_in_foreign`: otherwise anybody could let a person
/// open an address that signs them in as somebody else. A call is one of a browser if it has the header `Sec-Fetch-Site`
/// or any cookie of a sign-in; other programs need no cookie, unless the configuration asks for it. A browser that brings
/// the cookie gets the answer to the same pair again for 30 s, if it was lost.
#[utoipa::path(
    post,
    path = "/api/oauth/twitter/twitter-login",
    operation_id = "complete_sign_in",
    tag = "sign-in",
    request_body = TwitterLogin,
    responses((
        status = CREATED, body = SignedInBody, description = "Signed in.",
        headers(("Authorization" = String, description = "`Bearer` and the token."))
    ))
)]
pub(crate) async fn twitter_login(
    request: HttpRequest,
    Json(login): Json<TwitterLogin>,
    api: Data<Api>,
) -> Result<HttpResponse, Problem> {
    let (token, verifier) = login.agreed()?;
    let is_known = api
        .browser
        .has_begun(&request, &token)
        .inspect_err(|_| facts::sign_in_foreign())?;
    let sign_ins = Arc::clone(&api.use_cases.sign_ins);
    let completing = async move {
        let outcome = sign_ins.complete(&token, &verifier).await;
        if is_known && let Some(identity) = again(&sign_ins, &outcome, &token, &verifier).await {
            facts::sign_in_repeated(identity);
            return Ok(identity);
        }
        // Here, because the call goes on if its caller hangs up.
        facts::sign_in(&outcome);
        outcome
    };
    let identity = api
        .carried
        .through(api.deadlines.twitter, completing)
        .await??;
    api.use_cases.known_people.learn(identity);
    let earliest = api.use_cases.sign_outs.revocations.good_from(identity.user);
    let access_token = api
        .tokens
        .issue_from(identity, earliest)
        .map_err(Problem::internal)?;
    let bearer =
        HeaderValue::try_from(format!("Bearer {access_token}")).map_err(Problem::internal)?;
    Ok(HttpResponse::Created()
        .insert_header((header::AUTHORIZATION, bearer))
        .json(SignedInBody { access_token }))
}

/// Who signed in with this pair a moment ago, if the call repeats one whose answer was lost.
async fn again(
    sign_ins: &SignIns,
    outcome: &Result<SignedIn, SignInError>,
    token: &values::RequestToken,
    verifier: &Verifier,
) -> Option<SignedIn> {
    match outcome {
        // Twitter takes a verifier once: the other call may have been first.
        Err(SignInError::NotPending | SignInError::Twitter(TwitterError::InvalidToken)) => {
            sign_ins.completed(token, verifier).await.ok().flatten()
        }
        _ => None,
    }
}
