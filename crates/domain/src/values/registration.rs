use chrono::{DateTime, Utc};

use super::{AccountId, InvalidValue, RequestId, ServiceType};

/// A client's name for one attempt (`Idempotency-Key`): 1 to 255 printable ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Takes the header's text.
    ///
    /// # Errors
    /// If it is empty, too long or has other characters.
    pub fn parse(key: impl Into<String>) -> Result<Self, InvalidValue> {
        let key = key.into();
        let fits = (1..=255).contains(&key.len())
            && key.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        if fits {
            Ok(Self(key))
        } else {
            Err(InvalidValue::new(
                "Idempotency-Key",
                "is not 1 to 255 printable ASCII characters",
            ))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The state of the training of a registration's latest request, whatever happened to an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrainingState {
    /// The workers have it, or will have it.
    Training,
    /// It has finished.
    Ready,
    /// The workers did not finish it within its deadline, however often it was announced. It may still become ready.
    Failed,
}

/// A person's registration for a service, as they see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The service.
    pub service: ServiceType,
    /// The request it comes from.
    pub request_id: RequestId,
    /// Whether others may use the result.
    pub public: bool,
    /// Whether a training has finished; stays true while a later one runs.
    pub ready: bool,
    /// The state of the training of the latest request.
    pub state: TrainingState,
    /// When the person may ask again.
    pub can_use_at: DateTime<Utc>,
}

/// A person's latest use of a service. It outlives the registration, until nothing needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The number of this use among the person's uses, from 1.
    pub turn: u32,
    /// The start of the daily window whose place it took.
    pub window_start: DateTime<Utc>,
    /// When the person may ask again.
    pub cooldown_until: DateTime<Utc>,
}

/// The answer to an accepted request: "today's n-th of limit."
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registered {
    /// The n-th.
    pub position: u32,
    /// Of limit.
    pub limit: u32,
}

/// A worker's message that a training is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainingReady {
    /// The account that was trained for.
    pub account: AccountId,
    /// The service.
    pub service: ServiceType,
    /// The request, if the worker knows it; without it, the current one.
    pub request_id: Option<RequestId>,
}
