//! Where the calls of the document are.

use utoipa::openapi::{
    OpenApi, ServerBuilder,
    server::{Server, ServerVariableBuilder},
};

use super::{is_of_operations, of_item};

/// Names the server of the API, and that of the operations, which is another port.
pub(super) fn name(document: &mut OpenApi, operations_port: u16) {
    document.servers = Some(vec![api()]);
    for item in document.paths.paths.values_mut() {
        if of_item(item).any(|operation| is_of_operations(operation)) {
            item.servers = Some(vec![operations(operations_port)]);
        }
    }
}

/// Relative, because only its reader knows by which name and through which proxy the API is reached.
fn api() -> Server {
    ServerBuilder::new()
        .url("/")
        .description(Some("The API, where this document was read."))
        .build()
}

fn operations(port: u16) -> Server {
    let host = ServerVariableBuilder::new()
        .default_value("127.0.0.1")
        .description(Some("A replica, in the operators' network."));
    ServerBuilder::new()
        .url(format!("http://{{host}}:{port}"))
        .description(Some(
            "A port of its own. It allows no other origin, so Swagger UI cannot call it.",
        ))
        .parameter("host", host)
        .build()
}
