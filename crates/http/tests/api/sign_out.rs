//! The end of a token, of all tokens, and of an account.

use lemon_domain::{
    ports::{Accounts, Outbox, Revocations, RevokedTokens, TwitterClient, TwitterError},
    values::{Identity, TaskKind, UserId},
};
use reqwest::{Method, Response, StatusCode};
use serde_json::json;

use crate::{
    app::{App, code},
    forge::{self, KEY, claims, signed},
};

/// Each call that needs a token.
const CALLS: [(Method, &str); 8] = [
    (Method::GET, "/api/twitter/user-profile"),
    (Method::GET, "/api/service"),
    (Method::PUT, "/api/service"),
    (Method::POST, "/api/service/learn_me"),
    (Method::DELETE, "/api/service/learn_me"),
    (Method::POST, "/api/logout"),
    (Method::POST, "/api/logout-everywhere"),
    (Method::DELETE, "/api/account"),
];

async fn call(app: &App, (method, path): &(Method, &str), token: &str) -> Response {
    let mut call = app.call(method.clone(), path).bearer_auth(token);
    if *method == Method::PUT {
        call = call.json(&json!({ "service_type": "LEARNME", "public": true }));
    }
    call.send().await.unwrap()
}

async fn end(app: &App, how: &str, token: &str) {
    let method = if how == "account" {
        Method::DELETE
    } else {
        Method::POST
    };
    let answer = call(app, &(method, &format!("/api/{how}")), token).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{how}");
}

async fn is_good(app: &App, token: &str) -> bool {
    let answer = call(app, &(Method::GET, "/api/service"), token).await;
    let is_good = answer.status() == StatusCode::OK;
    if !is_good {
        assert_eq!(code(answer).await, "token_invalid");
    }
    is_good
}

#[tokio::test]
async fn a_logout_ends_this_token_for_every_call() {
    let app = App::start();
    let (one, other) = (app.sign_in(1).await, app.sign_in(1).await);
    let stranger = app.sign_in(2).await;
    end(&app, "logout", &one).await;
    for each in &CALLS {
        assert_eq!(
            code(call(&app, each, &one).await).await,
            "token_invalid",
            "{each:?}"
        );
    }
    assert!(is_good(&app, &other).await);
    assert!(is_good(&app, &stranger).await);
    // A public call answers anyway, as to nobody.
    let answer = call(&app, &(Method::GET, "/api/service/learn_me/can-use"), &one).await;
    let body: serde_json::Value = answer.json().await.unwrap();
    assert!(body.get("reset_time").is_none(), "{body}");
}

#[tokio::test]
async fn a_token_of_the_earlier_system_is_ended_by_its_digest() {
    let app = App::start();
    let identity = app.tokens.verify(&app.sign_in(1).await).unwrap();
    let mut old = claims();
    old["user_id"] = json!(identity.user.get());
    old["oauth_token"] = json!(identity.account.user_id.to_string());
    let old = [1, 2].map(|n| {
        let mut old = old.clone();
        old["exp"] = json!(old["exp"].as_i64().unwrap() + n);
        signed(&forge::header("HS512"), &old, &KEY)
    });
    end(&app, "logout", &old[0]).await;
    assert!(!is_good(&app, &old[0]).await);
    assert!(is_good(&app, &old[1]).await);
    // It says no time at which it was issued, so it is older than any.
    end(&app, "logout-everywhere", &old[1]).await;
    assert!(!is_good(&app, &old[1]).await);
}

#[tokio::test]
async fn a_logout_everywhere_ends_all_tokens_and_none_of_later_sign_ins() {
    let app = App::start();
    let (one, other) = (app.sign_in(1).await, app.sign_in(1).await);
    let stranger = app.sign_in(2).await;
    end(&app, "logout-everywhere", &one).await;
    assert!(!is_good(&app, &one).await);
    assert!(!is_good(&app, &other).await);
    assert!(is_good(&app, &stranger).await);
    // Also in the same second.
    let fresh = app.sign_in(1).await;
    assert!(is_good(&app, &fresh).await);
}

