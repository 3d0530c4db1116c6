use serde_json::json;
use wiremock::matchers::path;

use super::*;

/// The kind of an error, for comparing.
fn kind(error: &TwitterError) -> &'static str {
    match error {
        TwitterError::InvalidToken => "invalid token",
        TwitterError::Suspended => "suspended",
        TwitterError::DuplicatePost => "duplicate",
        TwitterError::RateLimited { .. } => "rate limited",
        TwitterError::Unreached(_) => "unreached",
        TwitterError::Unavailable(_) => "unavailable",
        TwitterError::Rejected(_) => "rejected",
        TwitterError::Corrupt(_) => "corrupt",
        _ => "new",
    }
}

fn v1(code: u32) -> String {
    json!({ "errors": [{ "code": code, "message": "…" }] }).to_string()
}

fn v2(status: u16, detail: &str, kind: &str) -> String {
    json!({ "title": "…", "detail": detail, "type": kind, "status": status }).to_string()
}

async fn refusal_of_post(status: u16, body: String) -> TwitterError {
    let (_server, client) = twitter(ResponseTemplate::new(status).set_body_string(body)).await;
    client.post_tweet(&me(), "Hello").await.unwrap_err()
}

#[tokio::test]
async fn the_call_of_a_person_fails_as_the_answer_of_x_says() {
    let suspended = "https://api.twitter.com/2/problems/user-suspended";
    let duplicate = "You are not allowed to create a Tweet with duplicate content.";
    for (status, body, expected) in [
        (401, v1(32), "rejected"),
        (401, v1(89), "invalid token"),
        (403, v1(89), "invalid token"),
        // Twitter refuses the application alone in the same way.
        (401, v2(401, "Unauthorized", "about:blank"), "rejected"),
        (401, String::new(), "rejected"),
        (403, v1(64), "suspended"),
        (403, v1(326), "suspended"),
        (403, v2(403, "…", suspended), "suspended"),
        (
            403,
            v2(403, "Your account is suspended and …", "about:blank"),
            "suspended",
        ),
        (403, v1(187), "duplicate"),
        (403, v2(403, duplicate, "about:blank"), "duplicate"),
        (429, v1(88), "rate limited"),
        (429, "Too Many Requests".to_owned(), "rate limited"),
        (400, v1(215), "rejected"),
        (401, v1(135), "rejected"),
        (401, v1(261), "rejected"),
        (403, v1(453), "rejected"),
        (402, v2(402, "CreditsDepleted", "about:blank"), "rejected"),
        (403, v2(403, "Forbidden", "about:blank"), "rejected"),
        (404, "<html>".to_owned(), "unavailable"),
        (418, "{".to_owned(), "unavailable"),
        (404, v1(34), "rejected"),
        (500, v1(131), "unavailable"),
        (503, v1(130), "unavailable"),
        (408, String::new(), "unavailable"),
        (502, "<html>".to_owned(), "unavailable"),
    ] {
        let error = refusal_of_post(status, body.clone()).await;
        assert_eq!(kind(&error), expected, "{status} {body}");
    }
}

/// A Twitter that says no more than "Unauthorized" of a person's call, and answers the application alone like that.
async fn silent(of_application: ResponseTemplate) -> (MockServer, HttpTwitterClient) {
    let server = MockServer::start().await;
    let bare = ResponseTemplate::new(401).set_body_json(json!({
        "title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized",
    }));
    Mock::given(path("/oauth/request_token"))
        .respond_with(of_application)
        .mount(&server)
        .await;
    Mock::given(any()).respond_with(bare).mount(&server).await;
    let client = client_with(&config(&server.uri()));
    (server, client)
}

#[tokio::test]
async fn a_bare_401_is_about_the_token_only_if_twitter_accepts_the_application() {
    let granted = "oauth_token=a&oauth_token_secret=b&oauth_callback_confirmed=true";
    let bare = v2(401, "Unauthorized", "about:blank");
    for (status, body, expected, calls) in [
        // The first accepted call says so for the next ones, for a minute.
        (200, granted.to_owned(), "invalid token", 4),
        (401, v1(32), "rejected", 6),
        (401, bare, "rejected", 6),
        (401, v1(135), "rejected", 6),
        (503, String::new(), "unavailable", 6),
        (403, v1(415), "unavailable", 6),
        (403, "<html>".to_owned(), "unavailable", 6),
    ] {
        let of_application = ResponseTemplate::new(status).set_body_string(&body);
        let (server, client) = silent(of_application).await;
        for error in [
            client.profile(&me()).await.unwrap_err(),
            client.tweets(&me(), my_id(), None).await.unwrap_err(),
            client.post_tweet(&me(), "Hello").await.unwrap_err(),
        ] {
            assert_eq!(kind(&error), expected, "{status} {body}");
            assert_tells_no_secret(&error);
        }
        let received = server.received_requests().await.unwrap().len();
        assert_eq!(received, calls, "{status} {body}");
    }
}

