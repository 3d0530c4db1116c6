//! The values that steps are made of.
#![expect(clippy::expect_used, reason = "the values are right")]

use chrono::{DateTime, TimeDelta, Utc};
use lemon_domain::{
    ports::{PendingSignIn, ReservedPlace, SignInClaim},
    sealing::Sealed,
    values::{
        AccountId, BudgetKey, BudgetName, IdempotencyKey, ProviderUserId, RequestId, RequestToken,
        Scope, ServiceType, Verifier, Window,
    },
};
use uuid::Uuid;

use super::step::{FurtherPlace, Whose};

/// Places of a day, and units of another budget.
const LIMITS: (u32, u32) = (3, 5);

pub(super) fn service(other: bool) -> ServiceType {
    ServiceType::parse(if other { "DRAWME" } else { "LEARNME" }).expect("a service")
}

pub(super) fn service_of(whose: Whose) -> ServiceType {
    service(whose.other_service)
}

pub(super) fn account(person: usize) -> AccountId {
    let id = i64::try_from(person).expect("few people") + 1;
    AccountId::twitter(ProviderUserId::try_from(id).expect("a number"))
}

pub(super) fn sealed(key: u8, data: &str) -> Sealed {
    Sealed {
        key_id: format!("key-{key}"),
        data: data.as_bytes().to_vec(),
    }
}

pub(super) fn request_id(number: u32) -> RequestId {
    RequestId::new(Uuid::from_u128(number.into()))
}

pub(super) fn idempotency_key(attempt: u8) -> IdempotencyKey {
    IdempotencyKey::parse(format!("attempt-{attempt}")).expect("a key")
}

pub(super) fn token(token: u8) -> RequestToken {
    RequestToken::parse(format!("token-{token}")).expect("a token")
}

pub(super) fn claim(claim: u8) -> SignInClaim {
    SignInClaim::of(&Verifier::parse(format!("verifier-{claim}")).expect("a verifier"))
}

pub(super) fn pending(number: u8, key: u8, expires_at: DateTime<Utc>) -> PendingSignIn {
    PendingSignIn {
        token: token(number),
        secret: sealed(key, "secret"),
        expires_at,
    }
}

/// The budget of the day that a time is in; days begin at 21:00 UTC.
pub(super) fn day(service: &ServiceType, at: DateTime<Utc>) -> BudgetKey {
    let first: DateTime<Utc> = "2020-11-01T21:00:00Z".parse().expect("a time");
    let start = first + TimeDelta::days((at - first).num_days());
    BudgetKey {
        scope: service.into(),
        budget: BudgetName::daily(),
        window: Window {
            start,
            end: start + TimeDelta::days(1),
        },
    }
}

/// A budget whose windows are of 61 days.
pub(super) fn reads(service: &ServiceType, shared: bool, at: DateTime<Utc>) -> BudgetKey {
    let first: DateTime<Utc> = "2020-10-31T21:00:00Z".parse().expect("a time");
    let days = (at - first).num_days();
    let start = first + TimeDelta::days(days - days % 61);
    BudgetKey {
        scope: if shared {
            Scope::shared()
        } else {
            service.into()
        },
        budget: BudgetName::parse("reads").expect("a budget"),
        window: Window {
            start,
            end: start + TimeDelta::days(61),
        },
    }
}

pub(super) fn places(
    service: &ServiceType,
    seat: u32,
    further: Option<FurtherPlace>,
    at: DateTime<Utc>,
) -> Vec<ReservedPlace> {
    let of_the_day = ReservedPlace {
        key: day(service, at),
        seat,
        units: 1,
        limit: LIMITS.0,
    };
    let further = further.map(|it| ReservedPlace {
        key: reads(service, it.shared, at),
        seat: it.seat,
        units: it.units,
        limit: LIMITS.1,
    });
    [of_the_day].into_iter().chain(further).collect()
}
