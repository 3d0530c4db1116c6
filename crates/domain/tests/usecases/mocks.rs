//! Ports that answer as a test says. One that is asked what no test expects panics.

use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        Accounts, Deletion, FinishOutcome, NewRegistration, PendingSignIn, PendingSignIns,
        PlaceRecord, Publication, QuotaCounter, QuotaError, RecordSums, RecordedSegment,
        Registrations, RequestOutcome, Reservation, ReserveOutcome, RestorationId, SignIn,
        SignInClaim, StoreError, StoredAccount, WindowSums,
    },
    values::{
        AccountId, BudgetKey, Holder, IdempotencyKey, Place, Registered, Registration, RequestId,
        RequestToken, Segment, ServiceType, TrainingReady, Use, UserId,
    },
};

mockall::mock! {
    pub(crate) Accounts {}

    #[async_trait::async_trait]
    impl Accounts for Accounts {
        async fn sign_in(&self, sign_in: SignIn) -> Result<UserId, StoreError>;
        async fn account(&self, account: AccountId) -> Result<Option<StoredAccount>, StoreError>;
        async fn accounts(&self, accounts: &[AccountId]) -> Result<Vec<StoredAccount>, StoreError>;
    }
}

mockall::mock! {
    pub(crate) PendingSignIns {}

    #[async_trait::async_trait]
    impl PendingSignIns for PendingSignIns {
        async fn put(&self, pending: PendingSignIn) -> Result<(), StoreError>;
        async fn take(
            &self,
            token: &RequestToken,
            claim: &SignInClaim,
            now: DateTime<Utc>,
        ) -> Result<Option<PendingSignIn>, StoreError>;
        async fn discard(&self, token: &RequestToken) -> Result<(), StoreError>;
    }
}

mockall::mock! {
    pub(crate) Registrations {}

    #[async_trait::async_trait]
    impl Registrations for Registrations {
        async fn last_use(
            &self,
            user: UserId,
            service: &ServiceType,
        ) -> Result<Option<Use>, StoreError>;
        async fn answered(
            &self,
            user: UserId,
            service: &ServiceType,
            key: &IdempotencyKey,
        ) -> Result<Option<Registered>, StoreError>;
        async fn request(&self, new: NewRegistration) -> Result<RequestOutcome, StoreError>;
        async fn finish(
            &self,
            ready: &TrainingReady,
            request_id: RequestId,
            at: DateTime<Utc>,
        ) -> Result<FinishOutcome, StoreError>;
        async fn delete(&self, deletion: Deletion) -> Result<bool, StoreError>;
        async fn set_public(
            &self,
            publication: Publication,
        ) -> Result<Option<Registration>, StoreError>;
        async fn list(&self, user: UserId) -> Result<Vec<Registration>, StoreError>;
    }
}

mockall::mock! {
    pub(crate) PlaceRecord {}

    #[async_trait::async_trait]
    impl PlaceRecord for PlaceRecord {
        async fn sums(&self, key: &BudgetKey, from: Segment) -> Result<RecordSums, StoreError>;
        async fn segment(
            &self,
            key: &BudgetKey,
            segment: Segment,
        ) -> Result<Vec<Place>, StoreError>;
        async fn total(&self, key: &BudgetKey) -> Result<u64, StoreError>;
        async fn correct_total(&self, key: &BudgetKey) -> Result<bool, StoreError>;
    }
}

mockall::mock! {
    pub(crate) QuotaCounter {}

    #[async_trait::async_trait]
    impl QuotaCounter for QuotaCounter {
        async fn reserve(&self, reservation: &Reservation) -> Result<ReserveOutcome, QuotaError>;
        async fn release(
        &self,
        holder: &Holder,
        keys: &[BudgetKey],
        as_of: DateTime<Utc>,
    ) -> Result<(), QuotaError>;
        async fn usage(&self, keys: &[BudgetKey]) -> Result<Vec<Option<u32>>, QuotaError>;
        async fn sums(&self, key: &BudgetKey) -> Result<WindowSums, QuotaError>;
        async fn begin_restoration(
            &self,
            key: &BudgetKey,
        ) -> Result<Option<RestorationId>, QuotaError>;
        async fn restore(&self, record: &RecordedSegment) -> Result<bool, QuotaError>;
        async fn open(
            &self,
            key: &BudgetKey,
            restoration: RestorationId,
        ) -> Result<bool, QuotaError>;
    }
}

/// A fault of the store, of which nothing is known but that it passed through.
pub(crate) fn broken_off() -> StoreError {
    StoreError::Unavailable("the connection broke".into())
}
