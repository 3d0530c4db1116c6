//! The stand-ins alone, for replicas that share them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use lemon_tests::binary;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// The line that says that the stand-ins listen.
const READY: &str = "the stand-ins are ready";

const KEYS: [(&str, &str); 5] = [
    (
        "LEMON_JWT__SECRETS",
        "cmVwbGljYXMgc2hhcmUgdGhlaXIga2V5cywgb3Igb25lIHdvdWxkIHR1cm4gYXdheSB3aG9tIGFub3RoZXIgbGV0IGluISE=",
    ),
    (
        "LEMON_STORE__SEALING_KEYS",
        "k1:bGVtb25sZW1vbmxlbW9ubGVtb25sZW1vbmxlbW9ubGU=",
    ),
    ("LEMON_TWITTER__CONSUMER_KEY", "shared-key"),
    ("LEMON_TWITTER__CONSUMER_SECRET", "shared secret"),
    ("LEMON_TWITTER__CALLBACK_URL", "http://app.example/"),
];

/// Every part, for one replica alone.
const EMBEDDED: [(&str, &str); 3] = [
    ("LEMON_STORE__URL", "embedded"),
    ("LEMON_QUOTA__URL", "embedded"),
    ("LEMON_QUEUE__URL", "embedded"),
];

fn command(data_dir: &Path, subcommand: &str) -> Command {
    let mut command = Command::new(binary());
    command
        .arg(subcommand)
        .env_clear()
        .env("LEMON_DATA_DIR", data_dir)
        .envs(KEYS);
    command
}

#[test]
fn replicas_take_the_stand_ins_for_twitter_by_a_shared_key_and_secret() {
    let folder = tempfile::tempdir().unwrap();
    let mut stand_ins = command(&folder.path().join("stand-ins"), "sandbox")
        .env("LEMON_SANDBOX__LISTEN", "127.0.0.1:0")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = BufReader::new(stand_ins.stderr.take().unwrap()).lines();
    let mut records = log.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let ready = records.find(|record| record["message"] == READY);
    let address = ready.unwrap()["sandbox.address"].clone();
    let url = format!("http://{}", address.as_str().unwrap());

    let check = |secret: &str| {
        command(&folder.path().join("replica"), "check")
            .env("LEMON_TWITTER__URL", &url)
            .envs(EMBEDDED)
            .env("LEMON_TWITTER__CONSUMER_SECRET", secret)
            .output()
            .unwrap()
    };
    let accepted = check("shared secret");
    let said = String::from_utf8_lossy(&accepted.stdout).into_owned();
    assert!(said.contains("gave a request token"), "{said}");
    assert!(
        said.contains("quota.url works for one replica only"),
        "{said}"
    );
    assert!(accepted.status.success());
    assert!(!check("another").status.success());

    let pid = Pid::from_raw(stand_ins.id().cast_signed()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(records.last().unwrap()["message"], "ended");
    assert!(stand_ins.wait().unwrap().success());
}

/// The log of stand-ins until they are ready or have ended. Then they are killed.
fn log_of_a_start(command: &mut Command) -> Vec<Value> {
    let mut stand_ins = command
        .env("LEMON_SANDBOX__LISTEN", "127.0.0.1:0")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = BufReader::new(stand_ins.stderr.take().unwrap()).lines();
    let mut records = Vec::new();
    for line in log {
        let record: Value = serde_json::from_str(&line.unwrap()).unwrap_or_default();
        let is_ready = record["message"] == READY;
        records.push(record);
        if is_ready {
            break;
        }
    }
    stand_ins.kill().unwrap();
    stand_ins.wait().unwrap();
    records
}

fn has(records: &[Value], said: &str) -> bool {
    let mut messages = records.iter().filter_map(|it| it["message"].as_str());
    messages.any(|message| message.contains(said))
}

#[test]
fn without_workers_the_stand_ins_need_no_queue() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = |arguments: &[&str], workers: &str| {
        let mut sandbox = command(folder.path(), "sandbox");
        sandbox
            .args(arguments)
            .env("LEMON_SANDBOX__WORKERS", workers)
            .env("LEMON_START__WAIT_SECONDS", "0")
            .env("LEMON_QUEUE__URL", "sqs")
            .env("LEMON_QUEUE__DEADLINE_MS", "1000")
            .env("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test");
        has(&log_of_a_start(&mut sandbox), READY)
    };
    assert!(nowhere(&["--no-workers"], "true"));
    assert!(nowhere(&[], "false"));
    assert!(!nowhere(&[], "true"));
}

#[test]
fn a_named_web_app_without_a_callback_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let is_told = |variables: &[(&str, &str)]| {
        let mut sandbox = command(folder.path(), "sandbox");
        sandbox
            .env_remove("LEMON_TWITTER__CALLBACK_URL")
            .envs(variables.iter().copied());
        let records = log_of_a_start(&mut sandbox);
        assert!(has(&records, READY), "{records:?}");
        has(&records, "twitter.callback_url is not set")
    };
    let origin = ("LEMON_HTTP__ALLOWED_ORIGINS", "http://localhost:3000");
    let callback = ("LEMON_TWITTER__CALLBACK_URL", "http://localhost:3000/");
    assert!(is_told(&[origin]));
    assert!(!is_told(&[origin, callback]));
    assert!(!is_told(&[]));
}

#[test]
fn the_stand_ins_are_not_started_with_a_real_twitter() {
    let folder = tempfile::tempdir().unwrap();
    let refused = command(folder.path(), "sandbox")
        .env("LEMON_TWITTER__URL", "https://api.x.com")
        .envs(EMBEDDED)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("twitter.url"), "{said}");
}

#[test]
fn with_a_real_twitter_each_part_is_named_before_anything_is_made() {
    const PARTS: [(&str, &str); 3] = [
        ("LEMON_STORE__URL", "store.url"),
        ("LEMON_QUOTA__URL", "quota.url"),
        ("LEMON_QUEUE__URL", "queue.url"),
    ];
    // A migration needs the store alone.
    for (subcommand, needed) in [
        ("check", &PARTS[..]),
        ("serve", &PARTS[..]),
        ("migrate", &PARTS[..1]),
    ] {
        for (_, missing) in needed.iter().copied() {
            let folder = tempfile::tempdir().unwrap();
            let data_dir = folder.path().join("data");
            let named = PARTS.iter().filter(|(_, key)| *key != missing);
            let refused = command(&data_dir, subcommand)
                .env("LEMON_TWITTER__URL", "https://api.x.com")
                .envs(named.map(|(variable, _)| (variable, "embedded")))
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!(refused.status.code(), Some(2), "{said}");
            assert!(said.contains(&format!("has no {missing}")), "{said}");
            assert!(!data_dir.exists(), "{subcommand} without {missing}");
        }
    }
}
