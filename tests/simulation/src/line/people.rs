use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::FutureExt;
use lemon_domain::{
    ports::{
        Accounts, Deletion, FinishOutcome, Forgotten, NewRegistration, People, PersonRecord,
        Publication, Registrations, RequestOutcome, SignIn, StoreError, StoredAccount,
    },
    values::{
        AccountId, IdempotencyKey, Registered, Registration, RequestId, ServiceType, TrainingReady,
        Use, UserId,
    },
};

use super::{CALL, Line};
use crate::plan::Side;

#[async_trait]
impl Registrations for Line {
    async fn last_use(
        &self,
        user: UserId,
        service: &ServiceType,
    ) -> Result<Option<Use>, StoreError> {
        let (store, service) = (self.world.store.clone(), service.clone());
        let effect = async move { store.last_use(user, &service).await };
        self.call(Side::Store, "reads a use", effect.boxed()).await
    }

    async fn answered(
        &self,
        user: UserId,
        service: &ServiceType,
        key: &IdempotencyKey,
    ) -> Result<Option<Registered>, StoreError> {
        let (store, service, key) = (self.world.store.clone(), service.clone(), key.clone());
        let effect = async move { store.answered(user, &service, &key).await };
        self.call(Side::Store, "reads an attempt", effect.boxed())
            .await
    }

    async fn request(&self, new: NewRegistration) -> Result<RequestOutcome, StoreError> {
        let call = CALL.try_get().ok();
        let (world, name) = (self.world.clone(), self.life.name.clone());
        let effect = async move {
            let outcome = world.store.request(new.clone()).await?;
            let number = call.unwrap_or_default();
            let words = || {
                let (user, id) = (new.identity.user, new.request_id);
                let seats: Vec<_> = new.places.iter().map(|it| it.seat).collect();
                format!(
                    " by call {number} for person {user}, {}, seats {seats:?}, as {id}: {outcome:?}",
                    new.service
                )
            };
            world.chronicle.note(&name, "stored", number, words);
            match &outcome {
                RequestOutcome::Registered => {
                    let after = world.chronicle.elapsed();
                    world.enter(|history| history.registered(&new, call, after));
                    world.row_put.notify_waiters();
                }
                RequestOutcome::SeatTaken(taken) => {
                    world.seat_refused(|| format!("call {number} was refused {taken:?}"));
                }
                RequestOutcome::Repeated(_) | RequestOutcome::UsedBefore(_) => {}
            }
            Ok(outcome)
        };
        self.call(Side::Store, "stores a request", effect.boxed())
            .await
    }

    async fn finish(
        &self,
        ready: &TrainingReady,
        request_id: RequestId,
        at: DateTime<Utc>,
    ) -> Result<FinishOutcome, StoreError> {
        let (world, ready) = (self.world.clone(), ready.clone());
        let name = self.life.name.clone();
        let effect = async move {
            let outcome = world.store.finish(&ready, request_id, at).await?;
            let words = || {
                let id = ready.request_id.map(RequestId::get);
                format!(
                    " {id:?} of {}, {}: {outcome:?}",
                    ready.account, ready.service
                )
            };
            world.chronicle.note(&name, "finished", 0, words);
            world.enter(|history| history.finished(&ready, outcome));
            world.row_put.notify_waiters();
            Ok(outcome)
        };
        self.call(Side::Store, "finishes a training", effect.boxed())
            .await
    }

    async fn delete(&self, deletion: Deletion) -> Result<Option<RequestId>, StoreError> {
        let (world, name) = (self.world.clone(), self.life.name.clone());
        let effect = async move {
            let (user, service) = (deletion.user, deletion.service.clone());
            let deleted = world.store.delete(deletion).await?;
            if deleted.is_some() {
                let words = || format!(" {deleted:?} of person {user}, {service}");
                world.chronicle.note(&name, "deleted", 0, words);
                world.enter(|history| {
                    history.deleted(user, &service);
                    Ok(())
                });
                world.row_put.notify_waiters();
            }
            Ok(deleted)
        };
        self.call(Side::Store, "deletes a registration", effect.boxed())
            .await
    }

    async fn set_public(
        &self,
        publication: Publication,
    ) -> Result<Option<Registration>, StoreError> {
        self.world.store.set_public(publication).await
    }

    async fn list(&self, user: UserId) -> Result<Vec<Registration>, StoreError> {
        self.world.store.list(user).await
    }
}

#[async_trait]
impl Accounts for Line {
    async fn sign_in(&self, sign_in: SignIn) -> Result<UserId, StoreError> {
        self.world.store.sign_in(sign_in).await
    }

    async fn account(&self, account: AccountId) -> Result<Option<StoredAccount>, StoreError> {
        let store = self.world.store.clone();
        let effect = async move { store.account(account).await };
        self.call(Side::Store, "reads an account", effect.boxed())
            .await
    }

    async fn accounts(&self, accounts: &[AccountId]) -> Result<Vec<StoredAccount>, StoreError> {
        let (store, accounts) = (self.world.store.clone(), accounts.to_vec());
        let effect = async move { store.accounts(&accounts).await };
        self.call(Side::Store, "reads accounts", effect.boxed())
            .await
    }

    async fn sealing_key_ids(&self) -> Result<Vec<String>, StoreError> {
        self.world.store.sealing_key_ids().await
    }
}

#[async_trait]
impl People for Line {
    async fn person(&self, account: AccountId) -> Result<Option<PersonRecord>, StoreError> {
        self.world.store.person(account).await
    }

    async fn forget(
        &self,
        account: AccountId,
        at: DateTime<Utc>,
    ) -> Result<Option<Forgotten>, StoreError> {
        let (world, name) = (self.world.clone(), self.life.name.clone());
        let effect = async move {
            let forgotten = world.store.forget(account, at).await?;
            if let Some(gone) = &forgotten {
                let words = || format!(" person {}: {:?}", gone.user, gone.registrations);
                world.chronicle.note(&name, "forgot", 0, words);
                world.enter(|history| {
                    history.forgotten(gone.user, &gone.registrations);
                    Ok(())
                });
                world.row_put.notify_waiters();
            }
            Ok(forgotten)
        };
        self.call(Side::Store, "forgets a person", effect.boxed())
            .await
    }
}
