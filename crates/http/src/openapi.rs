mod servers;
mod services;

use std::collections::BTreeMap;

use actix_web::http::{Method, StatusCode};
use lemon_domain::values::Catalogue;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Components, Content, Header, Object, Ref, RefOr, Response, ResponseBuilder, Schema, Type,
        example::ExampleBuilder,
        path::{Operation, PathItem},
        schema::SchemaType,
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

pub(crate) use services::service_type;

use crate::{
    calls::{self, oauth, profile, registration},
    jwt::IssuedClaims,
    operations,
    problem::{self, Code, Problem},
};

/// The placeholder for a service's path in the patterns of calls.
const SERVICE: &str = "{service}";

/// The OpenAPI 3.1 document of the API, with the calls of each service of the catalogue by their real paths, and those of the
/// operations at their own port.
#[must_use]
pub fn openapi(catalogue: &Catalogue, operations_port: u16) -> String {
    let mut document = OpenApiDocument::openapi();
    services::offer(&mut document, catalogue);
    servers::name(&mut document, operations_port);
    // A map with texts as keys can always become JSON.
    document.to_pretty_json().unwrap_or_default()
}

/// An answer that the document lists.
pub(crate) struct DocumentedAnswer {
    pub(crate) method: Method,
    /// The pattern of the path, such as `/api/service/{service}`.
    pub(crate) route: String,
    pub(crate) status: StatusCode,
}

/// Every answer of every call.
pub(crate) fn answers() -> Vec<DocumentedAnswer> {
    let mut answers = Vec::new();
    for (route, item) in OpenApiDocument::openapi().paths.paths {
        let operations = [
            (Method::GET, item.get),
            (Method::PUT, item.put),
            (Method::POST, item.post),
            (Method::DELETE, item.delete),
        ];
        for (method, operation) in operations {
            let responses = operation.map(|operation| operation.responses.responses);
            let statuses = responses.into_iter().flatten();
            let statuses = statuses.filter_map(|(status, _)| status.parse().ok());
            answers.extend(statuses.map(|status| DocumentedAnswer {
                method: method.clone(),
                route: route.clone(),
                status,
            }));
        }
    }
    answers
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Lemon Toolbox",
        description = "Tools for Twitter, such as *Learn Me*: a chatbot trained on a person's tweets.\n\n\
            Each day has a limited number of places. Problems are `application/problem+json` (RFC 9457) with a \
            stable `code`. A path that is not listed is `not_found`, a method that is not is `method_not_allowed`, \
            with `Allow`. A server that only its own machine reaches answers other hosts with `wrong_host`. Unknown fields of a body are ignored. Every answer to a request that could be read carries \
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
        calls::sign_out::log_out,
        calls::sign_out::log_out_everywhere,
        profile::user_profile,
        calls::sign_out::delete_account,
        calls::services::list,
        calls::services::publish,
        registration::register,
        registration::can_use,
        registration::delete,
        operations::live,
        operations::ready,
        operations::metrics_text,
    ),
    components(schemas(
        problem::ProblemBody<'static>,
        Code,
        calls::services::ServiceTypeBody,
        IssuedClaims
    )),
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
            .description(Some(
                "The `access_token` of a sign-in: a JWT, signed with HS512. Its claims are the schema `TokenClaims`.",
            ))
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
            Code::SignInForeign,
            Code::SignInRejected,
            Code::OutcomeUnknown,
            Code::TwitterRateLimited,
        ],
        "user_profile" => &[
            Code::TwitterAccessRevoked,
            Code::TwitterAccountSuspended,
            Code::TwitterRateLimited,
        ],
        "log_out" | "log_out_everywhere" | "delete_account" => &[
            Code::BadRequest,
            Code::RequestTimeout,
            Code::BodyTooLarge,
            Code::OutcomeUnknown,
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
            Code::ServicePaused,
            Code::OutcomeUnknown,
        ],
        "delete_registration" => &[Code::UnknownService, Code::OutcomeUnknown],
        "can_use" => &[Code::UnknownService],
        "ready" => &[Code::NotReady, Code::Draining],
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
    if needs_token(operation) {
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
    if !is_of_operations(operation) {
        codes.extend([Code::TooManyCalls, Code::ServiceUnavailable]);
    }
    codes
}

/// Whether the call refuses who brings no good token. An empty requirement among others makes the token optional.
fn needs_token(operation: &Operation) -> bool {
    let requirements = operation.security.as_ref();
    requirements.is_some_and(|all| !all.contains(&SecurityRequirement::default()))
}

fn is_of_operations(operation: &Operation) -> bool {
    let mut tags = operation.tags.iter().flatten();
    tags.any(|tag| tag == "operations")
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
    let mut policy =
        "The units of a window, and its length in seconds: `\"daily\";q=400;w=86400`.".to_owned();
    let mut state =
        "The units that are left, and the seconds until the window ends: `\"daily\";r=63;t=1200`."
            .to_owned();
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
