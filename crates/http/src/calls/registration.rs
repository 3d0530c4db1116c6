use std::sync::Arc;

use actix_web::{HttpResponse, web::Data};
use chrono::{DateTime, Utc};
use lemon_domain::{
    usecases::{Availability, Permit, RegisterError},
    values::{self, BudgetKey, Service},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Api, quota::Left, shown};
use crate::{
    deadline::{stored, within},
    extract::{Attempt, Caller, Offered, Unread},
    problem::{Code, Problem},
};

/// "Today's n-th of limit."
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "register_count": 337, "register_limit": 400 }))]
pub(crate) struct Registered {
    /// The n-th.
    register_count: u32,
    /// Of limit.
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
}

/// Register for a service.
///
/// Takes one of today's places. After the cooldown it trains again. There is no body; one that comes is ignored.
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
    responses((status = CREATED, body = Registered, description = "Registered: today's n-th of limit."))
)]
pub(crate) async fn register(
    Offered(service): Offered,
    Caller(identity): Caller,
    Attempt(key): Attempt,
    _: Unread,
    api: Data<Api>,
) -> Result<HttpResponse, Problem> {
    let registering = Arc::clone(&api.use_cases.registering);
    let wanted = Arc::clone(&service);
    let call = |permit: Arc<Permit>| async move {
        let call = registering.register_with(&permit, identity, &wanted, key);
        call.await
    };
    let outcome = api.carried.permitted(call).await?;
    let now = api.use_cases.clock.now();
    match outcome {
        Ok(values::Registered { position, limit }) => {
            let mut answer = HttpResponse::Created();
            // The registration stands, whether or not the counter tells what is left.
            if let Ok(availability) = look(&api, &service).await {
                let left = left(&service, &availability, now);
                answer
                    .insert_header(left.policy())
                    .insert_header(left.state());
            }
            Ok(answer.json(Registered {
                register_count: position,
                register_limit: limit,
            }))
        }
        Err(RegisterError::CooldownActive { until }) => {
            let problem = cooldown_active(until, &service, now);
            Err(match look(&api, &service).await {
                Ok(availability) => with_left(problem, &left(&service, &availability, now)),
                Err(_) => problem,
            })
        }
        Err(RegisterError::QuotaExhausted { key, limit }) => {
            Err(exhausted(&key, limit, &service, now))
        }
        Err(other) => Err(Problem::of_registration(other)),
    }
}

/// Ask whether there are places.
#[utoipa::path(
    get,
    path = "/api/service/{service}/can-use",
    operation_id = "can_use",
    tag = "services",
    params(("service" = String, Path, description = "The path of a service.", example = "learn_me")),
    responses((status = OK, body = Usability, description = "How it is now."))
)]
pub(crate) async fn can_use(
    Offered(service): Offered,
    api: Data<Api>,
) -> Result<HttpResponse, Problem> {
    let availability = look(&api, &service).await?;
    let left = left(&service, &availability, api.use_cases.clock.now());
    Ok(HttpResponse::Ok()
        .insert_header(left.policy())
        .insert_header(left.state())
        .json(Usability {
            can_use: availability.can_use,
            register_count: availability.taken,
            register_limit: availability.limit,
        }))
}

/// Delete what the service has of the caller.
///
/// The registration is gone at once, what was trained soon. Calling it again is fine. The cooldown stays.
#[utoipa::path(
    delete,
    path = "/api/service/{service}",
    operation_id = "delete_registration",
    tag = "services",
    security(("bearer" = [])),
    params(("service" = String, Path, description = "The path of a service.", example = "learn_me")),
    responses((status = OK, description = "Gone. The body is empty."))
)]
pub(crate) async fn delete(
    Offered(service): Offered,
    Caller(identity): Caller,
    api: Data<Api>,
) -> Result<HttpResponse, Problem> {
    let deletion = api.use_cases.registering.delete(identity.user, &service);
    stored(&api.deadlines, deletion)
        .await?
        .map_err(Problem::of_change)?;
    Ok(HttpResponse::Ok().finish())
}

/// How many of the places are taken now.
async fn look(api: &Api, service: &Service) -> Result<Availability, Problem> {
    let availability = api.use_cases.registering.availability(service);
    Ok(within(api.deadlines.call, availability).await??)
}

fn left<'a>(service: &'a Service, availability: &Availability, now: DateTime<Utc>) -> Left<'a> {
    Left {
        budget: &service.daily.name,
        limit: availability.limit,
        remaining: availability.limit - availability.taken,
        window: availability.window,
        now,
    }
}

fn cooldown_active(until: DateTime<Utc>, service: &Arc<Service>, now: DateTime<Utc>) -> Problem {
    let time = shown(until, Some(service));
    let detail = format!("The person may ask again at {time}.");
    Problem::new(Code::CooldownActive, detail)
        .can_use_time(time)
        .retry_after((until - now).to_std().unwrap_or_default())
}

fn exhausted(key: &BudgetKey, limit: u32, service: &Service, now: DateTime<Utc>) -> Problem {
    let left = Left {
        budget: &key.budget,
        limit,
        remaining: 0,
        window: key.window,
        now,
    };
    let problem = if key.budget == service.daily.name {
        let detail = format!("All {limit} places of today are taken.");
        Problem::new(Code::DailyQuotaExhausted, detail)
    } else {
        let detail = format!("The quota {} is used up.", key.budget);
        Problem::new(Code::QuotaExhausted, detail)
    };
    with_left(problem, &left).retry_after(left.resets_in())
}

fn with_left(problem: Problem, left: &Left<'_>) -> Problem {
    problem.with_header(left.policy()).with_header(left.state())
}
