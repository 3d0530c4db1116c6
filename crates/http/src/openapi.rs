use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use lemon_domain::values::Catalogue;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Components, Content, Header, Object, Ref, RefOr, Response, ResponseBuilder, Schema, Type,
        example::ExampleBuilder,
        path::{Operation, PathItem},
        schema::SchemaType,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::{
    calls::{oauth, profile, registration, services},
    operations,
    problem::{self, Code, Problem},
};

/// The placeholder for a service's path in the patterns of calls.
const SERVICE: &str = "{service}";

/// The OpenAPI 3.1 document of the API, with the calls of each service of the catalogue by their real paths.
#[must_use]
pub fn openapi(catalogue: &Catalogue) -> String {
    let mut document = OpenApiDocument::openapi();
    offer(&mut document, catalogue);
    // A map with texts as keys can always become JSON.
    document.to_pretty_json().unwrap_or_default()
}

/// Replaces the pattern by the paths of the services, so that a reader can call the paths of the document.
fn offer(document: &mut utoipa::openapi::OpenApi, catalogue: &Catalogue) {
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

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Lemon Toolbox",
        description = "Tools for Twitter, such as *Learn Me*: a chatbot trained on a person's tweets.\n\n\
            Each day has a limited number of places. Problems are `application/problem+json` (RFC 9457) with a \
            stable `code`. A path that is not listed is `not_found`, a method that is not is `method_not_allowed`, \
            with `Allow`. Unknown fields of a body are ignored. Every answer to a request that could be read carries \
            `X-Request-Id`; a caller may choose it.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "sign-in", description = "Sign in with Twitter (OAuth 1.0a)."),
        (name = "profile", description = "The person."),
        (name = "services", description = "Registration for services."),
        (name = "operations", description = "For operators, on a port of its own."),
    ),
    paths(
        oauth::request_token,
        oauth::twitter_login,
        profile::user_profile,
        services::list,
        services::publish,
        registration::register,
        registration::can_use,
        registration::delete,
        operations::live,
        operations::ready,
        operations::metrics_text,
    ),
    components(schemas(problem::ProblemBody<'static>, Code)),
    modifiers(&BearerScheme, &Problems, &Headers)
)]
struct OpenApiDocument;

/// How callers authenticate.
struct BearerScheme;

impl Modify for BearerScheme {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("The `access_token` of a sign-in."))
            .build();
        document
            .components
            .get_or_insert_with(Components::new)
            .add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The problems of each call: its own, and those of tokens, bodies and the server.
struct Problems;

impl Modify for Problems {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        if let Some(components) = &mut document.components
            && let Some(RefOr::T(Schema::Object(schema))) =
                components.schemas.get_mut("ProblemCode")
        {
            schema.description = Some(all_codes());
        }
        for (path, operation) in operations(document) {
            let mut by_status = BTreeMap::<_, Vec<_>>::new();
            for code in codes(operation) {
                by_status
                    .entry(code.status().as_u16())
                    .or_default()
                    .push(code);
            }
            for (status, mut codes) in by_status {
                codes.sort_unstable();
                let response = refusal(&path, &codes);
                let responses = &mut operation.responses.responses;
                responses.insert(status.to_string(), RefOr::T(response));
            }
        }
    }
}

/// A call's own problems, by its `operationId`.
fn own_codes(operation: &str) -> &'static [Code] {
    match operation {
        "begin_sign_in" => &[Code::TwitterRateLimited],
        "complete_sign_in" => &[
            Code::SignInDenied,
            Code::SignInNotPending,
            Code::SignInRejected,
            Code::TwitterRateLimited,
        ],
        "user_profile" => &[
            Code::TwitterAccessRevoked,
            Code::TwitterAccountSuspended,
            Code::TwitterRateLimited,
        ],
        "publish_service" => &[
            Code::UnknownService,
            Code::NotRegistered,
            Code::OutcomeUnknown,
        ],
        "register" => &[
            Code::InvalidHeader,
            Code::UnknownService,
            Code::BadRequest,
            Code::RequestTimeout,
            Code::BodyTooLarge,
            Code::CooldownActive,
            Code::DailyQuotaExhausted,
            Code::QuotaExhausted,
            Code::OutcomeUnknown,
        ],
        "delete_registration" => &[Code::UnknownService, Code::OutcomeUnknown],
        "can_use" => &[Code::UnknownService],
        "ready" => &[Code::NotReady],
        _ => &[],
    }
}

fn all_codes() -> String {
    let codes = Code::ALL.map(|code| {
        let (name, status, title) = (code.as_str(), code.status().as_u16(), code.title());
        format!("- `{name}` ({status}): {title}.")
    });
    format!(
        "The kind of a problem, for programs:\n\n{}",
        codes.join("\n")
    )
}

