use std::{fs, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use lemon_tests::{System, SystemBuilder, wait_until};
use reqwest::Method;
use rustix::process::Signal;
use sea_orm::DatabaseConnection;
use serde_json::{Value, json};

use super::{
    call,
    dump::{Dump, connect, number},
    import, migrated, succeeded,
};

/// The account of an import of everything that is odd.
const ACCOUNT: [&str; 4] = [
    "people         18 read: 12 imported, 0 already here, 6 left out",
    "registrations  13 read: 6 imported, 2 merged into these, 0 already here, 5 left out",
    "imported       3 ready, 2 in training, 1 failed",
    "remarks        19",
];

const REMARKS: [&str; 19] = [
    "oauth_token 200: its service_user_id is null",
    "registered_service 50: its service_user_id is null",
    "service_user -3: the id is not from 1",
    "service_user 0: the id is not from 1",
    "registered_service 1: can_use_time is null",
    "service_user 20: no usable row of oauth_token",
    "oauth_token 211: oauth_type is not TWITTER",
    "service_user 21: no usable row of oauth_token",
    "oauth_token 212: oauth_user_id is not a positive number",
    "service_user 22: no usable row of oauth_token",
    "oauth_token 213: the token or its secret is not usable",
    "registered_service 56: can_use_time is null",
    "registered_service 53: no service of the catalogue",
    "registered_service 55: no service of the catalogue",
    "registered_service 54: is_ready or is_public is null",
    "registered_service 54: can_use_time is more than ten years ahead or no date",
    "oauth_token 201: its person is not in service_user",
    "registered_service 51: its person is not in service_user",
    "service_user 9000000000000000000: the id is not from 1",
];

#[tokio::test(flavor = "multi_thread")]
async fn people_move_into_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let dump = Dump::odd().await;
    let system = migrated(&folder, &dump).await;
    move_in(system, &dump).await;
    let data = folder.path().join("data");
    for file in ["lemon.db", "lemon.db-wal"] {
        assert!(!holds(&data.join(file), b"hush-"), "{file}");
    }
}

/// The same database may have the tables of both.
#[tokio::test(flavor = "multi_thread")]
async fn people_move_within_a_postgresql_database() {
    let folder = tempfile::tempdir().unwrap();
    let dump = Dump::odd().await;
    let system = migrated(&folder, &dump).await;
    let system = system.env("LEMON_STORE__URL", dump.url.as_str());
    succeeded(&system.run(&["migrate"]).await);
    move_in(system, &dump).await;
    let plain = "SELECT count(*) FROM accounts WHERE position('hush'::bytea IN credentials) > 0";
    assert_eq!(number(&dump.db, plain).await, 0);
}

fn holds(file: &Path, text: &[u8]) -> bool {
    let bytes = fs::read(file).unwrap_or_default();
    bytes.windows(text.len()).any(|window| window == text)
}

/// Everybody moves in, and goes on as before.
async fn move_in(system: SystemBuilder, dump: &Dump) {
    let told = succeeded(&system.run(&["import", "--dry-run"]).await);
    let done = import(&system).await;
    assert_eq!(told, format!("dry run        nothing was stored\n{done}"));
    for line in ACCOUNT {
        assert!(done.lines().any(|it| it == line), "{line}\n{done}");
    }
    for remark in REMARKS {
        let lines = done.lines().filter(|line| line.starts_with(remark));
        assert_eq!(lines.count(), 1, "{remark}\n{done}");
    }
    assert!(
        !done.contains("hush") && !done.contains("nickname"),
        "{done}"
    );
    let again = import(&system).await;
    for line in [
        "people         18 read: 0 imported, 12 already here, 6 left out",
        "registrations  13 read: 0 imported, 2 merged into these, 6 already here, 5 left out",
    ] {
        assert!(again.lines().any(|it| it == line), "{line}\n{again}");
    }

    trainings_end(&system).await;
    let mut system = system.start().await;
    old_tokens_are_good(&system).await;
    cooldowns_run(&system, dump).await;
    people_sign_in(&system).await;
    assert_eq!(system.terminate().await.code(), Some(0));
}

async fn listed(system: &System, n: i64) -> Value {
    call(system, n, Method::GET, "/api/service")
        .await
        .must_be(200)
}

async fn old_tokens_are_good(system: &System) {
    let first = listed(system, 1).await;
    assert_eq!(first.as_array().unwrap().len(), 1, "{first}");
    for (n, ready, public, state) in [
        (1, true, false, "ready"),
        (2, true, true, "ready"),
        (4, false, false, "failed"),
        (23, true, false, "ready"),
    ] {
        let listed = listed(system, n).await;
        let shown = &listed[0];
        assert_eq!(shown["service_type"], "LEARNME", "{n}: {listed}");
        assert_eq!(shown["ready"], ready, "{n}: {listed}");
        assert_eq!(shown["public"], public, "{n}: {listed}");
        assert_eq!(shown["state"], state, "{n}: {listed}");
    }
    assert_eq!(listed(system, 5).await, json!([]));
    // Without a token of theirs nobody can ask Twitter.
    let profile = call(system, 23, Method::GET, "/api/twitter/user-profile").await;
    assert!((400..500).contains(&profile.status), "{profile:?}");
}

