use std::collections::BTreeSet;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, Setup, catalogue, code, header, unpacked};

fn document() -> String {
    lemon_http::openapi(&catalogue(), 8082)
}

fn parsed() -> Value {
    serde_json::from_str(&document()).unwrap()
}

#[test]
fn the_document_is_as_it_was() {
    let document = parsed();
    // Whether maps keep their order depends on what else is built.
    insta::with_settings!({ sort_maps => true }, {
        insta::assert_json_snapshot!(document);
    });
}

#[test]
fn the_typescript_is_as_it_was() {
    insta::assert_snapshot!(lemon_http::typescript(&catalogue()));
}

#[test]
fn the_typescript_has_every_schema_and_call_of_the_document() {
    let (text, document) = (lemon_http::typescript(&catalogue()), parsed());
    assert!(!text.contains("unknown;"), "{text}");
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let declared = [
            format!("export interface {name} {{"),
            format!("export type {name} ="),
        ];
        assert!(declared.iter().any(|it| text.contains(it)), "{name}");
        for field in schema["properties"].as_object().into_iter().flatten() {
            assert!(
                text.contains(&format!("\n  {}", field.0)),
                "{name}.{}",
                field.0
            );
        }
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        let is_called = path.starts_with("/api/");
        for method in item
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| *key != "servers")
        {
            let call = format!("\n  \"{} {path}\": {{", method.to_uppercase());
            assert_eq!(text.contains(&call), is_called, "{call}");
        }
    }
}

#[test]
fn the_document_is_openapi_3_1() {
    let document = parsed();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
}

#[test]
fn every_reference_of_the_document_has_a_target() {
    let text = document();
    let document: Value = serde_json::from_str(&text).unwrap();
    let references: Vec<_> = text
        .split("\"$ref\": \"#")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert!(!references.is_empty());
    for reference in references {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn every_call_of_the_document_exists() {
    let app = App::start();
    let document = parsed();
    let mut calls = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        if !path.starts_with("/api/") {
            continue;
        }
        for method in item.as_object().unwrap().keys() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let answer = app.call(method, path).send().await.unwrap();
            let status = answer.status().as_u16();
            assert!(!matches!(status, 404 | 405), "{path}: {status}");
            calls += 1;
        }
    }
    assert_eq!(calls, 14);
}

#[test]
fn a_call_that_everybody_may_make_takes_a_token_or_none() {
    let calls = &parsed()["paths"];
    let can_use = &calls["/api/service/learn_me/can-use"]["get"];
    assert_eq!(can_use["security"], json!([{}, { "bearer": [] }]));
    assert!(can_use["responses"].get("401").is_none());
    let list = &calls["/api/service"]["get"];
    assert_eq!(list["security"], json!([{ "bearer": [] }]));
    assert!(list["responses"].get("401").is_some());
}

#[test]
fn the_operations_are_at_their_own_port() {
    let document = parsed();
    assert_eq!(document["servers"][0]["url"], "/");
    for (path, item) in document["paths"].as_object().unwrap() {
        let server = item.pointer("/servers/0/url");
        let own = (!path.starts_with("/api/")).then(|| json!("http://{host}:8082"));
        assert_eq!(server, own.as_ref(), "{path}");
    }
}

#[test]
fn the_types_of_services_are_those_of_the_catalogue() {
    let schemas = &parsed()["components"]["schemas"];
    let types = catalogue()
        .iter()
        .map(|s| s.service_type.to_string())
        .collect::<Vec<_>>();
    assert_eq!(schemas["ServiceType"]["enum"], json!(types));
    for body in ["RegisteredService", "Publication"] {
        let field = &schemas[body]["properties"]["service_type"];
        assert_eq!(field["$ref"], "#/components/schemas/ServiceType", "{body}");
    }
}

#[tokio::test]
async fn the_claims_of_a_token_are_those_of_the_document() {
    let token = App::start().sign_in(1).await;
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap());
    let claims: Value = serde_json::from_slice(&claims.unwrap()).unwrap();
    let schema = &parsed()["components"]["schemas"]["TokenClaims"];
    let names = |object: &Value| {
        object
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(names(&claims), names(&schema["properties"]));
    assert_eq!(
        schema["required"],
        json!(["sub", "user_id", "oauth_token", "exp"])
    );
}

