//! Contract suites: one per port, one named test per case.

/// Emits one `#[tokio::test]` per case: a module of case functions, the function that makes a fresh subject, the cases.
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
mod given;
pub mod housekeeping;
pub mod id_source;
pub mod job_queue;
pub mod outbox;
pub mod pending_sign_ins;
pub mod place_record;
pub mod quota_counter;
pub mod registrations;
pub mod store;
pub mod training_deadlines;
pub mod twitter_client;

pub use store::Store;