#[tokio::test]
async fn a_revocation_is_stored_for_the_other_replicas_and_no_longer_than_the_token() {
    let app = App::start();
    let token = app.sign_in(1).await;
    end(&app, "logout", &token).await;
    let stored = app.store.inner.revocations(0).await.unwrap();
    assert_eq!(stored.len(), 1);
    let revocation = stored[0].revocation;
    assert!(matches!(revocation.tokens, RevokedTokens::One(_)));
    let lifetime = lemon_http::JwtConfig::DEFAULT_LIFETIME;
    let now = lemon_domain::ports::Clock::now(&*app.clock);
    assert_eq!((revocation.expires_at - now).to_std().unwrap(), lifetime);
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing_but_the_cooldown() {
    let app = App::start();
    let token = app.sign_in(1).await;
    let identity = app.tokens.verify(&token).unwrap();
    let credentials = app.twitter.credentials_of(1);
    assert_eq!(app.register(&token).await.status(), StatusCode::CREATED);
    end(&app, "account", &token).await;
    for each in &CALLS {
        assert_eq!(
            code(call(&app, each, &token).await).await,
            "token_invalid",
            "{each:?}"
        );
    }
    let store = &app.store.inner;
    assert_eq!(store.account(identity.account).await.unwrap(), None);
    let rows = store
        .claim(
            100,
            std::time::Duration::from_secs(1),
            lemon_domain::ports::Clock::now(&*app.clock),
        )
        .await
        .unwrap();
    let tasks: Vec<_> = rows.iter().map(|row| row.content.kind).collect();
    assert_eq!(tasks, [TaskKind::Delete]);
    let refused = app.twitter.profile(&credentials).await;
    assert!(
        matches!(refused, Err(TwitterError::InvalidToken)),
        "{refused:?}"
    );
    // They are the same person when they come back, and have to wait as before.
    let back = app.sign_in(1).await;
    assert_eq!(app.tokens.verify(&back).unwrap(), identity);
    assert_eq!(code(app.register(&back).await).await, "cooldown_active");
    assert!(!is_good(&app, &token).await);
}

#[tokio::test]
async fn an_account_is_deleted_also_while_twitter_is_away() {
    let app = App::start();
    let token = app.sign_in(1).await;
    app.twitter
        .fail_next([TwitterError::Unreached("no route".into())]);
    end(&app, "account", &token).await;
    assert!(!is_good(&app, &token).await);
}

#[tokio::test]
async fn a_valid_token_of_nobody_is_refused_by_every_call() {
    let app = App::start();
    let mine = app.tokens.verify(&app.sign_in(1).await).unwrap();
    let theirs = app.tokens.verify(&app.sign_in(2).await).unwrap();
    let of_nobody = Identity {
        user: UserId::new(4711),
        account: lemon_domain::values::AccountId::twitter(
            lemon_domain::values::ProviderUserId::parse("99").unwrap(),
        ),
    };
    let with_the_account_of_another = Identity {
        account: theirs.account,
        ..mine
    };
    for identity in [of_nobody, with_the_account_of_another] {
        let token = app.tokens.issue(identity).unwrap();
        for each in &CALLS {
            assert_eq!(
                code(call(&app, each, &token).await).await,
                "token_invalid",
                "{each:?}"
            );
        }
    }
}

#[tokio::test]
async fn claims_that_are_no_object_are_no_token() {
    let app = App::start();
    let mine = app.tokens.verify(&app.sign_in(1).await).unwrap();
    let list = json!([
        "user",
        mine.user.get(),
        mine.account.user_id.to_string(),
        9_999_999_999_u64,
        null
    ]);
    let token = signed(&forge::header("HS512"), &list, &KEY);
    assert!(!is_good(&app, &token).await);
}
