//! The page, in a real browser: everything by click or key, and nothing that the browser complains of.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod browser;
mod words;

use browser::{Browser, Look};
use lemon_tests::System;
use thirtyfour::Key;
use words::{ENGLISH, KOREAN, Words};

const DESK: Look = Look {
    language: "en-US",
    is_phone: false,
    is_dark: false,
};
const PHONE: Look = Look {
    language: "ko-KR",
    is_phone: true,
    is_dark: false,
};

const AUTHORIZE: &str = "button[value=authorize]";
const CANCEL: &str = "button[value=cancel]";

async fn system() -> System {
    // Long enough for the browser to see the training, whatever the machine.
    let system = System::builder().env("LEMON_SANDBOX__TRAINING_SECONDS", "3");
    system.start().await
}

/// Signs in as the `n`-th of the people offered.
async fn sign_in(browser: &Browser, n: u32, words: &Words) {
    browser.click("#sign-in").await;
    browser
        .click(&format!("input[name=person][value='{n}']"))
        .await;
    browser.click(AUTHORIZE).await;
    browser.read("#message", words.signed_in).await;
}

/// From the first visit to the last word, checked at every stage.
async fn journey(name: &str, look: Look, words: &Words) {
    let system = system().await;
    let browser = Browser::open(name, look, &system.url("/")).await;
    arrive(&browser, words).await;
    enter(&browser, &system, words).await;
    train(&browser, words).await;
    choose_public(&browser, &system, words).await;
    delete(&browser, words).await;
    browser.click("#sign-out").await;
    browser.read("#message", words.signed_out).await;
    browser.read("#welcome h2", words.welcome).await;
    assert_eq!(browser.focused().await, "welcome-title");
    assert_eq!(browser.ask("return sessionStorage.length").await, 0);
    browser.audit("7-signed-out").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

async fn arrive(browser: &Browser, words: &Words) {
    browser.read("#welcome h2", words.welcome).await;
    browser.read("#places-text", words.no_place_taken).await;
    let lang = browser.ask("return document.documentElement.lang").await;
    assert_eq!(lang, words.lang);
    browser.audit("1-welcome").await;
}

async fn enter(browser: &Browser, system: &System, words: &Words) {
    sign_in(browser, 2, words).await;
    assert_eq!(
        browser.address().await,
        system.url("/"),
        "nothing is left of the verifier"
    );
    browser.read("#name", "Mina Park").await;
    browser.read("#handle", "@mina_2").await;
    browser.read("#badge", words.none).await;
    browser
        .until("return document.getElementById('picture').naturalWidth > 0")
        .await;
    browser
        .until("return document.getElementById('banner').naturalWidth > 0")
        .await;
    assert_eq!(browser.focused().await, "name");
    browser.audit("2-signed-in").await;
}

async fn train(browser: &Browser, words: &Words) {
    browser.tab_to("register").await;
    browser.press(Key::Enter).await;
    browser.read("#message", words.registered).await;
    browser.read("#badge", words.training).await;
    browser.read("#places-text", words.one_place_taken).await;
    browser
        .until("return document.getElementById('training-bar').value > 0")
        .await;
    assert_eq!(browser.focused().await, "learn-me-title");
    browser.audit("3-training").await;

    browser.read("#badge", words.ready).await;
    browser.read("#message", words.now_ready).await;
    browser
        .read_that("#notification-text", |text| text.contains("Learn Me"))
        .await;
    browser.audit("4-ready").await;
}

async fn choose_public(browser: &Browser, system: &System, words: &Words) {
    browser.click("#public").await;
    browser.read("#message", words.now_public).await;

    browser.go(&system.url("/")).await;
    browser.read("#badge", words.ready).await;
    let is_public = browser
        .ask("return document.getElementById('public').checked")
        .await;
    assert_eq!(is_public, true);
    browser
        .read_that("#notification-text", |text| text.contains("Learn Me"))
        .await;
}

async fn delete(browser: &Browser, words: &Words) {
    browser.click("#delete").await;
    browser
        .until("return document.getElementById('confirmation').open")
        .await;
    assert_eq!(browser.focused().await, "keep");
    browser.audit("5-confirmation").await;
    browser.press(Key::Escape).await;
    browser
        .until("return !document.getElementById('confirmation').open")
        .await;
    assert_eq!(browser.focused().await, "delete");
    browser.read("#badge", words.ready).await;

    browser.click("#delete").await;
    browser.click("#confirm").await;
    browser.read("#message", words.deleted).await;
    browser.read("#badge", words.none).await;
    assert_eq!(browser.focused().await, "learn-me-title");
    browser.audit("6-deleted").await;
}

#[tokio::test]
async fn a_person_makes_the_whole_journey_in_english_at_a_desk() {
    journey("desk", DESK, &ENGLISH).await;
}

#[tokio::test]
async fn a_person_makes_the_whole_journey_in_korean_on_a_phone_at_night() {
    let look = Look {
        is_dark: true,
        ..PHONE
    };
    journey("phone-dark", look, &KOREAN).await;
}

#[tokio::test]
async fn a_sign_in_cancelled_on_the_consent_page_is_explained() {
    let system = system().await;
    let browser = Browser::open("cancel", PHONE, &system.url("/")).await;
    browser.click("#sign-in").await;
    browser.click(CANCEL).await;
    browser.read("#message", KOREAN.cancelled).await;
    browser.read("#welcome h2", KOREAN.welcome).await;
    assert_eq!(browser.address().await, system.url("/"));
    browser.audit("cancelled").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn another_person_can_sign_in_and_a_cancelled_sign_in_changes_nothing() {
    let system = system().await;
    let browser = Browser::open("somebody-else", DESK, &system.url("/")).await;
    sign_in(&browser, 2, &ENGLISH).await;
    browser.read("#handle", "@mina_2").await;

    browser.click("#somebody-else").await;
    browser.click(CANCEL).await;
    browser.read("#message", ENGLISH.cancelled).await;
    browser.read("#handle", "@mina_2").await;

    browser.click("#somebody-else").await;
    browser.click("input[name=person][value='1']").await;
    browser.click(AUTHORIZE).await;
    browser.read("#message", ENGLISH.signed_in).await;
    browser
        .read_that("#handle", |handle| handle.ends_with("_1"))
        .await;
    browser.audit("signed-in").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn nobody_is_signed_in_by_an_address_that_somebody_else_began() {
    let system = system().await;
    let browser = Browser::open("foreign", DESK, &system.way_back(1).await).await;
    browser.read("#message", ENGLISH.foreign).await;
    browser.read("#welcome h2", ENGLISH.welcome).await;

    sign_in(&browser, 2, &ENGLISH).await;
    browser.go(&system.way_back(1).await).await;
    browser.read("#message", ENGLISH.foreign).await;
    browser.read("#handle", "@mina_2").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());

    // Neither by the API, whatever a page does.
    let back = system.way_back(1).await;
    let login = format!(
        "return (async () => {{
         const query = new URLSearchParams('{}');
         const body = {{ oauth_token: query.get('oauth_token'), oauth_verifier: query.get('oauth_verifier') }};
         const answer = await fetch('/api/oauth/twitter/twitter-login', {{
           method: 'POST', headers: {{ 'Content-Type': 'application/json' }}, body: JSON.stringify(body),
         }});
         return (await answer.json()).code;
         }})()",
        back.split('?').nth(1).unwrap()
    );
    assert_eq!(browser.ask(&login).await, "sign_in_foreign");
}