#[tokio::test]
async fn a_refused_exchange_is_an_invalid_token() {
    for (status, body, expected) in [
        (401, v1(32), "invalid token"),
        (401, "Invalid request token".to_owned(), "invalid token"),
        (
            403,
            "Reverse auth credentials are invalid".to_owned(),
            "invalid token",
        ),
        (403, v1(64), "suspended"),
        (401, v1(135), "rejected"),
        (400, v1(215), "rejected"),
        (503, String::new(), "unavailable"),
    ] {
        let answer = ResponseTemplate::new(status).set_body_string(&body);
        let (_server, client) = twitter(answer).await;
        let error = exchange(&client).await.unwrap_err();
        assert_eq!(kind(&error), expected, "{status} {body}");
    }
}

/// What proxies and firewalls answer, with any status.
const OF_OTHERS: [&str; 4] = [
    "<html><head><title>403 Forbidden</title></head><body>Blocked</body></html>",
    "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html>",
    "Access denied by policy: your account is suspended",
    "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>",
];

#[tokio::test]
async fn a_refusal_that_is_not_twitter_s_word_is_as_if_twitter_were_away() {
    for status in [400, 401, 402, 403, 404, 407, 451] {
        for body in OF_OTHERS {
            let answer = ResponseTemplate::new(status).set_body_string(body);
            let (_server, client) = twitter(answer).await;
            let errors = [
                client.profile(&me()).await.unwrap_err(),
                client.post_tweet(&me(), "Hello").await.unwrap_err(),
                client.request_token().await.unwrap_err(),
                exchange(&client).await.unwrap_err(),
            ];
            for error in errors {
                assert_eq!(kind(&error), "unavailable", "{status} {body}");
                assert!(told(&error).contains("a proxy or a firewall"));
            }
        }
    }
    let (_server, client) = twitter(ResponseTemplate::new(403)).await;
    assert_eq!(kind(&exchange(&client).await.unwrap_err()), "unavailable");
}

#[tokio::test]
async fn the_state_of_an_account_is_told_in_every_form_of_x() {
    let locked = "Your account is temporarily locked. Please log in to https://twitter.com to unlock your account.";
    let xml = |code: u32, text: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<errors><error code=\"{code}\">{text}</error></errors>"
        )
    };
    let problem = |status: u16, problem: serde_json::Value| {
        let mut root = problem.clone();
        root["status"] = json!(status);
        [
            (status, root.to_string()),
            (status, json!({ "errors": [problem.clone()] }).to_string()),
            (200, json!({ "errors": [problem.clone()] }).to_string()),
            (200, json!({ "errors": problem, "data": null }).to_string()),
        ]
    };
    let mut answers = Vec::new();
    for code in [50, 63, 64, 326] {
        answers.push((403, v1(code)));
        answers.push((404, v1(code)));
        answers.push((403, xml(code, "…")));
        answers.push((
            403,
            json!({ "errors": { "code": code.to_string() } }).to_string(),
        ));
    }
    answers.push((403, xml(0, locked)));
    answers.push((
        403,
        format!("<hash><request>/2/tweets</request><error>{locked}</error></hash>"),
    ));
    answers.push((403, json!({ "error": locked, "errors": null }).to_string()));
    let blank = "about:blank";
    let (not_found, suspended) = (
        "https://api.twitter.com/2/problems/resource-not-found",
        "https://api.x.com/2/problems/user-suspended",
    );
    for of_v2 in [
        json!({ "title": "Forbidden", "detail": locked, "type": blank }),
        json!({ "title": "Forbidden", "detail": "Your account is suspended and is not permitted to access this feature.", "type": blank }),
        json!({ "title": "Forbidden", "detail": "User has been suspended: [12].", "type": not_found }),
        json!({ "title": "Not Found Error", "detail": "Could not find user with id: [12].", "type": not_found }),
        json!({ "title": "Not Found Error", "detail": "…", "resource_type": "user", "type": not_found }),
        json!({ "title": "…", "detail": "…", "type": suspended }),
        json!({ "title": "Account is temporarily locked" }),
    ] {
        answers.extend(problem(403, of_v2));
    }
    for (status, body) in answers {
        let answer = ResponseTemplate::new(status).set_body_string(&body);
        let (_server, client) = twitter(answer).await;
        let errors = [
            client.profile(&me()).await.unwrap_err(),
            client.tweets(&me(), my_id(), None).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(kind(&error), "suspended", "{status} {body}");
        }
    }
}

#[tokio::test]
async fn a_wrong_secret_of_the_application_is_not_the_persons_doing() {
    let xml = "<errors><error code=\"32\">Could not authenticate you.</error></errors>";
    for (status, body) in [(401, v1(32)), (403, v1(32)), (401, xml.to_owned())] {
        let answer = ResponseTemplate::new(status).set_body_string(&body);
        let (_server, client) = twitter(answer).await;
        for error in [
            client.profile(&me()).await.unwrap_err(),
            client.revoke(&me()).await.unwrap_err(),
        ] {
            assert_eq!(kind(&error), "rejected", "{status} {body}");
            let told = told(&error);
            assert!(
                told.contains("the application's key or secret is wrong"),
                "{told}"
            );
        }
    }
}

