//! Use cases: what people and workers do with the system, over the ports.

mod clock;
mod directives;
mod dispatch;
mod importing;
mod known_people;
mod people_care;
mod permit;
mod profile;
mod quotas;
mod redeeming;
mod registering;
mod resealing;
mod revocations;
mod sign_in;
mod sign_out;
mod ticketing;
mod training;
mod training_sweep;

pub use clock::{ClockError, check_clock, clock_skew};
pub use directives::{DirectiveChange, DirectivesInForce};
pub use dispatch::{Dispatch, Job, JobAccess, Prepared};
pub use importing::{
    EarlierRow, ImportError, ImportMode, ImportReport, Importing, Oddity, PeopleTally,
    RegistrationsTally, Remark,
};
pub use known_people::KnownPeople;
pub use people_care::PeopleCare;
pub use permit::Permit;
pub use profile::{ProfileError, Profiles};
pub use quotas::{Exhausted, Quotas, QuotasError, Unreconciled};
pub use redeeming::{RedeemError, RedeemedTicket, Redeeming, TicketOfJob};
pub use registering::{Accepted, Availability, RegisterError, Registering, RegisteringPorts};
pub use resealing::{ResealReport, Resealing};
pub use revocations::RevocationsInForce;
pub use sign_in::{SignInError, SignIns, SignedIn};
pub use sign_out::{AccountDeletion, SignOuts};
pub use ticketing::Ticketing;
pub use training::Trainings;
pub use training_sweep::{Swept, TrainingSweep};