#[tokio::test]
async fn the_page_has_one_name_so_that_a_sign_in_ends_where_it_began() {
    let system = system().await;
    let home = system.url("/");
    let other = home.replace("127.0.0.1", "localhost");
    assert_ne!(home, other);
    let browser = Browser::open("other-name", DESK, &other).await;
    sign_in(&browser, 2, &ENGLISH).await;
    assert_eq!(browser.address().await, home);
}

#[tokio::test]
async fn a_person_who_is_signed_in_is_asked_before_the_account_changes() {
    let system = system().await;
    let browser = Browser::open("change", DESK, &system.url("/")).await;
    sign_in(&browser, 2, &ENGLISH).await;
    browser.read("#handle", "@mina_2").await;
    for (answer, message) in [("#stay", ENGLISH.kept), ("#switch", ENGLISH.signed_in)] {
        // As in a tab in which the person was not signed in yet; Twitter lets them choose an account.
        let begin = "return import('/assets/api.js')
                     .then(({ signInUrl }) => signInUrl({ asOther: false }))
                     .then((url) => url.replace('authenticate', 'authorize'))
                     .then((url) => setTimeout(() => location.assign(url)))
                     .then(() => true)";
        browser.ask(begin).await;
        browser.click("input[name=person][value='1']").await;
        browser.click(AUTHORIZE).await;
        browser.click(answer).await;
        browser.read("#message", message).await;
    }
    browser
        .read_that("#handle", |handle| handle.ends_with("_1"))
        .await;
    browser.audit("changed").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn places_that_others_take_are_counted_while_the_page_is_seen() {
    let system = system().await;
    let browser = Browser::open("counting", DESK, &system.url("/")).await;
    browser.read("#places-text", ENGLISH.no_place_taken).await;
    let person = system.sign_in(2).await;
    person.register(None).await.must_be(201);
    browser.read("#places-text", ENGLISH.one_place_taken).await;
}

#[tokio::test]
async fn the_chosen_language_is_remembered() {
    let system = system().await;
    let browser = Browser::open("language", DESK, &system.url("/")).await;
    browser.read("#welcome h2", ENGLISH.welcome).await;
    browser.click("#language").await;
    browser.read("#welcome h2", ENGLISH.other_welcome).await;
    browser.go(&system.url("/")).await;
    browser.read("#welcome h2", ENGLISH.other_welcome).await;
    let lang = browser.ask("return document.documentElement.lang").await;
    assert_eq!(lang, ENGLISH.other_lang);
    browser.audit("korean").await;
    browser.click("#language").await;
    browser.read("#welcome h2", KOREAN.other_welcome).await;
}

#[tokio::test]
async fn a_person_whose_cooldown_runs_sees_its_end() {
    let system = system().await;
    let person = system.sign_in(2).await;
    person.register(None).await.must_be(201);
    person.delete().await.must_be(200);
    let browser = Browser::open("cooldown", PHONE, &system.url("/")).await;
    sign_in(&browser, 2, &KOREAN).await;
    // At once: there is no button that would be refused.
    let told = browser
        .read_that("#learn-me-text", |text| text.contains(KOREAN.cooldown))
        .await;
    assert!(told.contains("년 ") && told.contains("일 "), "{told}");
    browser
        .until("return document.getElementById('register').hidden")
        .await;
    browser.audit("told").await;
}

#[tokio::test]
async fn a_person_whose_training_was_lost_sees_that_and_may_ask_again() {
    let system = System::builder()
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "3600")
        .env("LEMON_SERVICES__LEARN_ME__TRAINING_DEADLINE_SECONDS", "3")
        .env("LEMON_SERVICES__LEARN_ME__TRAINING_ATTEMPTS", "1")
        .start()
        .await;
    let browser = Browser::open("lost", PHONE, &system.url("/")).await;
    sign_in(&browser, 2, &KOREAN).await;
    // A click on a page that is busy is not heard.
    let is_idle = "return document.getElementById('register').ariaDisabled === null";
    browser.until(is_idle).await;
    browser.click("#register").await;
    browser.read("#badge", KOREAN.failed).await;
    browser.read("#message", KOREAN.now_failed).await;
    browser.read("#places-text", KOREAN.no_place_taken).await;
    browser.audit("told").await;
    browser.until(is_idle).await;
    browser.click("#register").await;
    browser.read("#message", KOREAN.registered).await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_person_who_finds_no_place_sees_when_new_ones_open() {
    let system = System::builder()
        .env("LEMON_SERVICES__LEARN_ME__DAILY_LIMIT", "1")
        .start()
        .await;
    let browser = Browser::open("full", DESK, &system.url("/")).await;
    sign_in(&browser, 3, &ENGLISH).await;
    browser
        .read("#places-text", "0 of 1 places taken today")
        .await;
    let other = system.sign_in(2).await;
    other.register(None).await.must_be(201);
    browser.click("#register").await;
    let told = browser
        .read_that("#message", |text| text.contains("all taken"))
        .await;
    assert!(
        told.contains("New ones open ") && told.contains(" at "),
        "{told}"
    );
    browser
        .read("#places-text", "1 of 1 places taken today")
        .await;
    browser.audit("told").await;
}

#[tokio::test]
async fn an_invalid_token_signs_the_person_out_with_an_explanation() {
    let system = system().await;
    let browser = Browser::open("expired", DESK, &system.url("/")).await;
    browser.read("#welcome h2", ENGLISH.welcome).await;
    let forge = "sessionStorage.setItem('lemon.token', 'e30.e30.e30'); return true";
    assert_eq!(browser.ask(forge).await, true);
    browser.go(&system.url("/")).await;
    browser
        .read("#message", "Your sign-in has ended. Please sign in again.")
        .await;
    browser.read("#welcome h2", ENGLISH.welcome).await;
    browser.audit("told").await;
}
