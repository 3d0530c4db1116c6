use std::sync::Arc;

use actix_web::{HttpResponse, web::Data};

use crate::{
    api::Api,
    deadline::stored,
    extract::{Caller, CallerToken, Unread},
    facts,
    problem::Problem,
};

/// End this token.
///
/// It is refused at once here, and in a few seconds by every replica; other tokens of the person stay good. Workers verify
/// tokens themselves, and accept it until it expires.
#[utoipa::path(
    post,
    path = "/api/logout",
    operation_id = "log_out",
    tag = "sign-in",
    security(("bearer" = [])),
    responses((status = NO_CONTENT, description = "The token is ended."))
)]
pub(crate) async fn log_out(
    caller: CallerToken,
    _: Unread,
    api: Data<Api>,
) -> Result<HttpResponse, Problem> {
    let ending = api
        .use_cases
        .sign_outs
        .log_out(caller.digest, caller.expires_at);
    stored(&api.deadlines, ending)
        .await?
        .map_err(Problem::of_change)?;
    facts::log_out(caller.identity);
    Ok(HttpResponse::NoContent().finish())
}

/// End all tokens of the caller, in every browser.
///
/// As `logout`, for every token that was issued until now. A new sign-in gets a token that is good.
#[utoipa::path(
    post,
    path = "/api/logout-everywhere",
    operation_id = "log_out_everywhere",
    tag = "sign-in",
    security(("bearer" = [])),
    responses((status = NO_CONTENT, description = "The tokens are ended."))
)]
pub(crate) async fn log_out_everywhere(
    Caller(identity): Caller,
    _: Unread,
    api: Data<Api>,
) -> Result<HttpResponse, Problem> {
    let ending = api.use_cases.sign_outs.log_out_everywhere(identity.user);
    stored(&api.deadlines, ending)
        .await?
        .map_err(Problem::of_change)?;
    facts::log_out_everywhere(identity);
    Ok(HttpResponse::NoContent().finish())
}

/// Delete the caller's account here.
///
/// Registrations are deleted at once, and the workers delete the trained data soon after; the access to Twitter is
/// erased and given back to Twitter; all tokens are ended. What stays is that the person has used a service, until the
/// cooldown ends. A later sign-in begins again.
#[utoipa::path(
    delete,
    path = "/api/account",
    operation_id = "delete_account",
    tag = "profile",
    security(("bearer" = [])),
    responses((status = NO_CONTENT, description = "The account is deleted."))
)]
pub(crate) async fn delete_account(
    Caller(identity): Caller,
    _: Unread,
    api: Data<Api>,
) -> Result<HttpResponse, Problem> {
    let sign_outs = Arc::clone(&api.use_cases.sign_outs);
    let deleting = async move {
        let outcome = sign_outs.delete_account(identity).await;
        // Here, because the call goes on if its caller hangs up.
        if let Ok(deletion) = &outcome {
            facts::account_deletion(identity, deletion);
        }
        outcome
    };
    api.carried
        .through(api.deadlines.twitter, deleting)
        .await?
        .map_err(Problem::of_change)?;
    Ok(HttpResponse::NoContent().finish())
}
