use lemon_domain::ports::StoreError;
pub(crate) use lemon_domain::ports::mocks::{
    MockAccounts, MockPendingSignIns, MockPlaceRecord, MockQuotaCounter, MockRegistrations,
};

/// A fault of the store, of which nothing is known but that it passed through.
pub(crate) fn broken_off() -> StoreError {
    StoreError::Unavailable("the connection broke".into())
}
