//! The store family: six ports that share their rows, and so one subject.

use lemon_domain::ports::{
    Accounts, Housekeeping, Outbox, PendingSignIns, PlaceRecord, Registrations,
};

/// Everything that a store keeps.
pub trait Store:
    Accounts + PendingSignIns + Registrations + Outbox + PlaceRecord + Housekeeping
{
}

impl<T> Store for T where
    T: Accounts + PendingSignIns + Registrations + Outbox + PlaceRecord + Housekeeping
{
}

/// Emits the cases of all six ports, each in a module of its own, for a function that makes a fresh, empty
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
