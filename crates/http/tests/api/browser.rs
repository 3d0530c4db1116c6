//! A sign-in belongs to the browser that began it.

use lemon_domain::values::RequestToken;
use lemon_http::{BrowserBinding, BrowserConfig, CookieScope};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, Setup, WEB_APP, code};

const BEGIN: &str = "/api/oauth/twitter/request-token";
const LOGIN: &str = "/api/oauth/twitter/twitter-login";

/// A browser: its cookies, and the headers that it sends by itself.
#[derive(Clone)]
struct Browser {
    headers: Vec<(&'static str, &'static str)>,
    cookies: Vec<String>,
}

impl Browser {
    /// With the page of the API's own host.
    fn at_home() -> Self {
        Self::with(&[("Sec-Fetch-Site", "same-origin")])
    }

    /// With a web app of another origin.
    fn of_the_web_app(site: &'static str) -> Self {
        Self::with(&[("Sec-Fetch-Site", site), ("Origin", WEB_APP)])
    }

    /// No browser: a program that keeps cookies.
    fn program() -> Self {
        Self::with(&[])
    }

    fn with(headers: &[(&'static str, &'static str)]) -> Self {
        Self {
            headers: headers.to_vec(),
            cookies: Vec::new(),
        }
    }

    async fn send(&self, mut call: RequestBuilder) -> Response {
        for (name, value) in &self.headers {
            call = call.header(*name, *value);
        }
        if !self.cookies.is_empty() {
            call = call.header("Cookie", self.cookies.join("; "));
        }
        call.send().await.unwrap()
    }

    /// Begins a sign-in, to which the person of that number agrees.
    async fn begin(&mut self, app: &App, person: u32) -> Value {
        let answer = self.send(app.get(BEGIN)).await;
        for cookie in set_cookies(&answer) {
            let pair = cookie.split(';').next().unwrap().to_owned();
            let (name, _) = pair.split_once('=').unwrap();
            self.cookies.retain(|known| !known.starts_with(name));
            if !cookie.contains("Max-Age=0") {
                self.cookies.push(pair);
            }
        }
        let grant: Value = answer.json().await.unwrap();
        let token = grant["token"].as_str().unwrap();
        let verifier = app
            .twitter
            .authorize(&RequestToken::parse(token).unwrap(), person);
        json!({ "oauth_token": token, "oauth_verifier": verifier.expose() })
    }

    async fn finish(&self, app: &App, pair: &Value) -> Response {
        self.send(app.post(LOGIN).json(pair)).await
    }
}

fn set_cookies(answer: &Response) -> Vec<String> {
    let cookies = answer.headers().get_all("set-cookie").iter();
    cookies
        .map(|cookie| cookie.to_str().unwrap().to_owned())
        .collect()
}

fn bound(binding: BrowserBinding) -> App {
    App::start_with(Setup {
        browser: BrowserConfig {
            binding,
            ..BrowserConfig::default()
        },
        ..Setup::default()
    })
}

#[tokio::test]
async fn a_browser_signs_in_with_what_it_began() {
    let app = App::start();
    for mut browser in [
        Browser::at_home(),
        Browser::of_the_web_app("same-site"),
        Browser::of_the_web_app("cross-site"),
        Browser::program(),
    ] {
        let pair = browser.begin(&app, 1).await;
        let answer = browser.finish(&app, &pair).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
    }
}

#[tokio::test]
async fn nobody_is_signed_in_by_the_address_of_another() {
    let app = App::start();
    for mut victim in [
        Browser::at_home(),
        Browser::of_the_web_app("same-site"),
        Browser::of_the_web_app("cross-site"),
    ] {
        // The other began in a browser, or with a program.
        for mut attacker in [Browser::at_home(), Browser::program()] {
            let pair = attacker.begin(&app, 666).await;
            // Whether the victim has begun nothing, or something else.
            for _ in 0..2 {
                let answer = victim.finish(&app, &pair).await;
                assert_eq!(code(answer).await, "sign_in_foreign");
                victim.begin(&app, 1).await;
            }
            // It stays pending for who began it.
            let answer = attacker.finish(&app, &pair).await;
            assert_eq!(answer.status(), StatusCode::CREATED);
        }
    }
}

