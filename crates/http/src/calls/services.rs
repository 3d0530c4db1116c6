use actix_web::{HttpResponse, web::Data};
use lemon_domain::{
    ports,
    values::{Registration, ServiceType, TrainingState},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::time::shown;
use crate::{
    api::Api,
    deadline::{stored, within},
    extract::{Caller, Fields, FromFields, Json, invalid},
    facts,
    openapi::service_type,
    problem::{Code, Problem},
};

/// The name of a service in bodies and messages. The list is that of the configuration; a registration for a service that was
/// taken out of it keeps its name.
#[derive(ToSchema)]
#[schema(as = ServiceType, example = "LEARNME")]
#[expect(dead_code, reason = "it is only documented: bodies hold it as a text")]
pub(crate) struct ServiceTypeBody(String);

/// A service the caller is registered for.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "service_type": "LEARNME",
    "public": false,
    "ready": true,
    "state": "ready",
    "can_use_time": "2026-11-30T12:00:00+09:00",
}))]
pub(crate) struct RegisteredService {
    /// The service.
    #[schema(schema_with = service_type)]
    service_type: String,
    /// Others may use the result.
    public: bool,
    /// A training has finished. Stays true while a later one runs.
    ready: bool,
    /// How far the training of the latest request is.
    state: TrainingStateBody,
    /// When the caller may ask again, in the zone of the service's day.
    #[schema(format = DateTime)]
    can_use_time: String,
}

/// How far the training of the latest request is: it runs; it has finished; or it was not finished in time and the caller
/// may register again. `ready` tells of an earlier result, too.
#[derive(Serialize, ToSchema)]
#[schema(as = TrainingState)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TrainingStateBody {
    Training,
    Ready,
    Failed,
}

impl From<TrainingState> for TrainingStateBody {
    fn from(state: TrainingState) -> Self {
        match state {
            TrainingState::Training => Self::Training,
            TrainingState::Ready => Self::Ready,
            TrainingState::Failed => Self::Failed,
        }
    }
}

/// Whether others may use the result of a service.
#[derive(Serialize, ToSchema)]
#[schema(as = Publication, example = json!({ "service_type": "LEARNME", "public": true }))]
pub(crate) struct PublicationBody {
    /// The service.
    #[schema(schema_with = service_type)]
    service_type: String,
    /// Others may use the result.
    public: bool,
}

impl FromFields for PublicationBody {
    fn from_fields(fields: &Fields) -> Result<Self, Problem> {
        Ok(Self {
            service_type: fields.text("service_type")?.to_owned(),
            public: fields.flag("public")?,
        })
    }
}

/// The services the caller is registered for.
///
/// At most one entry per type. Every change shows at once.
#[utoipa::path(
    get,
    path = "/api/service",
    operation_id = "list_services",
    tag = "services",
    security(("bearer" = [])),
    responses((status = OK, body = [RegisteredService], description = "The services, by type."))
)]
pub(crate) async fn list(
    Caller(identity): Caller,
    api: Data<Api>,
) -> Result<HttpResponse, Problem> {
    let registrations = within(
        api.deadlines.call,
        api.use_cases.registering.list(identity.user),
    )
    .await??;
    let services: Vec<_> = registrations
        .into_iter()
        .map(|registration| registered(&api, registration))
        .collect();
    Ok(HttpResponse::Ok().json(services))
}

/// Say whether others may use the result.
#[utoipa::path(
    put,
    path = "/api/service",
    operation_id = "publish_service",
    tag = "services",
    security(("bearer" = [])),
    request_body = PublicationBody,
    responses((status = OK, body = PublicationBody, description = "The setting as it is now."))
)]
pub(crate) async fn publish(
    Caller(identity): Caller,
    Json(wish): Json<PublicationBody>,
    api: Data<Api>,
) -> Result<HttpResponse, Problem> {
    let service =
        ServiceType::parse(&wish.service_type).map_err(|fault| invalid(format!("{fault}.")))?;
    if api.use_cases.catalogue.by_type(&service).is_none() {
        return Err(Problem::new(
            Code::UnknownService,
            "No service has this type.",
        ));
    }
    let publication = ports::Publication {
        user: identity.user,
        service,
        public: wish.public,
    };
    let published = stored(
        &api.deadlines,
        api.use_cases.registering.publish(publication.clone()),
    )
    .await?
    .map_err(Problem::of_change)?
    .ok_or_else(|| {
        Problem::new(
            Code::NotRegistered,
            "The caller is not registered for this service.",
        )
    })?;
    facts::publication(identity, &publication, published.request_id);
    Ok(HttpResponse::Ok().json(PublicationBody {
        service_type: published.service.to_string(),
        public: published.public,
    }))
}

fn registered(api: &Api, registration: Registration) -> RegisteredService {
    let Registration {
        service,
        public,
        ready,
        state,
        can_use_at,
        ..
    } = registration;
    RegisteredService {
        can_use_time: shown(can_use_at, api.use_cases.catalogue.by_type(&service)),
        service_type: service.to_string(),
        public,
        ready,
        state: state.into(),
    }
}
