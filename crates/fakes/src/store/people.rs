use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        Deletion, Forgotten, OutboxRecord, People, PersonRecord, RegistrationRecord, StoreError,
        StoredAccount, UseRecord,
    },
    sealing::Sealed,
    values::{AccountId, ServiceType, TaskKind, TrainingState, UserId},
};

use super::{Mechanism, MemoryStore, OutboxRow, StoreState, StoredRegistration};

#[async_trait]
impl People for MemoryStore {
    async fn person(&self, account: AccountId) -> Result<Option<PersonRecord>, StoreError> {
        Ok(self.state().await.person(account))
    }

    async fn forget(
        &self,
        account: AccountId,
        at: DateTime<Utc>,
    ) -> Result<Option<Forgotten>, StoreError> {
        let mut state = self.state().await;
        let Some(user) = state.accounts.get(&account).map(|stored| stored.user) else {
            return Ok(None);
        };
        let forgotten = state.forget(user, at);
        self.row_put.notify_one();
        Ok(Some(forgotten))
    }
}

/// Whether the account has credentials: those of a person who was forgotten are erased.
pub(super) fn is_sealed(stored: &StoredAccount) -> bool {
    !stored.credentials.key_id.is_empty()
}

impl StoreState {
    /// The account, unless its person was forgotten.
    pub(super) fn sealed_account(&self, account: AccountId) -> Option<&StoredAccount> {
        self.accounts
            .get(&account)
            .filter(|stored| is_sealed(stored))
    }

    /// Fails for a person who was forgotten, and has not signed in since.
    pub(super) fn refuse_forgotten(&self, user: UserId) -> Result<(), StoreError> {
        let mut accounts = self.accounts.values().filter(|it| it.user == user);
        let any = accounts.next();
        if any.is_some_and(|first| !is_sealed(first)) && !accounts.any(is_sealed) {
            return Err(StoreError::UnknownPerson);
        }
        Ok(())
    }

    fn person(&self, account: AccountId) -> Option<PersonRecord> {
        let stored = self.accounts.get(&account)?;
        let signed_in = self.signed_in.get(&account)?;
        let theirs = self.registrations.iter();
        let theirs = theirs.filter(|((user, _), _)| *user == stored.user);
        let uses = self.uses.iter();
        let uses = uses.filter(|((user, _), _)| *user == stored.user);
        let rows = self.outbox.values();
        let rows = rows.filter(|row| row.entry.content.account == account);
        Some(PersonRecord {
            user: stored.user,
            account,
            sealed_with: is_sealed(stored).then(|| stored.credentials.key_id.clone()),
            signed_up_at: signed_in.first,
            refreshed_at: signed_in.latest,
            registrations: theirs.map(|(_, current)| current.record()).collect(),
            uses: uses
                .map(|(key, last)| UseRecord {
                    service: key.1.clone(),
                    last: last.clone(),
                    request_id: self.latest_requests.get(key).copied(),
                })
                .collect(),
            outbox: rows.map(OutboxRow::record).collect(),
        })
    }

    fn forget(&mut self, user: UserId, at: DateTime<Utc>) -> Forgotten {
        let accounts = self.accounts.values_mut().filter(|it| it.user == user);
        let (mut theirs, mut erased) = (Vec::new(), false);
        for stored in accounts {
            erased |= is_sealed(stored);
            theirs.push(stored.account);
            stored.credentials = Sealed {
                key_id: String::new(),
                data: Vec::new(),
            };
        }
        for account in theirs.iter().filter(|_| erased) {
            if let Some(signed_in) = self.signed_in.get_mut(account) {
                signed_in.latest = at;
            }
        }
        self.void_tickets(&theirs);
        let goes = |row: &OutboxRow| {
            let task = &row.entry.content;
            task.kind != TaskKind::Delete && theirs.contains(&task.account)
        };
        let withdrawn = self.outbox.values().filter(|row| goes(row)).count() as u64;
        let services = self.registrations.keys().filter(|(it, _)| *it == user);
        let registrations: Vec<ServiceType> =
            services.map(|(_, service)| service.clone()).collect();
        for service in registrations.iter().cloned() {
            self.delete(&Deletion { user, service, at });
        }
        self.outbox.retain(|_, row| !goes(row));
        self.attempts.retain(|(it, _), _| *it != user);
        if !self.has(Mechanism::UseOutlivesPerson) {
            self.uses.retain(|(it, _), _| *it != user);
        }
        Forgotten {
            user,
            registrations,
            withdrawn,
            erased,
        }
    }
}

impl StoredRegistration {
    fn record(&self) -> RegistrationRecord {
        let runs = self.shown.state == TrainingState::Training;
        RegistrationRecord {
            shown: self.shown.clone(),
            requested_at: self.requested_at,
            announced_at: runs.then_some(self.announced_at),
            announcements: self.announcements,
            finished_at: self.finished_at,
        }
    }
}

impl OutboxRow {
    fn record(&self) -> OutboxRecord {
        let task = &self.entry.content;
        OutboxRecord {
            id: self.entry.id,
            kind: task.kind,
            service: task.service.clone(),
            request_id: self.entry.request_id,
            attempts: self.entry.attempt,
            created_at: self.entry.created_at,
            due_at: self.due_at,
            set_aside_at: self.set_aside_at,
        }
    }
}
