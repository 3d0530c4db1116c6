use std::{sync::Arc, time::Duration};

use actix_web::{HttpResponse, web::Data};
use chrono::{DateTime, Utc};
use lemon_domain::{
    usecases::{Accepted, Availability, Permit, RegisterError},
    values::{self, BudgetState, Identity, Service},
    with_causes,
};
use serde::Serialize;
use tokio::join;
use tracing::{info, warn};
use utoipa::ToSchema;

use super::{
    quota::{Policy, QuotaState, policies},
    time::shown,
};
use crate::{
    api::Api,
    deadline::{stored, within},
    extract::{Caller, KnownCaller, NamedAttempt, Offered, Unread},
    facts,
    problem::{Code, Problem},
};

/// How long a question about the places waits for the counter. The answer promises nothing, so it is not worth the
/// deadline of a call.
const COUNTER_PATIENCE: Duration = Duration::from_millis(250);

/// The caller's place today: the n-th of the limit.
#[derive(Serialize, ToSchema)]
#[schema(as = Registered, example = json!({ "register_count": 337, "register_limit": 400 }))]
pub(crate) struct RegisteredBody {
    /// The number of the place, counted from 1.
    register_count: u32,
    /// The places of a day.
    register_limit: u32,
}

/// How many of today's places are taken.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "can_use": true, "register_count": 337, "register_limit": 400 }))]
pub(crate) struct Usability {
    /// A request now would find a place.
    can_use: bool,
    /// Places taken today, never above the limit.
    register_count: u32,
    /// Places a day.
    register_limit: u32,
    /// When the caller's cooldown ends, also after a deletion; `null` if none is running. Only for a caller with a good token.
    #[schema(format = DateTime, value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[expect(
        clippy::option_option,
        reason = "it can be left out, be null, and be a time"
    )]
    can_use_time: Option<Option<String>>,
    /// When the day turns and its places are free again. Only for a caller with a good token.
    #[schema(format = DateTime, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    reset_time: Option<String>,
}

/// Register for a service.
///
/// Takes one of today's places. After the cooldown it trains again. The request has no body; a body is ignored.
#[utoipa::path(
    post,
    path = "/api/service/{service}",
    operation_id = "register",
    tag = "services",
    security(("bearer" = [])),
    params(
        ("service" = String, Path, description = "The path of a service.", example = "learn_me"),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255,
            description = "The client's name for this attempt. The same key from the same person answers the same \
                           again, and nothing happens twice.",
            example = "8e03978e-40d5-43e8-bc93-6894a57f9324"),
    ),
    responses((status = CREATED, body = RegisteredBody, description = "The caller is registered."))
)]
pub(crate) async fn register(
    Offered(service): Offered,
    Caller(identity): Caller,
    NamedAttempt(key): NamedAttempt,
    _: Unread,
    api: Data<Api>,
) -> Result<HttpResponse, Problem> {
    let registering = Arc::clone(&api.use_cases.registering);
    let wanted = Arc::clone(&service);
    let call = |permit: Arc<Permit>| async move {
        let call = registering.register_with(&permit, identity, &wanted, key);
        let outcome = call.await;
        // Here, because the call goes on if its caller hangs up.
        facts::registration(identity, &wanted.service_type, &outcome);
        outcome
    };
    let outcome = api.carried.permitted(call).await?;
    let now = api.use_cases.clock.now();
    match outcome {
        Ok(Accepted {
            registered, daily, ..
        }) => {
            let daily = match daily {
                Some(daily) => Some(daily),
                // The attempt was remembered, and takes no place of its own. It is stored, even if the counter does not
                // answer.
                None => look(&api, &service).await.ok().map(|now| now.daily),
            };
            Ok(registered_as(registered, daily.as_ref(), now))
        }
        Err(RegisterError::CooldownActive { until }) => {
            let places = api.use_cases.registering.daily_limit(&service);
            Err(cooldown_active(until, &service, places, now))
        }
        Err(RegisterError::QuotaExhausted(state)) => Err(exhausted(&state, &service, now)),
        Err(other) => Err(Problem::of_registration(other)),
    }
}

fn registered_as(
    registered: values::Registered,
    daily: Option<&BudgetState>,
    now: DateTime<Utc>,
) -> HttpResponse {
    let mut answer = HttpResponse::Created();
    if let Some(daily) = daily {
        let left = QuotaState::of(daily, now);
        answer
            .insert_header(policies(&[&left.policy]))
            .insert_header(left.header());
    }
    answer.json(RegisteredBody {
        register_count: registered.position,
        register_limit: registered.limit,
    })
}

