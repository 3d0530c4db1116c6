//! Values: small types that are always valid.

mod budget;
mod catalogue;
mod credentials;
mod ids;
mod names;
mod registration;
mod seconds;
mod segment;
mod service;
mod task;
mod turn;
mod window;

pub use budget::{Budget, BudgetKey, BudgetName, BudgetState, Holder, Place, Scope};
pub use catalogue::Catalogue;
pub use credentials::{Credentials, RequestToken, Verifier};
pub use ids::{AccountId, Identity, Provider, ProviderUserId, RequestId, UserId};
pub use names::{QueueName, ServicePath, ServiceType};
pub use registration::{
    IdempotencyKey, Registered, Registration, TrainingReady, TrainingState, Use,
};
pub use seconds::whole_seconds;
pub use segment::{Segment, SegmentSums, Sums, fingerprint};
pub use service::{BudgetPolicy, Service, ServiceQueues, TrainingPolicy};
pub use task::{Task, TaskKind};
pub use turn::Turn;
pub use window::{Period, Window, WindowPolicy};

/// Why a text or number is not a valid value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {fault}")]
pub struct InvalidValue {
    what: &'static str,
    fault: String,
}

impl InvalidValue {
    /// `what` names the value, `fault` says what is wrong with it, as in "the queue name" "is empty".
    pub fn new(what: &'static str, fault: impl Into<String>) -> Self {
        Self {
            what,
            fault: fault.into(),
        }
    }
}
