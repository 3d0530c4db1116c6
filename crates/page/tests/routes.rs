//! What the page's routes answer, without a browser.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use actix_web::{
    App, HttpResponse,
    body::MessageBody,
    dev::ServiceResponse,
    http::{Method, StatusCode, header},
    test::{self, TestRequest},
    web,
};
use lemon_page::{PageConfig, routes};
use serde_json::Value;
use url::Url;

const SANDBOX: &str = "http://127.0.0.1:8081";
const PATHS: [(&str, &str); 8] = [
    ("/", "text/html; charset=utf-8"),
    ("/assets/style.css", "text/css; charset=utf-8"),
    ("/assets/app.js", "text/javascript; charset=utf-8"),
    ("/assets/api.js", "text/javascript; charset=utf-8"),
    ("/assets/session.js", "text/javascript; charset=utf-8"),
    ("/assets/view.js", "text/javascript; charset=utf-8"),
    ("/assets/words.js", "text/javascript; charset=utf-8"),
    ("/assets/icon.svg", "image/svg+xml"),
];

fn config() -> PageConfig {
    PageConfig {
        sandbox_url: Url::parse(SANDBOX).expect("a URL"),
        home: None,
        training: Duration::from_millis(2500),
        service_path: "learn_me".into(),
        service_type: "LEARNME".into(),
    }
}

/// Asks an application that serves the page and answers everything else with 418.
async fn ask(request: TestRequest) -> ServiceResponse<impl MessageBody> {
    let other = web::to(|| async { HttpResponse::ImATeapot().finish() });
    let app = App::new()
        .configure(routes(config()))
        .default_service(other);
    test::call_service(&test::init_service(app).await, request.to_request()).await
}

async fn text(path: &str) -> String {
    let body = test::read_body(ask(TestRequest::get().uri(path)).await).await;
    String::from_utf8(body.to_vec()).expect("text")
}

fn header<'a>(answer: &'a ServiceResponse<impl MessageBody>, name: &str) -> &'a str {
    let value = answer.headers().get(name);
    let value = value.unwrap_or_else(|| panic!("no {name} in {:?}", answer.headers()));
    value.to_str().expect("visible ASCII")
}

#[actix_web::test]
async fn every_document_has_its_type_and_is_revalidated_each_time() {
    for (path, content_type) in PATHS {
        let answer = ask(TestRequest::get().uri(path)).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert_eq!(header(&answer, "content-type"), content_type, "{path}");
        assert_eq!(header(&answer, "cache-control"), "no-cache", "{path}");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
        assert_eq!(header(&answer, "referrer-policy"), "no-referrer");
        assert!(!test::read_body(answer).await.is_empty(), "{path}");
    }
}