#[tokio::test]
async fn a_program_that_sends_cookies_is_bound_and_one_without_is_not() {
    let app = App::start();
    let (mut one, mut other) = (Browser::program(), Browser::program());
    let pair = one.begin(&app, 1).await;
    other.begin(&app, 2).await;
    let answer = other.finish(&app, &pair).await;
    assert_eq!(code(answer).await, "sign_in_foreign");
    let without = Browser::program().finish(&app, &pair).await;
    assert_eq!(without.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn the_binding_is_a_matter_of_configuration() {
    for (binding, program, browser) in [
        (BrowserBinding::Browsers, 201, 400),
        (BrowserBinding::Everybody, 400, 400),
        (BrowserBinding::Nobody, 201, 201),
    ] {
        let app = bound(binding);
        for (caller, expected) in [(Browser::program(), program), (Browser::at_home(), browser)] {
            let pair = Browser::at_home().begin(&app, 1).await;
            let answer = caller.finish(&app, &pair).await;
            assert_eq!(answer.status(), expected, "{binding:?}");
        }
    }
    let app = bound(BrowserBinding::Nobody);
    let answer = Browser::at_home().send(app.get(BEGIN)).await;
    assert_eq!(set_cookies(&answer), Vec::<String>::new());
}

#[tokio::test]
async fn tabs_that_begin_at_once_do_not_disturb_each_other() {
    let app = App::start();
    let mut tabs = Vec::new();
    let mut browser = Browser::at_home();
    for person in 1..=5 {
        // Each call was sent before the answers to the others.
        let mut tab = Browser::at_home();
        tabs.push(tab.begin(&app, person).await);
        browser.cookies.append(&mut tab.cookies);
    }
    for pair in tabs {
        let answer = browser.finish(&app, &pair).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
    }
}

#[tokio::test]
async fn a_browser_has_a_bounded_number_of_cookies_and_loses_the_oldest() {
    let app = App::start();
    let mut browser = Browser::at_home();
    let mut pairs = Vec::new();
    for person in 0..40 {
        pairs.push(browser.begin(&app, person).await);
        app.clock.advance(std::time::Duration::from_secs(1));
    }
    assert_eq!(browser.cookies.len(), 32);
    let oldest = browser.finish(&app, &pairs[7]).await;
    assert_eq!(code(oldest).await, "sign_in_foreign");
    for pair in [&pairs[8], &pairs[39]] {
        let answer = browser.finish(&app, pair).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
    }
}

#[tokio::test]
async fn a_program_that_begins_many_at_once_can_finish_them_all() {
    let app = App::start();
    let mut program = Browser::program();
    let mut pairs = Vec::new();
    for person in 0..300 {
        pairs.push(program.begin(&app, person).await);
    }
    assert_eq!(program.cookies.len(), 256);
    for pair in [&pairs[0], &pairs[43], &pairs[44], &pairs[299]] {
        let answer = program.finish(&app, pair).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
    }
}

/// An API that has the public name of these tests.
fn public(browser: BrowserConfig) -> App {
    let mut setup = Setup {
        browser,
        ..Setup::default()
    };
    setup.protection.hosts = vec!["api.example".to_owned()];
    App::start_with(setup)
}

#[tokio::test]
async fn the_cookie_is_only_for_the_api_and_as_strict_as_the_web_app_allows() {
    const FROM_A_SIBLING: [(&str, &str); 2] =
        [("Sec-Fetch-Site", "same-site"), ("Origin", WEB_APP)];
    const FROM_ANOTHER_SITE: [(&str, &str); 2] =
        [("Sec-Fetch-Site", "cross-site"), ("Origin", WEB_APP)];
    const PUBLIC: (&str, &str) = ("Host", "api.example");
    const LOCAL: &str = "; Max-Age=3600; Path=/; HttpOnly; SameSite=Lax";
    const LAX: &str = "; Max-Age=3600; Path=/; HttpOnly; Secure; SameSite=Lax";
    const NONE: &str = "; Max-Age=3600; Path=/; HttpOnly; Secure; SameSite=None; Partitioned";
    let app = public(BrowserConfig::default());
    let any_site = public(BrowserConfig {
        scope: CookieScope::AnySite,
        ..BrowserConfig::default()
    });
    let plain = public(BrowserConfig {
        plain_http: true,
        ..BrowserConfig::default()
    });
    for (app, headers, name, attributes) in [
        (&app, vec![], "lemon-sign-in-", LOCAL),
        (&app, FROM_A_SIBLING.to_vec(), "lemon-sign-in-", LOCAL),
        (
            &app,
            FROM_ANOTHER_SITE.to_vec(),
            "__Host-lemon-sign-in-",
            NONE,
        ),
        (&app, vec![PUBLIC], "__Host-lemon-sign-in-", LAX),
        (&any_site, vec![PUBLIC], "__Host-lemon-sign-in-", NONE),
        (&plain, vec![PUBLIC], "lemon-sign-in-", LOCAL),
    ] {
        let answer = Browser::with(&headers).send(app.get(BEGIN)).await;
        let cookies = set_cookies(&answer);
        assert_eq!(cookies.len(), 1, "{headers:?}");
        assert!(cookies[0].starts_with(name), "{cookies:?}");
        assert!(cookies[0].ends_with(attributes), "{cookies:?}");
    }
}

#[tokio::test]
async fn a_neighbour_that_plants_a_cookie_does_not_bind_the_browser() {
    let app = public(BrowserConfig::default());
    let mut attacker = Browser::program();
    let pair = attacker.begin(&app, 666).await;
    // The name without the prefix, which other hosts of the domain can set.
    let mut victim = Browser::with(&[("Sec-Fetch-Site", "same-origin"), ("Host", "api.example")]);
    victim.cookies = attacker.cookies.clone();
    let answer = victim.finish(&app, &pair).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_page_that_cannot_read_the_answer_gets_no_cookie() {
    let app = App::start();
    for headers in [
        vec![("Origin", "https://evil.example")],
        vec![("Sec-Fetch-Site", "cross-site")],
        vec![("Sec-Fetch-Site", "same-site")],
    ] {
        let answer = Browser::with(&headers).send(app.get(BEGIN)).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(set_cookies(&answer), Vec::<String>::new(), "{headers:?}");
    }
}

#[tokio::test]
async fn a_browser_that_did_not_get_the_answer_gets_it_again_for_half_a_minute() {
    let app = App::start();
    let mut browser = Browser::at_home();
    let pair = browser.begin(&app, 1).await;
    let mut people = Vec::new();
    for _ in 0..3 {
        let answer = browser.finish(&app, &pair).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        let body: Value = answer.json().await.unwrap();
        let token = body["access_token"].as_str().unwrap();
        people.push(app.tokens.verify(token).unwrap());
        app.clock.advance(std::time::Duration::from_secs(10));
    }
    assert!(people.iter().all(|it| *it == people[0]));
    let answer = browser.finish(&app, &pair).await;
    assert_eq!(code(answer).await, "sign_in_not_pending");
}

#[tokio::test]
async fn a_pair_is_not_answered_again_without_the_cookie() {
    let app = App::start();
    let mut browser = Browser::at_home();
    let pair = browser.begin(&app, 1).await;
    let answer = browser.finish(&app, &pair).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    for (thief, expected) in [
        (Browser::program(), "sign_in_not_pending"),
        (Browser::at_home(), "sign_in_foreign"),
    ] {
        let answer = thief.finish(&app, &pair).await;
        assert_eq!(code(answer).await, expected);
    }
}