async fn cooldowns_run(system: &System, dump: &Dump) {
    let register = async |n| call(system, n, Method::POST, "/api/service/learn_me").await;
    let refused = register(1).await;
    assert_eq!(
        (refused.status, refused.code()),
        (429, Some("cooldown_active"))
    );
    let until: DateTime<Utc> = refused.body["can_use_time"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    // As the clocks of Seoul show it.
    let there = "SELECT extract(epoch FROM can_use_time AT TIME ZONE 'Asia/Seoul')::bigint
        FROM registered_service WHERE id = 2";
    assert_eq!(until.timestamp(), number(&dump.db, there).await);
    // Nobody has a place of today yet.
    for (n, count) in [(2, 1), (3, 2), (4, 3)] {
        let accepted = register(n).await.must_be(201);
        assert_eq!(accepted["register_count"], count, "{n}");
    }
    assert_eq!(listed(system, 2).await[0]["ready"], true);
}

/// What was under way ends at the deadline, and this system sends no job of it.
async fn trainings_end(system: &SystemBuilder) {
    let deadline = "LEMON_SERVICES__LEARN_ME__TRAINING_DEADLINE_SECONDS";
    let mut system = system.clone().env(deadline, "1").start().await;
    wait_until("the trainings have ended", async || {
        let shown = [listed(&system, 3).await, listed(&system, 24).await];
        let ended = shown.iter().all(|it| it[0]["state"] == "failed");
        ended.then_some(())
    })
    .await;
    assert_eq!(system.terminate().await.code(), Some(0));
    assert!(system.sent_trainings().is_empty());
}

async fn people_sign_in(system: &System) {
    for n in [1, 23] {
        let person = system.sign_in(n).await;
        assert_eq!(person.user_id, u64::from(n));
        person.profile().await.must_be(200);
        assert_eq!(person.services().await.must_be(200)[0]["ready"], true);
    }
    let new = system.sign_in(77).await;
    assert!(new.user_id > 1000, "{}", new.user_id);
}

/// The rows that are there after an import, or after a part of one.
async fn stored(db: &DatabaseConnection) -> [i64; 3] {
    let mut rows = [0; 3];
    for (rows, table) in rows.iter_mut().zip(["users", "accounts", "registrations"]) {
        *rows = number(db, &format!("SELECT count(*) FROM {table}")).await;
    }
    rows
}

/// With a real Twitter, the other parts have keys that are required: of them an import uses none.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_needs_the_store_its_keys_and_its_source_alone() {
    let folder = tempfile::tempdir().unwrap();
    let dump = Dump::odd().await;
    let store = format!("sqlite://{}/lemon.db", folder.path().display());
    let real = System::builder()
        .data_dir(folder.path().join("data"))
        .env("LEMON_TWITTER__URL", "https://api.x.com")
        .env("LEMON_STORE__URL", &store);
    succeeded(&real.run(&["migrate"]).await);
    let from = ["import", "--from", dump.url.as_str()];
    let refused = real.run(&from).await;
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(told.contains("store.sealing_keys"), "{told}");
    let key = format!("k1:{}", BASE64_STANDARD.encode([7; 32]));
    let account = succeeded(&real.env("LEMON_STORE__SEALING_KEYS", &key).run(&from).await);
    for line in ACCOUNT {
        assert!(account.lines().any(|it| it == line), "{line}\n{account}");
    }
    assert!(!folder.path().join("data").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_killed_is_continued() {
    const PEOPLE: u32 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let dump = Dump::crowd(PEOPLE).await;
    let url = dump.server.database().await;
    let system = migrated(&folder, &dump).await;
    let system = system.env("LEMON_STORE__URL", url.as_str());
    succeeded(&system.run(&["migrate"]).await);
    let db = connect(&url).await;

    let mut importing = system.begin(folder.path(), &["import"]);
    importing
        .until("some are stored", async || {
            (stored(&db).await[0] > 0).then_some(())
        })
        .await;
    let killed = importing.end(Signal::KILL).await;
    assert_eq!(killed.code(), None, "it had ended");
    let part = stored(&db).await;
    let all = i64::from(PEOPLE);
    assert!(part[0] > 0 && part[0] < all, "{part:?}");
    assert_eq!(part, [part[0]; 3], "each portion is complete");

    let account = import(&system).await;
    let (known, rest) = (part[0], all - part[0]);
    let line =
        format!("people         {all} read: {rest} imported, {known} already here, 0 left out");
    assert!(account.lines().any(|it| it == line), "{line}\n{account}");
    assert_eq!(stored(&db).await, [all; 3]);
}
