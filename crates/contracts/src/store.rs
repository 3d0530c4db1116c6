//! The store family: fourteen ports that share their rows, and therefore share one subject.

use async_trait::async_trait;
use lemon_domain::{
    ports::{
        Accounts, Directives, Housekeeping, ImportTarget, JobTickets, Outbox, PendingSignIns,
        People, PlaceRecord, Registrations, ReplicaRegistry, Revocations, SealedSecrets,
        StoreError, TrainingDeadlines,
    },
    values::{BudgetKey, Place, Segment, Task},
};

/// All ports of a store.
#[async_trait]
pub trait Store:
    Accounts
    + PendingSignIns
    + Registrations
    + TrainingDeadlines
    + Outbox<Task>
    + PlaceRecord
    + Housekeeping
    + ReplicaRegistry
    + Revocations
    + Directives
    + ImportTarget
    + JobTickets
    + People
    + SealedSecrets
{
    /// Every recorded place of a budget in its window, by seat.
    ///
    /// # Errors
    /// As the record's.
    async fn places(&self, key: &BudgetKey) -> Result<Vec<Place>, StoreError>;
}

#[async_trait]
impl<T> Store for T
where
    T: Accounts
        + PendingSignIns
        + Registrations
        + TrainingDeadlines
        + Outbox<Task>
        + PlaceRecord
        + Housekeeping
        + ReplicaRegistry
        + Revocations
        + Directives
        + ImportTarget
        + JobTickets
        + People
        + SealedSecrets,
{
    async fn places(&self, key: &BudgetKey) -> Result<Vec<Place>, StoreError> {
        let (mut places, mut from) = (Vec::new(), Some(Segment::FIRST));
        while let Some(first) = from {
            let portion = self.sums(key, first).await?;
            for segment in portion.segments.into_keys() {
                places.extend(self.segment(key, segment).await?);
            }
            from = portion.next;
        }
        Ok(places)
    }
}

/// Emits the cases of all fourteen ports, each in a module of its own, for a function that makes a fresh, empty
/// [`Subject<dyn Store>`](crate::Subject).
#[macro_export]
macro_rules! store_suites {
    ($subject:ident) => {
        mod accounts {
            $crate::accounts_suite!(super::$subject);
        }
        mod pending_sign_ins {
            $crate::pending_sign_ins_suite!(super::$subject);
        }
        mod registrations {
            $crate::registrations_suite!(super::$subject);
        }
        mod training_deadlines {
            $crate::training_deadlines_suite!(super::$subject);
        }
        mod outbox {
            $crate::outbox_suite!(super::$subject);
        }
        mod place_record {
            $crate::place_record_suite!(super::$subject);
        }
        mod housekeeping {
            $crate::housekeeping_suite!(super::$subject);
        }
        mod directives {
            $crate::directives_suite!(super::$subject);
        }
        mod replica_registry {
            $crate::replica_registry_suite!(super::$subject);
        }
        mod revocations {
            $crate::revocations_suite!(super::$subject);
        }
        mod import_target {
            $crate::import_target_suite!(super::$subject);
        }
        mod job_tickets {
            $crate::job_tickets_suite!(super::$subject);
        }
        mod people {
            $crate::people_suite!(super::$subject);
        }
        mod sealed_secrets {
            $crate::sealed_secrets_suite!(super::$subject);
        }
    };
}