fn codes(operation: &Operation) -> Vec<Code> {
    let mut codes = own_codes(operation.operation_id.as_deref().unwrap_or_default()).to_vec();
    if operation.security.is_some() {
        codes.extend([Code::TokenMissing, Code::TokenInvalid, Code::TokenExpired]);
    }
    if operation.request_body.is_some() {
        codes.extend([
            Code::BadRequest,
            Code::MalformedJson,
            Code::InvalidBody,
            Code::RequestTimeout,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
        ]);
    }
    codes.push(Code::InternalError);
    let is_of_the_api = !operation
        .tags
        .iter()
        .flatten()
        .any(|tag| tag == "operations");
    if is_of_the_api {
        codes.push(Code::ServiceUnavailable);
    }
    codes
}

/// The answer of one status, with an example of each of its codes.
fn refusal(path: &str, codes: &[Code]) -> Response {
    let titles: Vec<_> = codes
        .iter()
        .map(|code| format!("`{}`: {}.", code.as_str(), code.title()))
        .collect();
    let examples = codes.iter().map(|code| {
        let example = ExampleBuilder::new()
            .summary(code.title())
            .value(example(*code, path))
            .build();
        (code.as_str(), example)
    });
    let content = Content::builder()
        .schema(Some(Ref::from_schema_name("Problem")))
        .examples_from_iter(examples)
        .build();
    let mut response = ResponseBuilder::new()
        .description(titles.join(" "))
        .content(problem::MEDIA_TYPE, content);
    match codes.first().map(|code| code.status()) {
        Some(StatusCode::UNAUTHORIZED) => {
            response = response.header("WWW-Authenticate", text("What is wrong with the token."));
        }
        Some(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
            response = response.header("Retry-After", number("Seconds to wait."));
        }
        _ => {}
    }
    response.build()
}

fn example(code: Code, path: &str) -> Option<serde_json::Value> {
    let mut problem = Problem::new(code, format!("{}.", code.title()));
    if code == Code::CooldownActive {
        problem = problem.can_use_time("2026-11-30T12:00:00+09:00".to_owned());
    }
    if code == Code::NotReady {
        problem = Problem::not_ready(vec!["store"]);
    }
    serde_json::to_value(problem.body(path)).ok()
}

/// The headers that many answers carry.
struct Headers;

impl Modify for Headers {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for (_, operation) in operations(document) {
            let counts = matches!(
                operation.operation_id.as_deref(),
                Some("register" | "can_use")
            );
            for (status, response) in &mut operation.responses.responses {
                let RefOr::T(response) = response else {
                    continue;
                };
                let headers = &mut response.headers;
                headers.insert(
                    "X-Request-Id".to_owned(),
                    RefOr::T(text("Names the request, here and in the logs.")),
                );
                if counts && matches!(status.as_str(), "200" | "201" | "429") {
                    let refuses = status == "429";
                    let (policy, state) = quota_headers(refuses);
                    headers.insert("RateLimit-Policy".to_owned(), RefOr::T(policy));
                    headers.insert("RateLimit".to_owned(), RefOr::T(state));
                }
            }
        }
    }
}

/// `RateLimit-Policy` and `RateLimit`. Only a refusal can be because of the cooldown.
fn quota_headers(refuses: bool) -> (Header, Header) {
    let mut policy = "Units a window, and its seconds: `\"daily\";q=400;w=86400`.".to_owned();
    let mut state = "Units left, and for how many seconds: `\"daily\";r=63;t=1200`.".to_owned();
    if refuses {
        policy +=
            " With `cooldown_active` the person's cooldown follows: `\"cooldown\";q=1;w=604800`.";
        state += " With `cooldown_active` those of the cooldown.";
    }
    (text(&policy), text(&state))
}

fn operations(document: &mut utoipa::openapi::OpenApi) -> Vec<(String, &mut Operation)> {
    document
        .paths
        .paths
        .iter_mut()
        .flat_map(|(path, item)| {
            let path = path.replace(SERVICE, "learn_me");
            of_item(item).map(move |operation| (path.clone(), operation))
        })
        .collect()
}

fn of_item(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
    ]
    .into_iter()
    .flatten()
}

fn text(description: &str) -> Header {
    header(Type::String, description)
}

fn number(description: &str) -> Header {
    header(Type::Integer, description)
}

fn header(schema: Type, description: &str) -> Header {
    let mut header = Header::new(Schema::Object(Object::with_type(SchemaType::Type(schema))));
    header.description = Some(description.to_owned());
    header
}
