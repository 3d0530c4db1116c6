use std::{collections::HashMap, io, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    web::{Data, Path, ServiceConfig},
};
use lemon_domain::values::Catalogue;
use parking_lot::Mutex;
use utoipa_swagger_ui::{Config, SwaggerFile};

use crate::{
    encoding::CompressibleBody,
    problem::{Code, Problem},
    route::{Route, get},
};

const DOCUMENT: Route = Route {
    pattern: "/v3/api-docs",
    allow: "GET, HEAD",
};
const UI: Route = Route {
    pattern: "/swagger-ui/{file:.*}",
    allow: "GET, HEAD",
};
const UI_WITHOUT_SLASH: Route = Route {
    pattern: "/swagger-ui",
    allow: "GET, HEAD",
};

/// Swagger UI brings its own files and styles its elements in place.
const UI_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                         img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                         frame-ancestors 'none'";

/// The files of Swagger UI that tell what it shows.
const VARIABLE: [&str; 3] = ["", "index.html", "swagger-initializer.js"];
/// How long a browser may keep the others: an hour, in seconds. A new version has them under the same names.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// The OpenAPI document, and Swagger UI to read it with.
#[derive(Clone)]
pub(crate) struct Docs {
    document: CompressibleBody,
    ui: Arc<Config<'static>>,
    files: Arc<Mutex<HashMap<String, File>>>,
}

/// A file of Swagger UI, shared by all its readers.
#[derive(Clone)]
struct File {
    content_type: String,
    body: CompressibleBody,
}

impl File {
    /// A file, as it is in the program: compressed, unless it tells of the configuration.
    fn of(file: SwaggerFile<'_>) -> io::Result<Self> {
        let bytes = file.bytes.into_owned();
        Ok(Self {
            content_type: file.content_type,
            body: if file.gzpipped {
                CompressibleBody::of_gzip(bytes)?
            } else {
                CompressibleBody::new(bytes)
            },
        })
    }
}

impl Docs {
    pub(crate) fn new(catalogue: &Catalogue, operations_port: u16) -> Self {
        let ui = Config::from(DOCUMENT.pattern)
            // It would keep people's tokens in the browser for good.
            .persist_authorization(false)
            .try_it_out_enabled(true);
        Self {
            document: CompressibleBody::new(crate::openapi(catalogue, operations_port)),
            ui: Arc::new(ui),
            files: Arc::default(),
        }
    }

    /// The file; it is made once, even if several callers ask for it at a time.
    fn file(&self, name: &str) -> Result<Option<File>, Problem> {
        let mut files = self.files.lock();
        if let Some(file) = files.get(name) {
            return Ok(Some(file.clone()));
        }
        let file = utoipa_swagger_ui::serve(name, Arc::clone(&self.ui))
            .map_err(|error| Problem::internal(error.to_string()))?
            .map(File::of)
            .transpose()
            .map_err(|error| Problem::internal(error.to_string()))?;
        if let Some(file) = &file {
            files.insert(name.to_owned(), file.clone());
        }
        Ok(file)
    }
}

/// The paths of the documentation, if it is served.
pub(crate) fn routes(app: &mut ServiceConfig, docs: Option<&Docs>) {
    let Some(docs) = docs else { return };
    app.app_data(Data::new(docs.clone()))
        .service(DOCUMENT.resource().route(get().to(document)))
        .service(UI.resource().route(get().to(ui)))
        .service(UI_WITHOUT_SLASH.resource().route(get().to(to_ui)));
}

async fn document(request: HttpRequest, docs: Data<Docs>) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer.content_type("application/json");
    docs.document.answer(&request, &mut answer)
}

async fn to_ui() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((header::LOCATION, "/swagger-ui/"))
        .finish()
}

async fn ui(
    request: HttpRequest,
    name: Path<String>,
    docs: Data<Docs>,
) -> Result<HttpResponse, Problem> {
    let file = docs
        .file(&name)?
        .ok_or_else(|| Problem::new(Code::NotFound, "Swagger UI has no such file."))?;
    let mut answer = HttpResponse::Ok();
    if !VARIABLE.contains(&name.as_str()) {
        answer.insert_header((header::CACHE_CONTROL, KEPT));
    }
    answer.content_type(file.content_type).insert_header((
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(UI_POLICY),
    ));
    Ok(file.body.answer(&request, &mut answer))
}
