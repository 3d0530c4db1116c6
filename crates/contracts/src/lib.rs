#![doc = include_str!("../README.md")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a suite fails the test that runs it"
)]
#![expect(clippy::missing_panics_doc, reason = "every case asserts")]

/// Emits one `#[tokio::test]` per case. Takes a module of case functions, the function that makes a fresh subject, and
/// the cases.
#[doc(hidden)]
#[macro_export]
macro_rules! emit_cases {
    ($cases:path, $subject:path, [$($case:ident),+ $(,)?]) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                use $cases as cases;
                cases::$case($subject().await).await;
            }
        )+
    };
}

pub mod accounts;
pub mod clock;
pub mod directives;
mod given;
pub mod housekeeping;
pub mod id_source;
pub mod import_source;
pub mod import_target;
pub mod job_queue;
pub mod job_tickets;
pub mod outbox;
pub mod pending_sign_ins;
pub mod people;
pub mod place_record;
pub mod queue_keeping;
pub mod quota_counter;
pub mod registrations;
pub mod replica_registry;
pub mod revocations;
pub mod sealed_secrets;
pub mod store;
pub mod training_deadlines;
pub mod twitter_client;

mod race;
mod restoring;
mod subject;
mod traces;

pub use race::race;
pub use restoring::restore;
pub use store::Store;
pub use subject::Subject;
