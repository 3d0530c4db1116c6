//! The store family: seven ports that share their rows, and therefore share one subject.

use async_trait::async_trait;
use lemon_domain::{
    ports::{
        Accounts, Housekeeping, Outbox, PendingSignIns, PlaceRecord, Registrations, StoreError,
        TrainingDeadlines,
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
        + Housekeeping,
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

/// Emits the cases of all seven ports, each in a module of its own, for a function that makes a fresh, empty
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
    };
}
