//! A store whose steps of a registration a test can hold up.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        Deletion, FinishOutcome, NewRegistration, Publication, Registrations, RequestOutcome,
        StoreError,
    },
    values::{
        IdempotencyKey, Registered, Registration, RequestId, ServiceType, TrainingReady, Use,
        UserId,
    },
};
use lemon_fakes::MemoryStore;
use tokio::sync::{Notify, watch};

/// What holds a call up.
#[derive(Default)]
pub(crate) struct Gate {
    closed: watch::Sender<bool>,
    reached: Notify,
    left: Arc<Notify>,
}

/// Tells that a call has left the gate, through it or because it was dropped.
struct Leaving(Arc<Notify>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Gate {
    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    pub(crate) fn open(&self) {
        self.closed.send_replace(false);
    }

    /// Waits until a call is at the closed gate.
    pub(crate) async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Waits until a call that was at the gate is there no more.
    pub(crate) async fn left(&self) {
        self.left.notified().await;
    }

    async fn pass(&self) {
        let mut closed = self.closed.subscribe();
        if *closed.borrow() {
            let _leaving = Leaving(Arc::clone(&self.left));
            self.reached.notify_one();
            closed.wait_for(|closed| !closed).await.unwrap();
        }
    }
}

#[derive(Default)]
pub(crate) struct GatedStore {
    pub(crate) inner: Arc<MemoryStore>,
    /// Before a registration is read.
    pub(crate) reading: Gate,
    /// Before a registration is stored.
    pub(crate) storing: Gate,
}

#[async_trait]
impl Registrations for GatedStore {
    async fn last_use(
        &self,
        user: UserId,
        service: &ServiceType,
    ) -> Result<Option<Use>, StoreError> {
        self.reading.pass().await;
        self.inner.last_use(user, service).await
    }

    async fn answered(
        &self,
        user: UserId,
        service: &ServiceType,
        key: &IdempotencyKey,
    ) -> Result<Option<Registered>, StoreError> {
        self.inner.answered(user, service, key).await
    }

    async fn request(&self, new: NewRegistration) -> Result<RequestOutcome, StoreError> {
        self.storing.pass().await;
        self.inner.request(new).await
    }

    async fn finish(
        &self,
        ready: &TrainingReady,
        request_id: RequestId,
        at: DateTime<Utc>,
    ) -> Result<FinishOutcome, StoreError> {
        self.inner.finish(ready, request_id, at).await
    }

    async fn delete(&self, deletion: Deletion) -> Result<Option<RequestId>, StoreError> {
        self.storing.pass().await;
        self.inner.delete(deletion).await
    }

    async fn set_public(
        &self,
        publication: Publication,
    ) -> Result<Option<Registration>, StoreError> {
        self.storing.pass().await;
        self.inner.set_public(publication).await
    }

    async fn list(&self, user: UserId) -> Result<Vec<Registration>, StoreError> {
        self.inner.list(user).await
    }
}
