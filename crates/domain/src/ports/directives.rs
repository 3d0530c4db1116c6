use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::values::Directive;

/// A directive that an operator has given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenDirective {
    /// What it directs.
    pub directive: Directive,
    /// The number that goes with it: a limit's units.
    pub value: Option<u32>,
    /// Who gave it.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// The directives of operators. They are stored, so that each replica follows them, also one that starts later.
///
/// # Contract
/// 1. A directive that was given is listed once, as it was given last, until it is withdrawn.
/// 2. To withdraw a directive that was not given answers `false` and changes nothing.
/// 3. `directives_changed` returns within a second after a change by any process; also without a change, after some
///    seconds at the latest.
#[async_trait]
pub trait Directives: Send + Sync + 'static {
    /// All directives, in the order of their names. One that only a newer program knows is left out.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn directives(&self) -> Result<Vec<GivenDirective>, StoreError>;

    /// Gives a directive; one of the same name is replaced.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn give(&self, given: &GivenDirective) -> Result<(), StoreError>;

    /// Withdraws a directive; tells whether it was given.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn withdraw(&self, directive: &Directive) -> Result<bool, StoreError>;

    /// Returns when directives may have changed since the previous call.
    async fn directives_changed(&self);
}