#[tokio::test]
async fn the_document_is_served() {
    let app = App::start();
    let answer = app.get("/v3/api-docs").send().await.unwrap();
    assert_eq!(header(&answer, "content-type"), "application/json");
    assert_eq!(answer.text().await.unwrap(), document());
}

#[tokio::test]
async fn swagger_ui_is_served_from_built_in_files() {
    let app = App::start();
    let answer = app.get("/swagger-ui/").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(header(&answer, "content-type").starts_with("text/html"));
    let policy = header(&answer, "content-security-policy").to_owned();
    assert!(policy.contains("script-src 'self';"), "{policy}");
    let page = answer.text().await.unwrap();
    assert!(page.contains("swagger-ui-bundle.js"));
    for file in ["swagger-ui-bundle.js", "swagger-ui.css"] {
        let answer = app.get(&format!("/swagger-ui/{file}")).send().await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{file}");
        assert_eq!(header(&answer, "cache-control"), "public, max-age=3600");
    }
    let answer = app.get("/swagger-ui/swagger-initializer.js").send().await;
    let answer = answer.unwrap();
    assert_eq!(header(&answer, "cache-control"), "no-store");
    let script = answer.text().await.unwrap();
    assert!(script.contains("/v3/api-docs"), "{script}");
    // Nobody's token stays in the browser.
    assert!(
        !script.contains("\"persistAuthorization\": true"),
        "{script}"
    );
}

#[tokio::test]
async fn the_documentation_is_compressed_for_who_takes_it() {
    let app = App::start();
    for path in ["/v3/api-docs", "/swagger-ui/swagger-ui-bundle.js"] {
        let plain = app.get(path).send().await.unwrap();
        assert!(plain.headers().get("content-encoding").is_none(), "{path}");
        assert_eq!(header(&plain, "vary"), "Accept-Encoding");
        let plain = plain.bytes().await.unwrap();
        for accepted in ["br, gzip", "gzip;q=0.5, identity;q=0.1"] {
            let packed = app.get(path).header("Accept-Encoding", accepted);
            let packed = packed.send().await.unwrap();
            assert_eq!(header(&packed, "content-encoding"), "gzip", "{accepted}");
            assert_eq!(header(&packed, "vary"), "Accept-Encoding");
            let packed = packed.bytes().await.unwrap();
            assert!(packed.len() * 3 < plain.len(), "{path}: {}", packed.len());
            assert_eq!(unpacked(&packed), plain);
        }
        for refused in ["br", "identity", "gzip;q=0", "nonsense;;"] {
            let answer = app.get(path).header("Accept-Encoding", refused);
            let answer = answer.send().await.unwrap();
            assert!(
                answer.headers().get("content-encoding").is_none(),
                "{refused}"
            );
            assert_eq!(answer.bytes().await.unwrap(), plain);
        }
    }
}

/// A token beside text that the caller chooses could be guessed from the length.
#[tokio::test]
async fn an_answer_of_the_api_is_not_compressed() {
    let app = App::start();
    let token = app.sign_in(1).await;
    for path in [
        "/api/oauth/twitter/request-token",
        "/api/twitter/user-profile",
        "/api/service",
        "/api/service/learn_me/can-use",
    ] {
        let call = app
            .get(path)
            .header("Accept-Encoding", "gzip")
            .bearer_auth(&token);
        let answer = call.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert!(answer.headers().get("content-encoding").is_none(), "{path}");
    }
}

#[tokio::test]
async fn swagger_ui_is_found_without_its_slash() {
    let app = App::start();
    let answer = app.get("/swagger-ui").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::PERMANENT_REDIRECT);
    assert_eq!(header(&answer, "location"), "/swagger-ui/");
}

#[tokio::test]
async fn a_file_that_swagger_ui_does_not_have_is_a_problem() {
    let app = App::start();
    for file in ["nonsense.js", "../../Cargo.toml", "%2e%2e/index.html"] {
        let answer = app.get(&format!("/swagger-ui/{file}")).send().await;
        assert_eq!(code(answer.unwrap()).await, "not_found", "{file}");
    }
}

#[tokio::test]
async fn documentation_can_be_turned_off() {
    let setup = Setup {
        docs: false,
        ..Setup::default()
    };
    let app = App::start_with(setup);
    for path in ["/v3/api-docs", "/swagger-ui/", "/swagger-ui"] {
        let answer = app.get(path).send().await.unwrap();
        assert_eq!(code(answer).await, "not_found", "{path}");
    }
}