#[actix_web::test]
async fn the_policy_allows_the_own_origin_and_the_sandbox_but_nothing_inline() {
    let answer = ask(TestRequest::get().uri("/")).await;
    assert_eq!(
        header(&answer, "content-security-policy"),
        "default-src 'none'; script-src 'self'; style-src 'self'; \
         img-src 'self' http://127.0.0.1:8081; connect-src 'self' http://127.0.0.1:8081; \
         form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    );
}

#[actix_web::test]
async fn a_document_that_the_browser_has_is_not_sent_again() {
    for (path, _) in PATHS {
        let first = ask(TestRequest::get().uri(path)).await;
        let etag = header(&first, "etag").to_owned();
        let held = format!("\"another\", {etag}");
        let request = TestRequest::get().uri(path);
        let again = ask(request.insert_header((header::IF_NONE_MATCH, held))).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
        assert_eq!(header(&again, "etag"), etag);
        assert!(test::read_body(again).await.is_empty(), "{path}");
    }
}

#[actix_web::test]
async fn a_document_that_the_browser_has_in_another_version_is_sent() {
    let request = TestRequest::get().uri("/assets/app.js");
    let answer = ask(request.insert_header((header::IF_NONE_MATCH, "\"another\""))).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[actix_web::test]
async fn documents_are_only_read() {
    let head = ask(TestRequest::with_uri("/").method(Method::HEAD)).await;
    assert_eq!(head.status(), StatusCode::OK);
    let options = ask(TestRequest::with_uri("/").method(Method::OPTIONS)).await;
    assert_eq!(options.status(), StatusCode::NO_CONTENT);
    assert_eq!(header(&options, "allow"), "GET, HEAD");
    for (path, _) in PATHS {
        let answer = ask(TestRequest::post().uri(path)).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(header(&answer, "allow"), "GET, HEAD");
        assert_eq!(header(&answer, "content-type"), "application/problem+json");
        let problem: Value = test::read_body_json(answer).await;
        assert_eq!(problem["status"], 405);
        assert_eq!(problem["code"], "method_not_allowed");
        assert_eq!(problem["instance"], path);
    }
}

#[actix_web::test]
async fn every_other_path_belongs_to_the_application() {
    for path in [
        "/index.html",
        "/assets",
        "/assets/",
        "/assets/none.js",
        "/api/service",
    ] {
        let answer = ask(TestRequest::get().uri(path)).await;
        assert_eq!(answer.status(), StatusCode::IM_A_TEAPOT, "{path}");
    }
}

#[actix_web::test]
async fn the_html_has_no_inline_script_or_style() {
    let html = text("/").await;
    assert!(html.contains(r#"<script type="module" src="/assets/app.js"></script>"#));
    assert_eq!(html.matches("<script").count(), 1);
    assert!(!html.contains("<style"), "{html}");
    assert!(!html.contains(" style="), "{html}");
    assert!(!html.contains("javascript:"), "{html}");
    let handlers = [
        " onclick=",
        " onload=",
        " onerror=",
        " onsubmit=",
        " onchange=",
    ];
    assert!(handlers.iter().all(|on| !html.contains(on)), "{html}");
}

#[actix_web::test]
async fn no_document_names_another_host_than_the_sandbox() {
    for (path, _) in PATHS {
        let rest = text(path)
            .await
            .replace(SANDBOX, "")
            .replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        assert!(!rest.contains("://"), "{path}: {rest}");
    }
}

#[actix_web::test]
async fn the_html_contains_the_values_that_the_scripts_need() {
    let html = text("/").await;
    for attribute in [
        r#"data-sandbox="http://127.0.0.1:8081""#,
        r#"data-training-seconds="2.5""#,
        r#"data-service-path="learn_me""#,
        r#"data-service-type="LEARNME""#,
    ] {
        assert!(html.contains(attribute), "{attribute} is not in {html}");
    }
}

#[actix_web::test]
async fn every_file_that_the_html_and_the_scripts_request_is_served() {
    let mut asked = 0;
    for (path, _) in PATHS {
        let text = text(path).await.replace("'./", "'/assets/");
        for rest in text
            .split(['"', '\''])
            .filter(|it| it.starts_with("/assets/"))
        {
            assert!(
                PATHS.iter().any(|(path, _)| *path == rest),
                "{rest} in {path}"
            );
            asked += 1;
        }
    }
    assert!(asked >= 12, "{asked}");
}

#[actix_web::test]
async fn both_languages_have_the_same_texts_and_every_name_in_the_html_has_one() {
    let script = text("/assets/words.js").await;
    let names = |tag: &str| -> Vec<String> {
        let start = script.find(&format!("\n  {tag}: {{")).expect("a language");
        let block = script[start + 1..].lines().skip(1);
        block
            .take_while(|line| *line != "  },")
            .filter_map(|line| line.strip_prefix("    ")?.split_once(':'))
            .map(|(name, _)| name.to_owned())
            .filter(|name| !name.starts_with(' '))
            .collect()
    };
    let english = names("en");
    assert!(english.len() > 40, "{english:?}");
    assert_eq!(english, names("ko"));
    for rest in text("/").await.split("data-t=\"").skip(1) {
        let name = rest.split('"').next().expect("a name");
        assert!(english.iter().any(|known| known == name), "{name}");
    }
}
