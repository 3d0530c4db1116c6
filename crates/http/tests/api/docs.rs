use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::app::{App, Setup, catalogue, code, header};

fn document() -> String {
    lemon_http::openapi(&catalogue())
}

#[test]
fn the_document_is_as_it_was() {
    let document: Value = serde_json::from_str(&document()).unwrap();
    // Whether maps keep their order depends on what else is built.
    insta::with_settings!({ sort_maps => true }, {
        insta::assert_json_snapshot!(document);
    });
}

#[test]
fn the_document_is_openapi_3_1() {
    let document: Value = serde_json::from_str(&document()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
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
async fn every_call_of_the_document_is_there() {
    let app = App::start();
    let document: Value = serde_json::from_str(&document()).unwrap();
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
    assert_eq!(calls, 11);
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
async fn swagger_ui_is_found_without_its_slash() {
    let app = App::start();
    let answer = app.get("/swagger-ui").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::PERMANENT_REDIRECT);
    assert_eq!(header(&answer, "location"), "/swagger-ui/");
}

#[tokio::test]
async fn a_file_that_swagger_ui_has_not_is_a_problem() {
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
