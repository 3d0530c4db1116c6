//! Use cases: what people and workers do with the system, over the ports.

mod clock;
mod dispatch;
mod permit;
mod profile;
mod quotas;
mod registering;
mod sign_in;
mod training;
mod training_sweep;

pub use clock::{ClockError, check_clock};
pub use dispatch::{Dispatch, Job, Prepared};
pub use permit::Permit;
pub use profile::{ProfileError, Profiles};
pub use quotas::{Exhausted, Quotas, QuotasError, Unreconciled};
pub use registering::{Accepted, Availability, RegisterError, Registering, RegisteringPorts};
pub use sign_in::{SignInError, SignIns, SignedIn};
pub use training::Trainings;
pub use training_sweep::{Swept, TrainingSweep};
