use std::sync::Arc;

use lemon_domain::{
    ports::{Clock, IdSource},
    usecases::{Profiles, Registering, SignIns},
    values::Catalogue,
};

/// The use cases and ports of the API.
#[derive(Clone)]
pub struct UseCases {
    /// Sign in.
    pub sign_ins: Arc<SignIns>,
    /// Profile.
    pub profiles: Arc<Profiles>,
    /// Registration.
    pub registering: Arc<Registering>,
    /// Services.
    pub catalogue: Arc<Catalogue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids of tokens and requests.
    pub ids: Arc<dyn IdSource>,
}
