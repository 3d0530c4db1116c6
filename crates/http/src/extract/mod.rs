//! The extractors of handlers. Each refusal is a problem.

mod body;
mod caller;
mod idempotency;
mod offered;

pub(crate) use body::{Fields, FromFields, Json, Unread, invalid, json_within};
pub(crate) use caller::{Caller, CallerToken, KnownCaller};
pub(crate) use idempotency::NamedAttempt;
pub(crate) use offered::Offered;
