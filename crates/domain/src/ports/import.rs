use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::{
    sealing::Sealed,
    values::{AccountId, Registration, ServiceType, UserId},
};

/// A person of an earlier system who is to be stored here.
#[derive(Debug, Clone)]
pub struct ImportedPerson {
    /// Their number there, which they keep.
    pub user: UserId,
    /// Their accounts, at least one, each once; the latest first.
    pub accounts: Vec<ImportedAccount>,
    /// Their registrations, at most one for a service.
    pub registrations: Vec<ImportedRegistration>,
}

/// An account of an earlier system.
#[derive(Debug, Clone)]
pub struct ImportedAccount {
    /// Its id.
    pub account: AccountId,
    /// Its credentials, sealed.
    pub credentials: Sealed,
}

/// A registration of an earlier system.
#[derive(Debug, Clone)]
pub struct ImportedRegistration {
    /// What the person sees. The request id is new.
    pub shown: Registration,
    /// How often its training counts as announced, from 1.
    pub announcements: u32,
}

/// How a person of an earlier system arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// They were not known, and are stored with their number.
    Added,
    /// They are known here by their number.
    Known,
    /// Their account is known here, as that of a person with this number: they signed in here first. Their registrations
    /// are stored for that person.
    KnownAs(UserId),
    /// Their number is another person's here. Nothing of theirs is stored.
    IdTaken,
}

/// What became of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// How they arrived.
    pub arrival: Arrival,
    /// The services whose registrations were stored.
    pub added: Vec<ServiceType>,
}

/// The store as the target of an import.
///
/// # Contract
/// 1. `bring` stores people who are not known, with their numbers, accounts and registrations: all of them in one step, or
///    nothing. It answers what became of each, in order.
/// 2. What is here stays as it is: credentials, registrations, uses. So a repetition stores nothing.
/// 3. A registration is not stored if the person has one for the service, or has used the service here, or if it was
///    brought before: also if it was deleted since, however long ago.
/// 4. A registration is stored as it is given, without an outbox row. Its use blocks requests until `can_use_at`, takes no
///    place, and does not expire.
/// 5. The deadline of a training that is under way runs from `at`. A ready message finishes it, and one that has failed.
/// 6. A person whose account belongs to another person here is `KnownAs` that person. A person whose number is that of
///    other accounts here is `IdTaken`.
/// 7. After `reserve_ids`, each new person gets a number above. A lower number than before changes nothing.
/// 8. `compare` answers what `bring` would answer, and changes nothing.
/// 9. Concurrent calls store each person once.
#[async_trait]
pub trait ImportTarget: Send + Sync + 'static {
    /// Keeps the numbers up to this one for people who are imported.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn reserve_ids(&self, up_to: UserId) -> Result<(), StoreError>;

    /// Stores people and their registrations.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn bring(
        &self,
        people: &[ImportedPerson],
        at: DateTime<Utc>,
    ) -> Result<Vec<Brought>, StoreError>;

    /// Tells what [`bring`](Self::bring) would do.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn compare(&self, people: &[ImportedPerson]) -> Result<Vec<Brought>, StoreError>;
}
