use super::{RegisterError, Registering, wish::Wish};
use crate::{usecases::QuotasError, values::BudgetKey};

impl Registering {
    /// Ends an abandoned call. The next reconciliation gives back a reservation that may still be on its way to the
    /// counter, or cannot be given back now.
    pub(super) async fn withdraw(&self, wish: &Wish<'_>) -> RegisterError {
        let _given_back = self.give_back(wish, &wish.keys()).await;
        RegisterError::Abandoned
    }

    /// Gives back those of the holder's places that no request of the person has recorded, or asked for after this one.
    /// If two calls run concurrently, both hold the same places, and one may have recorded them.
    pub(super) async fn give_back(
        &self,
        wish: &Wish<'_>,
        keys: &[BudgetKey],
    ) -> Result<(), RegisterError> {
        let registrations = &self.ports.registrations;
        let last = registrations.last_use(wish.turn.user, wish.service).await?;
        let unrecorded = wish.unrecorded(last.as_ref(), keys);
        Ok(self.release(wish, &unrecorded).await?)
    }

    pub(super) async fn release(
        &self,
        wish: &Wish<'_>,
        keys: &[BudgetKey],
    ) -> Result<(), QuotasError> {
        let quotas = &self.ports.quotas;
        quotas.release(&wish.holder, keys, wish.at).await
    }
}
