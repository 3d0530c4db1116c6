//! Stores.

mod given;
mod look;
mod people;
mod registering;
mod run;
mod side;
mod step;
mod upkeep;
mod words;

pub use run::compare_stores;
pub use step::{StoreStep, store_steps};
