//! People move in from the earlier system: with the program, from its database.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod dump;
mod moving_in;
mod refusals;

use std::{path::Path, process::Output};

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use hmac::{Hmac, KeyInit, Mac};
use lemon_tests::{Answer, System, SystemBuilder};
use reqwest::Method;
use serde_json::json;
use sha2::Sha512;
use tempfile::TempDir;

use self::dump::Dump;

/// The key with which the earlier system signs, and this one verifies.
const KEY: &[u8; 66] = b"a key that nobody else knows, and as long as such a key has to be.";

/// A time at which no token expires in a test.
const IN_2100: i64 = 4_102_444_800;

/// A system in this folder that has the earlier one's key.
fn system(folder: &Path) -> SystemBuilder {
    System::builder()
        .data_dir(folder)
        .env("LEMON_JWT__SECRETS", &BASE64_STANDARD.encode(KEY))
}

/// A system that imports from there, with the store's tables.
async fn migrated(folder: &TempDir, dump: &Dump) -> SystemBuilder {
    let file = folder.path().join("from");
    std::fs::write(&file, format!("{}\n", dump.url)).unwrap();
    let data = folder.path().join("data");
    let system = system(&data).env("LEMON_IMPORT_FROM_FILE", file.to_str().unwrap());
    succeeded(&system.run(&["migrate"]).await);
    system
}

/// What a command printed that must succeed.
fn succeeded(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Imports, and answers the account.
async fn import(system: &SystemBuilder) -> String {
    succeeded(&system.run(&["import"]).await)
}

/// A token as the earlier system issued it.
fn token(user_id: i64, twitter_id: i64) -> String {
    let part = |it: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(it.to_string());
    let claims = json!({
        "sub": "user",
        "user_id": user_id,
        "oauth_token": twitter_id.to_string(),
        "exp": IN_2100,
    });
    let message = format!("{}.{}", part(json!({ "alg": "HS512" })), part(claims));
    let tag = Hmac::<Sha512>::new_from_slice(KEY)
        .unwrap()
        .chain_update(&message)
        .finalize();
    format!(
        "{message}.{}",
        BASE64_URL_SAFE_NO_PAD.encode(tag.into_bytes())
    )
}

/// A call with the token that the earlier system issued to the person with that number.
async fn call(system: &System, n: i64, method: Method, path: &str) -> Answer {
    let request = system.client().request(method, system.url(path));
    let token = token(n, 1_500_000_000_000_000_000 + n);
    let response = request.bearer_auth(token).send().await.unwrap();
    Answer::read(response).await.unwrap()
}
