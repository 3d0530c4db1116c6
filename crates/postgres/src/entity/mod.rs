//! The tables' rows. Private: the API of this crate has only the domain's values.
#![expect(
    unreachable_pub,
    reason = "sea-orm's derives make public items, and their types must be as visible"
)]

pub mod accounts;
pub mod attempts;
pub mod budget_totals;
pub mod directives;
pub mod job_tickets;
pub mod outbox;
pub mod pending_sign_ins;
pub mod places;
pub mod registrations;
pub mod replicas;
pub mod revocations;
pub mod users;
pub mod uses;
