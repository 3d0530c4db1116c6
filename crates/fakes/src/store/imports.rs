use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{Brought, ImportTarget, ImportedPerson, KnownHere, StoreError, StoredAccount},
    values::{TrainingState, Use, UserId},
};

use super::{MemoryStore, SignedInAt, StoreState, StoredRegistration};

#[async_trait]
impl ImportTarget for MemoryStore {
    async fn reserve_ids(&self, up_to: UserId) -> Result<(), StoreError> {
        let mut state = self.state().await;
        state.last_user = state.last_user.max(up_to.get());
        Ok(())
    }

    async fn bring(
        &self,
        people: &[ImportedPerson],
        at: DateTime<Utc>,
    ) -> Result<Vec<Brought>, StoreError> {
        let mut state = self.state().await;
        let (brought, rows) = state.known().arrange(people);
        for user in rows.users {
            state.last_user = state.last_user.max(user.get());
        }
        for (user, it) in rows.accounts {
            let stored = StoredAccount {
                user,
                account: it.account,
                credentials: it.credentials.clone(),
            };
            state.accounts.insert(it.account, stored);
            let signed_in = SignedInAt {
                first: at,
                latest: at,
            };
            state.signed_in.insert(it.account, signed_in);
        }
        for (user, account, it) in rows.registrations {
            let key = (user, it.shown.service.clone());
            let last_use = Use {
                turn: 1,
                window_start: DateTime::UNIX_EPOCH,
                cooldown_until: it.shown.can_use_at,
            };
            state.uses.insert(key.clone(), last_use);
            state.imported.insert(key.clone());
            let request_id = it.shown.request_id;
            state.latest_requests.insert(key.clone(), request_id);
            let stored = StoredRegistration {
                shown: it.shown.clone(),
                account,
                requested_at: at,
                announced_at: at,
                announcements: it.announcements,
                finished_at: (it.shown.state == TrainingState::Ready).then_some(at),
            };
            state.registrations.insert(key, stored);
        }
        Ok(brought)
    }

    async fn compare(&self, people: &[ImportedPerson]) -> Result<Vec<Brought>, StoreError> {
        Ok(self.state().await.known().arrange(people).0)
    }
}

impl StoreState {
    fn known(&self) -> KnownHere {
        let owners = self
            .accounts
            .iter()
            .map(|(account, it)| (*account, it.user));
        let used = self.uses.keys().chain(self.registrations.keys());
        KnownHere {
            users: self.accounts.values().map(|it| it.user).collect(),
            owners: owners.collect(),
            used: used.cloned().collect(),
        }
    }
}
