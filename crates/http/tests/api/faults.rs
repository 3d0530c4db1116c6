//! A quota counter that can be made to fail in every way there is.

use std::{mem, sync::Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        QuotaCounter, QuotaError, RecordedSegment, Reservation, ReserveOutcome, RestorationId,
        WindowSums,
    },
    values::{BudgetKey, Holder},
};
use lemon_fakes::MemoryQuotaCounter;
use tokio::sync::{Notify, watch};

/// What no answer may contain.
pub(crate) const SECRET: &str = "redis://:hunter2@10.0.0.7";

#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    Unavailable,
    Rejected,
    Hang,
    Panic,
}

#[derive(Default)]
pub(crate) struct FaultyCounter {
    inner: MemoryQuotaCounter,
    fault: watch::Sender<Option<Fault>>,
    reached: Notify,
    asked: Mutex<Vec<&'static str>>,
}

impl FaultyCounter {
    /// From now on every call fails like this.
    pub(crate) fn fail(&self, fault: Fault) {
        self.fault.send_replace(Some(fault));
    }

    /// From now on all is well, also for calls that hang.
    pub(crate) fn recover(&self) {
        self.fault.send_replace(None);
    }

    /// What it was asked since this was called last.
    pub(crate) fn asked(&self) -> Vec<&'static str> {
        mem::take(&mut self.asked.lock().unwrap())
    }

    /// Waits until a call hangs.
    pub(crate) async fn reached(&self) {
        self.reached.notified().await;
    }

    async fn check(&self, call: &'static str) -> Result<(), QuotaError> {
        self.asked.lock().unwrap().push(call);
        let fault = *self.fault.borrow();
        match fault {
            None => Ok(()),
            Some(Fault::Unavailable) => Err(QuotaError::Unavailable(SECRET.into())),
            Some(Fault::Rejected) => Err(QuotaError::Rejected(SECRET.into())),
            Some(Fault::Hang) => {
                self.reached.notify_one();
                let mut fault = self.fault.subscribe();
                fault.wait_for(Option::is_none).await.unwrap();
                Ok(())
            }
            Some(Fault::Panic) => panic!("{SECRET}"),
        }
    }
}

#[async_trait]
impl QuotaCounter for FaultyCounter {
    async fn reserve(&self, reservation: &Reservation) -> Result<ReserveOutcome, QuotaError> {
        self.check("reserve").await?;
        self.inner.reserve(reservation).await
    }

    async fn release(
        &self,
        holder: &Holder,
        keys: &[BudgetKey],
        as_of: DateTime<Utc>,
    ) -> Result<(), QuotaError> {
        self.check("release").await?;
        self.inner.release(holder, keys, as_of).await
    }

    async fn usage(&self, keys: &[BudgetKey]) -> Result<Vec<Option<u32>>, QuotaError> {
        self.check("usage").await?;
        self.inner.usage(keys).await
    }

    async fn sums(&self, key: &BudgetKey) -> Result<WindowSums, QuotaError> {
        self.check("sums").await?;
        self.inner.sums(key).await
    }

    async fn begin_restoration(
        &self,
        key: &BudgetKey,
    ) -> Result<Option<RestorationId>, QuotaError> {
        self.check("begin_restoration").await?;
        self.inner.begin_restoration(key).await
    }

    async fn restore(&self, record: &RecordedSegment) -> Result<bool, QuotaError> {
        self.check("restore").await?;
        self.inner.restore(record).await
    }

    async fn open(&self, key: &BudgetKey, restoration: RestorationId) -> Result<bool, QuotaError> {
        self.check("open").await?;
        self.inner.open(key, restoration).await
    }
}
