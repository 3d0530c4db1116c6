use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, web::Data};

use crate::{
    browser::BrowserCookies, config::Deadlines, deadline::Carried, gates::Gates, jwt::Tokens,
    known_profiles::KnownProfiles, problem::Problem, silence::Silence, use_cases::UseCases,
};

/// The state that extractors and handlers share.
pub(crate) struct Api {
    pub(crate) use_cases: UseCases,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) browser: BrowserCookies,
    pub(crate) deadlines: Deadlines,
    pub(crate) carried: Carried,
    /// Of the quota counter.
    pub(crate) silence: Silence,
    pub(crate) gates: Gates,
    pub(crate) profiles: KnownProfiles,
    /// For the browser's copy.
    pub(crate) keep_profiles: Duration,
}

impl Api {
    /// The state of the application that received a request.
    pub(crate) fn of(request: &HttpRequest) -> Result<&Self, Problem> {
        request
            .app_data::<Data<Self>>()
            .map(|api| &***api)
            .ok_or_else(|| Problem::internal("the application has no state"))
    }
}
