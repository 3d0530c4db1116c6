//! What `deploy/` gives to the program: its configuration, its secrets, the time in which it may end.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use lemon_tests::binary;

const BASE: &str = include_str!("../../deploy/kubernetes/base/lemon-toolbox.toml");
const EXAMPLE: &str = include_str!("../../deploy/kubernetes/example/lemon-toolbox.toml");
const PRODUCTION: &str = include_str!("../../deploy/lemon-toolbox.example.toml");
const DEPLOYMENT: &str = include_str!("../../deploy/kubernetes/base/deployment.yaml");
const MIGRATE: &str = include_str!("../../deploy/kubernetes/base/migrate.yaml");
const UNIT: &str = include_str!("../../deploy/systemd/lemon-toolbox.service");
const AUTOSCALING: &str = include_str!("../../deploy/kubernetes/base/autoscaling.yaml");
const ADAPTER: &str = include_str!("../../deploy/kubernetes/prometheus-adapter.values.yaml");
const METRICS: &str = include_str!("../../docs/metrics.md");
const COMPOSE: &str = include_str!("../../deploy/compose.yml");

/// What work in flight may take, after the draining.
const IN_FLIGHT: u64 = 25;
/// How long the API drains, if nothing else is configured.
const USUAL_DRAIN: u64 = 5;

/// Secrets of the right form, by the names of their files. Nothing listens at these addresses.
const SECRETS: [(&str, &str); 6] = [
    ("store_url", "postgres://lemon@127.0.0.1:1/lemon"),
    ("quota_url", "redis://127.0.0.1:1"),
    (
        "sealing_keys",
        "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    ),
    (
        "jwt_secrets",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==",
    ),
    ("consumer_key", "key"),
    ("consumer_secret", "secret"),
];

#[test]
fn kubernetes_gives_the_program_all_that_it_needs() {
    for pod in [DEPLOYMENT, MIGRATE] {
        for configuration in [BASE, EXAMPLE] {
            must_be_complete(configuration, &in_a_pod(pod));
        }
    }
}

#[test]
fn systemd_gives_the_program_all_that_it_needs() {
    let variables = UNIT.lines().filter_map(|line| {
        let (name, value) = line.strip_prefix("Environment=")?.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    });
    must_be_complete(PRODUCTION, &variables.collect());
}

/// The variables that a manifest sets.
fn in_a_pod(manifest: &str) -> BTreeMap<String, String> {
    let lines = manifest.lines().map(str::trim);
    let pairs = lines.clone().zip(lines.skip(1));
    let variables = pairs.filter_map(|(name, value)| {
        let name = name.strip_prefix("- name: ")?;
        let value = value.strip_prefix("value: ")?;
        Some((name.to_owned(), value.to_owned()))
    });
    variables.collect()
}

/// With these variables, `check` finds nothing wrong in the configuration, and then tries the connections.
fn must_be_complete(configuration: &str, variables: &BTreeMap<String, String>) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    fs::write(file("lemon-toolbox.toml"), configuration).unwrap();
    for (name, value) in SECRETS {
        fs::write(file(name), value).unwrap();
    }
    let mut check = Command::new(binary());
    check.arg("check").env_clear();
    assert!(variables.contains_key("LEMON_CONFIG"), "{variables:?}");
    for (name, value) in variables {
        // A file is found by its name, wherever it is mounted.
        let is_path = name == "LEMON_CONFIG" || name.ends_with("_FILE");
        let value = match Path::new(value).file_name() {
            Some(name) if is_path => file(name.to_str().unwrap()).display().to_string(),
            _ => value.clone(),
        };
        check.env(name, value);
    }
    check
        .env("LEMON_DATA_DIR", file("data"))
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")
        .env("AWS_ACCESS_KEY_ID", "id")
        .env("AWS_SECRET_ACCESS_KEY", "key")
        .env("LEMON_TWITTER__URL", "http://127.0.0.1:1");
    let output = check.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let wrong = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("configuration  ok"), "{said}{wrong}");
    // The connections were tried, at addresses where nothing is.
    assert_eq!(output.status.code(), Some(1), "{said}{wrong}");
}

#[test]
fn every_supervisor_waits_until_the_program_has_ended() {
    for configuration in [BASE, EXAMPLE] {
        let drain = number(configuration, "drain_seconds = ");
        let grace = number(DEPLOYMENT, "terminationGracePeriodSeconds: ");
        assert!(grace > drain + IN_FLIGHT, "{grace} s after {drain} s");
    }
    let drain = if PRODUCTION.contains("\ndrain_seconds") {
        number(PRODUCTION, "\ndrain_seconds = ")
    } else {
        USUAL_DRAIN
    };
    let grace = number(UNIT, "TimeoutStopSec=");
    assert!(grace > drain + IN_FLIGHT, "{grace} s after {drain} s");
    let grace = number(COMPOSE, "stop_grace_period: ");
    assert!(grace > USUAL_DRAIN + IN_FLIGHT, "{grace} s");
}

/// The number that follows the only place with this text.
fn number(text: &str, before: &str) -> u64 {
    let (_, rest) = text.split_once(before).unwrap();
    assert!(!rest.contains(before), "{before} is there twice");
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

#[test]
fn the_autoscaler_asks_for_metrics_that_are_there_and_that_the_adapter_knows() {
    let wanted = metrics(AUTOSCALING);
    assert_eq!(wanted.len(), 2, "{wanted:?}");
    assert_eq!(wanted, metrics(ADAPTER));
    for metric in wanted {
        assert!(METRICS.contains(&format!("| `{metric}` |")), "{metric}");
    }
}

/// The names of metrics in a text.
fn metrics(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| c != '_' && !c.is_ascii_alphanumeric())
        .filter(|word| word.starts_with("lemon_"))
        .collect()
}