/// Ask whether there are places.
///
/// With a good token the answer also has `can_use_time` and `reset_time`. A missing or bad one changes nothing.
#[utoipa::path(
    get,
    path = "/api/service/{service}/can-use",
    operation_id = "can_use",
    tag = "services",
    security((), ("bearer" = [])),
    params(("service" = String, Path, description = "The path of a service.", example = "learn_me")),
    responses((status = OK, body = Usability, description = "How many places are taken now."))
)]
pub(crate) async fn can_use(
    Offered(service): Offered,
    KnownCaller(caller): KnownCaller,
    api: Data<Api>,
) -> Result<HttpResponse, Problem> {
    let known = async {
        match caller {
            Some(identity) => cooldown_until(&api, identity, &service).await,
            None => None,
        }
    };
    let (looked, cooldown_until) = join!(look(&api, &service), known);
    let Availability { can_use, daily } = looked?;
    let time = |at| shown(at, Some(&service));
    let left = QuotaState::of(&daily, api.use_cases.clock.now());
    Ok(HttpResponse::Ok()
        .insert_header(policies(&[&left.policy]))
        .insert_header(left.header())
        .json(Usability {
            can_use,
            register_count: daily.used.min(daily.limit),
            register_limit: daily.limit,
            reset_time: cooldown_until.map(|_| time(daily.key.window.end)),
            can_use_time: cooldown_until.map(|until| until.map(time)),
        }))
}

/// When the caller's cooldown ends, if one is running; `None` if the store does not tell, for the answer is of use without it.
async fn cooldown_until(
    api: &Api,
    identity: Identity,
    service: &Service,
) -> Option<Option<DateTime<Utc>>> {
    let asked = api
        .use_cases
        .registering
        .cooldown_until(identity.user, service);
    match within(api.deadlines.call, asked).await {
        Ok(Ok(until)) => Some(until),
        Ok(Err(error)) => {
            warn!(
                error = with_causes(&error),
                "the caller's cooldown could not be read"
            );
            None
        }
        Err(_) => {
            warn!("the caller's cooldown could not be read in time");
            None
        }
    }
}

/// Delete what the service has of the caller.
///
/// The registration is deleted at once; the workers delete the trained data soon after. The call can be repeated. The cooldown stays.
#[utoipa::path(
    delete,
    path = "/api/service/{service}",
    operation_id = "delete_registration",
    tag = "services",
    security(("bearer" = [])),
    params(("service" = String, Path, description = "The path of a service.", example = "learn_me")),
    responses((status = OK, description = "The registration is deleted. The body is empty."))
)]
pub(crate) async fn delete(
    Offered(service): Offered,
    Caller(identity): Caller,
    api: Data<Api>,
) -> Result<HttpResponse, Problem> {
    let deletion = api.use_cases.registering.delete(identity.user, &service);
    let deleted = stored(&api.deadlines, deletion)
        .await?
        .map_err(Problem::of_change)?;
    if let Some(request_id) = deleted {
        facts::deletion(identity, &service.service_type, request_id);
    }
    Ok(HttpResponse::Ok().finish())
}

/// How many of the places are taken now: if the counter does not answer soon, as far as it is known without it.
async fn look(api: &Api, service: &Arc<Service>) -> Result<Availability, Problem> {
    if api.silence.may_ask() {
        let registering = Arc::clone(&api.use_cases.registering);
        let wanted = Arc::clone(service);
        let mut asking = Box::pin(async move { registering.availability(&wanted).await });
        let patience = COUNTER_PATIENCE.min(api.deadlines.call);
        let cause = match within(patience, &mut asking).await {
            Ok(Ok(availability)) => {
                if api.silence.is_broken() {
                    info!("the quota counter answers again");
                }
                return Ok(availability);
            }
            Ok(Err(error)) if !error.is_transient() => return Err(error.into()),
            Ok(Err(error)) => with_causes(&error),
            Err(_) => {
                // It may be restoring a window, which must not start again with each caller.
                api.carried.without_caller(asking);
                "it took too long".to_owned()
            }
        };
        if api.silence.begins() {
            warn!(
                error = cause,
                "the quota counter does not answer: can-use tells what was last known"
            );
        }
    }
    let last = api.use_cases.registering.last_availability(service);
    Ok(within(api.deadlines.call, last).await??)
}

/// The counter was not asked. The number of places that are left would not help the person: the headers describe the
/// limit that refused them.
fn cooldown_active(
    until: DateTime<Utc>,
    service: &Arc<Service>,
    places: u32,
    now: DateTime<Utc>,
) -> Problem {
    let time = shown(until, Some(service));
    let detail = format!("The person may ask again at {time}.");
    let wait = (until - now).to_std().unwrap_or_default();
    let day = service.daily.window.window_at(now);
    let daily = Policy {
        name: service.daily.name.as_str(),
        quota: places,
        window: day.left(day.start),
    };
    let left = QuotaState::of_cooldown(service.cooldown, wait);
    Problem::new(Code::CooldownActive, detail)
        .can_use_time(time)
        .with_header(policies(&[&daily, &left.policy]))
        .with_header(left.header())
        .retry_after(wait)
}

fn exhausted(state: &BudgetState, service: &Service, now: DateTime<Utc>) -> Problem {
    let problem = if state.key.budget == service.daily.name {
        let detail = format!("All {} places of today are taken.", state.limit);
        Problem::new(Code::DailyQuotaExhausted, detail)
    } else {
        let detail = format!("The quota {} is used up.", state.key.budget);
        Problem::new(Code::QuotaExhausted, detail)
    };
    let left = QuotaState::of(state, now);
    problem
        .with_header(policies(&[&left.policy]))
        .with_header(left.header())
        .retry_after(left.resets_in)
}
