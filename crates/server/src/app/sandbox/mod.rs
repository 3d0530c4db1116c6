//! Stand-ins for the outside, and the keys that a machine makes for them. A program that is built without the feature
//! `sandbox` contains nothing of this.

mod credentials;
mod keys;
mod plan;
mod stand_alone;
mod stand_ins;

pub(super) use keys::{make_keys, sealing_key_in};
pub(super) use plan::SandboxPlan;
pub(crate) use stand_alone::StandAlone;
pub(super) use stand_ins::StandIns;
