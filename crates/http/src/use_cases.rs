use std::sync::Arc;

use lemon_domain::{
    ports::{Clock, IdSource},
    usecases::{KnownPeople, Profiles, Registering, SignIns, SignOuts},
    values::Catalogue,
};

/// The use cases and ports of the API.
#[derive(Clone)]
pub struct UseCases {
    /// Sign in.
    pub sign_ins: Arc<SignIns>,
    /// The ends of sign-ins and accounts.
    pub sign_outs: Arc<SignOuts>,
    /// Whose accounts are known.
    pub known_people: Arc<KnownPeople>,
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
