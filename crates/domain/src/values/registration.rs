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

/// How far the training of a registration's latest request is, whatever an earlier one came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrainingState {
    /// The workers have it, or will have.
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
    /// Others may use the result.
    pub public: bool,
    /// A training has finished; stays true while a later one runs.
    pub ready: bool,
    /// How far the training of the latest request is.
    pub state: TrainingState,
    /// When the person may ask again.
    pub can_use_at: DateTime<Utc>,
}

/// The bare fact of a person's latest use of a service. It outlives the registration, until nothing needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// Which of the person's uses it was, from 1.
    pub turn: u32,
    /// The start of the daily window whose place it took.
    pub window_start: DateTime<Utc>,
    /// When the person may ask again.
    pub cooldown_until: DateTime<Utc>,
}

/// What an accepted request is answered: "today's n-th of limit."
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registered {
    /// The n-th.
    pub position: u32,
    /// Of limit.
    pub limit: u32,
}

/// What a worker says: a training is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainingReady {
    /// Whose.
    pub account: AccountId,
    /// Which service.
    pub service: ServiceType,
    /// Which request, if the worker knows; without it, the current one.
    pub request_id: Option<RequestId>,
}