#[tokio::test]
async fn a_refused_request_token_is_a_fault_of_the_application() {
    for (status, code, meaning) in [
        (401, 32, "key or secret is wrong"),
        (403, 415, "callback is not in the application's list"),
        (401, 135, "clock is wrong"),
        (403, 453, "access level is too low"),
    ] {
        let xml = format!("<errors><error code=\"{code}\">…</error></errors>");
        for body in [v1(code), xml] {
            let answer = ResponseTemplate::new(status).set_body_string(body);
            let (_server, client) = twitter(answer).await;
            let error = client.request_token().await.unwrap_err();
            assert_eq!(kind(&error), "rejected", "{error:?}");
            let told = told(&error);
            assert!(told.contains(meaning), "{told}");
            assert!(told.contains(&format!("code {code}")), "{told}");
        }
    }
}

#[tokio::test]
async fn a_success_with_errors_and_no_data_is_a_refusal() {
    let problem = |slug: &str| {
        let kind = format!("https://api.x.com/2/problems/{slug}");
        let body = json!({ "errors": [{ "title": "…", "detail": "…", "type": kind }] });
        ResponseTemplate::new(200).set_body_json(body)
    };
    let (_server, client) = twitter(problem("resource-not-found")).await;
    let error = client.tweets(&me(), my_id(), None).await.unwrap_err();
    assert_eq!(kind(&error), "rejected");
    assert!(told(&error).contains("resource-not-found"));

    let (_server, client) = twitter(problem("user-suspended")).await;
    let error = client.profile(&me()).await.unwrap_err();
    assert_eq!(kind(&error), "suspended");
}

/// The fake clock shows this second since 1970.
const NOW: i64 = 1_795_402_800;

async fn wait(headers: &[(&str, i64)]) -> Duration {
    let mut answer = ResponseTemplate::new(429);
    for (name, value) in headers {
        answer = answer.insert_header(*name, value.to_string());
    }
    let (_server, client) = twitter(answer).await;
    match client.profile(&me()).await {
        Err(TwitterError::RateLimited { retry_after }) => retry_after,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_rate_limit_is_over_at_its_reset() {
    let reset = ("x-rate-limit-reset", NOW + 321);
    assert_eq!(wait(&[reset]).await, Duration::from_secs(321));
    let later = ("retry-after", 999);
    assert_eq!(wait(&[reset, later]).await, Duration::from_secs(321));
    assert_eq!(wait(&[later]).await, Duration::from_secs(999));
}

#[tokio::test]
async fn the_longest_exhausted_window_counts() {
    let headers = [
        ("x-rate-limit-remaining", 10),
        ("x-rate-limit-reset", NOW + 60),
        ("x-app-limit-24hour-remaining", 0),
        ("x-app-limit-24hour-reset", NOW + 3_600),
        ("x-user-limit-24hour-remaining", 0),
        ("x-user-limit-24hour-reset", NOW + 7_200),
    ];
    assert_eq!(wait(&headers).await, Duration::from_secs(2 * 60 * 60));
}

#[tokio::test]
async fn a_wait_is_between_a_second_and_a_day() {
    for (headers, expected) in [
        (vec![], Duration::from_secs(60)),
        (
            vec![("x-rate-limit-reset", NOW - 5)],
            Duration::from_secs(1),
        ),
        (vec![("retry-after", 0)], Duration::from_secs(1)),
        (vec![("retry-after", -7)], Duration::from_secs(60)),
        (
            vec![("x-rate-limit-reset", i64::MAX)],
            Duration::from_secs(24 * 60 * 60),
        ),
        (
            vec![("x-rate-limit-reset", i64::MIN)],
            Duration::from_secs(1),
        ),
    ] {
        assert_eq!(wait(&headers).await, expected, "{headers:?}");
    }
}

#[tokio::test]
async fn no_error_shows_a_secret_even_if_twitter_repeats_it() {
    let echo = SECRETS.join(" ");
    for status in [302, 400, 401, 403, 404, 429, 500] {
        for body in [
            echo.clone(),
            v2(
                status,
                &echo,
                &format!("https://x/2/problems/{}", SECRETS[2]),
            ),
            json!({ "errors": [{ "code": 1, "message": echo }] }).to_string(),
        ] {
            let answer = ResponseTemplate::new(status)
                .set_body_string(body)
                .insert_header("location", format!("https://x/{}", SECRETS[2]).as_str());
            let (_server, client) = twitter(answer).await;
            assert_tells_no_secret(&exchange(&client).await.unwrap_err());
            assert_tells_no_secret(&client.request_token().await.unwrap_err());
            assert_tells_no_secret(&client.revoke(&me()).await.unwrap_err());
            assert_tells_no_secret(&client.profile(&me()).await.unwrap_err());
        }
    }
}
