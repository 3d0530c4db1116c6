use std::sync::Arc;

use actix_web::{HttpRequest, web::Data};

use crate::{
    config::Deadlines, deadline::Carried, jwt::Tokens, problem::Problem, use_cases::UseCases,
};

/// The state that extractors and handlers share.
pub(crate) struct Api {
    pub(crate) use_cases: UseCases,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) deadlines: Deadlines,
    pub(crate) carried: Carried,
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
