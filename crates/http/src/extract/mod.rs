//! What handlers take from a request. Each refusal is a problem.

mod body;
mod caller;
mod idempotency;
mod offered;

use actix_web::{HttpRequest, web};

pub(crate) use body::{Fields, FromFields, Json, Unread, invalid};
pub(crate) use caller::Caller;
pub(crate) use idempotency::Attempt;
pub(crate) use offered::Offered;

use crate::{calls::Api, problem::Problem};

fn api(request: &HttpRequest) -> Result<&web::Data<Api>, Problem> {
    request
        .app_data::<web::Data<Api>>()
        .ok_or_else(|| Problem::internal("the application has no state"))
}
