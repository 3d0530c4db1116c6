//! The services of the catalogue in the document, by their real paths and types.

use lemon_domain::values::Catalogue;
use utoipa::openapi::{OpenApi, Ref, RefOr, Schema};

use super::{SERVICE, of_item};

/// The schema of a service's type.
const SERVICE_TYPE: &str = "ServiceType";

/// The reference to the schema of a service's type, for the fields that hold one.
pub(crate) fn service_type() -> Ref {
    Ref::from_schema_name(SERVICE_TYPE)
}

/// Replaces the pattern by the paths of the services, so that a reader can call the paths of the document, and lists their
/// types.
pub(super) fn offer(document: &mut OpenApi, catalogue: &Catalogue) {
    list_types(document, catalogue);
    let (patterns, mut paths): (Vec<_>, Vec<_>) = std::mem::take(&mut document.paths.paths)
        .into_iter()
        .partition(|(path, _)| path.contains(SERVICE));
    for service in catalogue.iter() {
        for (pattern, item) in &patterns {
            let mut item = item.clone();
            for operation in of_item(&mut item) {
                operation.parameters = operation.parameters.take().map(|mut parameters| {
                    parameters.retain(
                        |parameter| !matches!(parameter, RefOr::T(path) if path.name == "service"),
                    );
                    parameters
                });
                if let Some(id) = &mut operation.operation_id {
                    *id = format!("{id}_{}", service.path.as_str());
                }
            }
            paths.push((pattern.replace(SERVICE, service.path.as_str()), item));
        }
    }
    document.paths.paths = paths.into_iter().collect();
}

fn list_types(document: &mut OpenApi, catalogue: &Catalogue) {
    let schemas = document.components.as_mut().map(|all| &mut all.schemas);
    if let Some(RefOr::T(Schema::Object(schema))) =
        schemas.and_then(|schemas| schemas.get_mut(SERVICE_TYPE))
    {
        let types = catalogue.iter().map(|service| &service.service_type);
        schema.enum_values = Some(types.map(|name| name.as_str().into()).collect());
    }
}
