use lemon_domain::ports::{Profile, TweetPage};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param};

use super::*;

fn form(body: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string(body)
}

async fn corrupt<T: std::fmt::Debug>(
    outcome: impl Future<Output = Result<T, TwitterError>>,
) -> String {
    match outcome.await {
        Err(error @ TwitterError::Corrupt(_)) => told(&error),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_request_token_is_decoded() {
    let answer = "oauth_token=a%2Bb%3D&oauth_token_secret=s%26s&oauth_callback_confirmed=true";
    let (server, client) = twitter(form(answer)).await;
    let grant = client.request_token().await.unwrap();
    assert_eq!(grant.token.as_str(), "a+b=");
    assert_eq!(grant.secret.expose_secret(), "s&s");
    let page = format!("{}/oauth/authenticate?oauth_token=a%2Bb%3D", server.uri());
    assert_eq!(grant.authentication_url.as_str(), page);
}

#[tokio::test]
async fn a_callback_must_be_confirmed() {
    for confirmed in ["", "&oauth_callback_confirmed=false"] {
        let answer = format!("oauth_token=a&oauth_token_secret=b{confirmed}");
        let (_server, client) = twitter(form(&answer)).await;
        let error = client.request_token().await.unwrap_err();
        assert!(matches!(error, TwitterError::Rejected(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_request_token_that_lacks_a_part_is_corrupt() {
    for (fields, lacking) in [
        ("oauth_token=a", "oauth_token_secret"),
        ("oauth_token=a&oauth_token_secret=", "oauth_token_secret"),
        ("oauth_token_secret=a", "oauth_token"),
        ("oauth_token=%00&oauth_token_secret=a", "oauth_token"),
    ] {
        let answer = format!("oauth_callback_confirmed=true&{fields}");
        let (_server, client) = twitter(form(&answer)).await;
        let told = corrupt(client.request_token()).await;
        assert!(told.contains(lacking), "{told}");
    }
}

#[tokio::test]
async fn an_access_token_s_owner_is_asked_for_if_twitter_does_not_say() {
    for (api, profile, body) in [
        (
            TwitterApi::V2,
            "/2/users/me",
            json!({ "data": { "id": "12", "name": "n", "username": "u" } }),
        ),
        (
            TwitterApi::V1_1,
            "/1.1/account/verify_credentials.json",
            json!({ "id": 12, "id_str": "12", "name": "n", "screen_name": "u" }),
        ),
    ] {
        let server = MockServer::start().await;
        Mock::given(path("/oauth/access_token"))
            .respond_with(form("oauth_token=12-a&oauth_token_secret=b"))
            .mount(&server)
            .await;
        Mock::given(method("GET"))
            .and(path(profile))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .expect(1)
            .mount(&server)
            .await;
        let client = client_with(&config(&server.uri()).with_api(api));
        let grant = exchange(&client).await.unwrap();
        assert_eq!(grant.user_id, my_id());
        assert_eq!(grant.credentials, Credentials::new("12-a", "b"));
    }
}

#[tokio::test]
async fn an_access_token_that_lacks_a_part_is_corrupt() {
    for (fields, lacking) in [
        ("oauth_token=a&user_id=12", "oauth_token_secret"),
        ("oauth_token_secret=a&user_id=12", "oauth_token"),
        ("oauth_token=a&oauth_token_secret=b&user_id=-1", "user_id"),
    ] {
        let (_server, client) = twitter(form(fields)).await;
        let told = corrupt(exchange(&client)).await;
        assert!(told.contains(lacking), "{told}");
    }
}

#[tokio::test]
async fn a_profile_is_read_from_either_version() {
    let expected = Profile {
        screen_name: "lemon".to_owned(),
        nickname: "레몬".to_owned(),
        bio: "Sour.".to_owned(),
        profile_image_url: Some("https://pbs.example/1/a_400x400.jpg".parse().unwrap()),
        banner_image_url: Some("https://pbs.example/2/1500x500".parse().unwrap()),
        following: 3,
        followers: 4,
    };
    let v2 = json!({ "data": {
        "id": "12", "username": "lemon", "name": "레몬", "description": "Sour.",
        "profile_image_url": "https://pbs.example/1/a_normal.jpg",
        "profile_banner_url": "https://pbs.example/2",
        "public_metrics": { "following_count": 3, "followers_count": 4, "tweet_count": 5 },
    }});
    let v1 = json!({
        "id": 12, "id_str": "12", "screen_name": "lemon", "name": "레몬", "description": "Sour.",
        "profile_image_url_https": "https://pbs.example/1/a_normal.jpg",
        "profile_banner_url": "https://pbs.example/2",
        "friends_count": 3, "followers_count": 4,
    });
    for (api, body) in [(TwitterApi::V2, v2), (TwitterApi::V1_1, v1)] {
        let (server, _) = twitter(ResponseTemplate::new(200).set_body_json(body)).await;
        let client = client_with(&config(&server.uri()).with_api(api));
        assert_eq!(client.profile(&me()).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn missing_fields_of_a_profile_are_empty_and_never_null() {
    let nothing = Profile {
        screen_name: String::new(),
        nickname: String::new(),
        bio: String::new(),
        profile_image_url: None,
        banner_image_url: None,
        following: 0,
        followers: 0,
    };
    let user = |null: &[&str]| {
        let fields = null.iter().map(|name| ((*name).to_owned(), Value::Null));
        Value::Object(fields.collect())
    };
    let names = ["name", "description", "profile_banner_url"];
    let v2 = [
        &names[..],
        &["username", "profile_image_url", "public_metrics"],
    ]
    .concat();
    let v1 = [
        "screen_name",
        "profile_image_url_https",
        "followers_count",
        "friends_count",
    ];
    let v1 = [&names[..], &v1].concat();
    let no_counts = json!({ "followers_count": null, "following_count": null });
    let mut bodies = Vec::new();
    for fields in [&v2[..], &[]] {
        let mut user = user(fields);
        user["id"] = json!("12");
        bodies.push((TwitterApi::V2, json!({ "data": user })));
        user["public_metrics"] = no_counts.clone();
        bodies.push((TwitterApi::V2, json!({ "data": user })));
    }
    for fields in [&v1[..], &[]] {
        let mut user = user(fields);
        user["id_str"] = json!("12");
        bodies.push((TwitterApi::V1_1, user));
    }
    for (api, body) in bodies {
        let answer = ResponseTemplate::new(200).set_body_json(&body);
        let (server, _) = twitter(answer).await;
        let client = client_with(&config(&server.uri()).with_api(api));
        assert_eq!(client.profile(&me()).await.unwrap(), nothing, "{body}");
    }
}

#[tokio::test]
async fn a_page_is_asked_for_with_the_token_of_the_one_before() {
    let server = MockServer::start().await;
    Mock::given(path("/2/users/12/tweets"))
        .and(query_param("pagination_token", "a+b/c="))
        .and(query_param("max_results", "100"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({
            "data": [{ "id": "7", "text": "seven", "created_at": "2026-01-02T03:04:05.000Z" }],
            "meta": { "result_count": 1, "next_token": "d" },
        })))
        .mount(&server)
        .await;
    let client = client_with(&config(&server.uri()));
    let page = client.tweets(&me(), my_id(), Some("a+b/c=")).await.unwrap();
    assert_eq!(page.tweets[0].text, "seven");
    assert_eq!(page.next.as_deref(), Some("d"));
}

#[tokio::test]
async fn no_posts_are_an_empty_page() {
    let body = json!({ "meta": { "result_count": 0 } });
    let (_server, client) = twitter(ResponseTemplate::new(200).set_body_json(body)).await;
    let page = client.tweets(&me(), my_id(), None).await.unwrap();
    assert_eq!(page, TweetPage::default());
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_corrupt() {
    for body in ["[]", "{\"data\":{\"id\":7}}", "{}", "null"] {
        let (_server, client) = twitter(form(body)).await;
        corrupt(client.profile(&me())).await;
        corrupt(client.post_tweet(&me(), "Hello")).await;
    }
}

/// A parser's own words would show the value of a wrong type.
#[tokio::test]
async fn an_answer_that_cannot_be_read_is_not_shown() {
    for body in [
        json!({ "data": SECRETS[0] }).to_string(),
        json!({ "data": [SECRETS[1]] }).to_string(),
        format!("{{\"data\": {}", SECRETS[2]),
    ] {
        let (_server, client) = twitter(form(&body)).await;
        let error = client.profile(&me()).await.unwrap_err();
        assert_tells_no_secret(&error);
    }
}

#[tokio::test]
async fn an_endless_answer_is_corrupt() {
    let (_server, client) = twitter(form(&" ".repeat(2 * 1024 * 1024))).await;
    let told = corrupt(client.profile(&me())).await;
    assert!(told.contains("larger than 1048576 bytes"), "{told}");
}

#[tokio::test]
async fn an_answer_that_is_not_the_api_s_is_as_if_twitter_were_away() {
    for body in [
        "",
        "<html><body>Sign in to the network</body></html>",
        "{\"data\":",
        "Access denied by policy",
        "<?xml version=\"1.0\"?><!DOCTYPE html><html/>",
    ] {
        let (_server, client) = twitter(form(body)).await;
        let errors = [
            client.profile(&me()).await.unwrap_err(),
            client.post_tweet(&me(), "Hello").await.unwrap_err(),
            client.request_token().await.unwrap_err(),
            exchange(&client).await.unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, TwitterError::Unavailable(_)), "{error:?}");
        }
    }
}

#[tokio::test]
async fn no_odd_decoration_costs_the_profile() {
    let plain = r#""id": "12", "username": "lemon", "name": "Lemon""#;
    for (odd, name) in [
        (
            format!(r#"{{"data": {{{plain}}}, "errors": null}}"#),
            "Lemon",
        ),
        (
            format!(r#"{{"data": {{{plain}}}, "errors": {{}}, "meta": []}}"#),
            "Lemon",
        ),
        (
            format!(r#"{{"data": {{{plain}}}, "errors": [{{"code": -1, "type": 7}}]}}"#),
            "Lemon",
        ),
        (
            format!(
                r#"{{"data": {{{plain}, "public_metrics": {{"followers_count": -1, "following_count": 1.5e3}}}}}}"#
            ),
            "Lemon",
        ),
        (
            format!(r#"{{"data": {{{plain}, "public_metrics": [], "description": 7}}}}"#),
            "Lemon",
        ),
        (
            format!(
                r#"{{"data": {{{plain}, "profile_image_url": {{}}, "profile_banner_url": "::"}}}}"#
            ),
            "Lemon",
        ),
        (
            format!(r#"{{"data": {{{plain}, "name": "Half \ud83c"}}}}"#),
            "Half \u{fffd}",
        ),
        (
            format!(r#"{{"data": {{{plain}, "pinned": {{"text": "\udf4b"}}}}}}"#),
            "Lemon",
        ),
    ] {
        let (_server, client) = twitter(form(&odd)).await;
        let profile = client.profile(&me()).await.unwrap();
        assert_eq!(
            (profile.screen_name.as_str(), profile.nickname.as_str()),
            ("lemon", name),
            "{odd}"
        );
        assert_eq!(profile.followers, 0, "{odd}");
    }
    for odd in [
        r#"{"id_str": "12", "screen_name": "lemon", "name": "Lemon", "friends_count": -3, "followers_count": "many"}"#,
        r#"{"id_str": "12", "screen_name": "lemon", "name": "Lemon", "description": "\ud800", "errors": null}"#,
    ] {
        let server = twitter(form(odd)).await.0;
        let client = client_with(&config(&server.uri()).with_api(TwitterApi::V1_1));
        let profile = client.profile(&me()).await.unwrap();
        assert_eq!(
            (profile.nickname.as_str(), profile.following),
            ("Lemon", 0),
            "{odd}"
        );
    }
}
