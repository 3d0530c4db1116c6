//! Values: small types that are always valid.

mod budget;
mod catalogue;
mod credentials;
mod directive;
mod ids;
mod names;
mod registration;
mod seconds;
mod segment;
mod service;
mod task;
mod ticket;
mod trace_context;
mod turn;
mod window;

use std::borrow::Cow;

pub use budget::{Budget, BudgetKey, BudgetName, BudgetState, Holder, Place, Scope};
pub use catalogue::Catalogue;
pub use credentials::{Credentials, RequestToken, Verifier};
pub use directive::{Directive, PausablePart};
pub use ids::{AccountId, Identity, Provider, ProviderUserId, RequestId, UserId};
pub use names::{QueueName, ServicePath, ServiceType};
pub use registration::{
    IdempotencyKey, Registered, Registration, TrainingReady, TrainingState, Use,
};
pub use seconds::whole_seconds;
pub use segment::{Segment, SegmentSums, Sums, fingerprint};
pub use service::{BudgetPolicy, Service, ServiceQueues, TrainingPolicy};
pub use task::{Task, TaskKind};
pub use ticket::{JobTicket, TicketDigest};
pub use trace_context::{SpanId, TraceContext, TraceId};
pub use turn::Turn;
pub use window::{Period, Window, WindowPolicy};

/// Why a text or number is not a valid value. It never shows the text: it may be a secret that was put in the wrong
/// place, and whoever sends it would write to logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {fault}")]
pub struct InvalidValue {
    what: &'static str,
    fault: Cow<'static, str>,
}

impl InvalidValue {
    /// `what` names the value, `fault` says what is wrong with it, as in "the queue name" "is empty". Both are fixed
    /// texts, so that the refused one cannot be in them.
    #[must_use]
    pub const fn new(what: &'static str, fault: &'static str) -> Self {
        Self {
            what,
            fault: Cow::Borrowed(fault),
        }
    }

    /// For a list of values that are valid alone, and not together. `fault` may show such values and numbers.
    #[must_use]
    pub const fn together(what: &'static str, fault: String) -> Self {
        Self {
            what,
            fault: Cow::Owned(fault),
        }
    }
}
