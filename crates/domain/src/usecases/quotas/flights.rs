use std::{collections::HashMap, hash::Hash, sync::Arc};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use parking_lot::Mutex;

use super::QuotasError;

type Work<T> = BoxFuture<'static, Result<T, Arc<QuotasError>>>;

/// Work under way, by its key. A caller that wants the same work joins it and shares its outcome, a failure too.
/// Nothing runs in the background: all waiting callers drive the work, and it is dropped when the last of them gives
/// up.
pub(super) struct Flights<K, T = ()>(Mutex<HashMap<K, WeakShared<Work<T>>>>);

impl<K, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash> Flights<K> {
    /// Restores, or joins the restoration if it is under way; waits for its outcome.
    pub(super) async fn join(
        &self,
        key: &K,
        work: impl Future<Output = Result<(), QuotasError>> + Send + 'static,
    ) -> Result<(), QuotasError> {
        self.under_way(key, work)
            .await
            .map_err(QuotasError::Restoration)
    }
}

impl<K: Clone + Eq + Hash, T: Clone> Flights<K, T> {
    /// Begins the work, or joins it if it is under way.
    pub(super) fn under_way(
        &self,
        key: &K,
        work: impl Future<Output = Result<T, QuotasError>> + Send + 'static,
    ) -> Shared<Work<T>> {
        let mut flights = self.0.lock();
        let joined = flights.get(key).and_then(WeakShared::upgrade);
        // Finished work began before this caller saw the need for it.
        if let Some(joined) = joined.filter(|joined| joined.peek().is_none()) {
            return joined;
        }
        flights.retain(|_, flight| flight.upgrade().is_some());
        let started = work
            .map(|outcome| outcome.map_err(Arc::new))
            .boxed()
            .shared();
        if let Some(flight) = started.downgrade() {
            flights.insert(key.clone(), flight);
        }
        started
    }
}
