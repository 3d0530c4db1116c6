#![doc = include_str!("../README.md")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a testkit fails the test that uses it"
)]
#![expect(clippy::missing_panics_doc, reason = "every function here asserts")]

pub mod fakes;
pub mod services;
pub mod suites;

mod race;
mod restoring;
mod subject;

pub use race::race;
pub use restoring::restore;
pub use subject::Subject;
pub use suites::Store;
