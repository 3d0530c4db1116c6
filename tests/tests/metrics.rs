//! The metrics are those of `docs/metrics.md`, complete from the start, and the alerts and the dashboard use no others.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use lemon_tests::{System, wait_until};
use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const DOCUMENT: &str = "docs/metrics.md";
const DASHBOARD: &str = "deploy/grafana/lemon-toolbox.json";
const ALERTS: &str = "deploy/prometheus/alerts.yml";
const TESTS_OF_ALERTS: &str = "deploy/prometheus/alerts.test.yml";

/// What is said of all series of one name.
#[derive(Debug, Default, PartialEq, Eq)]
struct Family {
    kind: String,
    help: String,
    labels: BTreeSet<String>,
}

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(file)).expect("the file is there")
}

/// The families of the tables in the document.
fn documented() -> BTreeMap<String, Family> {
    let text = read(DOCUMENT);
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, kind, labels, help] = cells[..] else {
            return None;
        };
        let name = name.strip_prefix('`')?.strip_suffix('`')?;
        let labels = labels.split(", ").map(|label| label.trim_matches('`'));
        let labels = labels.filter(|label| !label.is_empty());
        let family = Family {
            kind: kind.to_owned(),
            help: help.to_owned(),
            labels: labels.map(ToOwned::to_owned).collect(),
        };
        Some((name.to_owned(), family))
    });
    rows.collect()
}

/// A text in the format of Prometheus: its families, and its series with their values.
#[derive(Default)]
struct Scrape {
    families: BTreeMap<String, Family>,
    series: Vec<(String, f64)>,
}

impl Scrape {
    async fn of(system: &System) -> Self {
        let answer = system.client().get(system.ops_url("/metrics")).send().await;
        let text = answer.expect("an answer").text().await.expect("a text");
        Self::parse(&text)
    }

    fn parse(text: &str) -> Self {
        let mut scrape = Self::default();
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').expect("a name and a text");
                help.clone_into(&mut scrape.family(name).help);
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect("a name and a type");
                kind.clone_into(&mut scrape.family(name).kind);
            } else if let Some((series, value)) = line.rsplit_once(' ') {
                let (name, labels) = series.split_once('{').unwrap_or((series, ""));
                let labels: BTreeSet<String> = labels
                    .split("\",")
                    .filter_map(|label| Some(label.split_once("=\"")?.0.to_owned()))
                    .filter(|label| label != "le")
                    .collect();
                let name = scrape.family_of(name).to_owned();
                scrape.family(&name).labels.extend(labels);
                let value = value.parse().expect("a number");
                scrape.series.push((series.to_owned(), value));
            }
        }
        scrape
    }

    fn family(&mut self, name: &str) -> &mut Family {
        self.families.entry(name.to_owned()).or_default()
    }

    /// The name without the ending of a histogram's series.
    fn family_of<'a>(&self, name: &'a str) -> &'a str {
        ["_bucket", "_sum", "_count"]
            .iter()
            .filter_map(|ending| name.strip_suffix(ending))
            .find(|name| self.families.contains_key(*name))
            .unwrap_or(name)
    }

    fn names_of_series(&self) -> BTreeSet<&str> {
        self.series.iter().map(|(name, _)| name.as_str()).collect()
    }

    fn value(&self, series: &str) -> f64 {
        let mut all = self.series.iter();
        let found = all.find(|(name, _)| name == series);
        found.unwrap_or_else(|| panic!("there is no {series}")).1
    }
}

#[tokio::test]
async fn a_fresh_program_answers_the_documented_metrics_and_they_stay_the_same() {
    let system = System::builder().start().await;
    let fresh = Scrape::of(&system).await;
    let documented = documented();
    for (name, family) in &documented {
        assert_eq!(fresh.families.get(name), Some(family), "{name}");
    }
    let names: BTreeSet<_> = documented.keys().collect();
    assert_eq!(fresh.families.keys().collect::<BTreeSet<_>>(), names);

    let person = system.sign_in(1).await;
    person.register(None).await.must_be(201);
    person.register(None).await.must_be(429);
    person.wait_until_ready().await;
    // The training is ready before the program has counted it.
    let finished = r#"lemon_trainings_total{service="LEARNME",outcome="finished"}"#;
    let later = wait_until("the training is counted", async || {
        Some(Scrape::of(&system).await).filter(|scrape| scrape.value(finished) > 0.0)
    })
    .await;
    assert_eq!(later.names_of_series(), fresh.names_of_series());
    for series in [
        r#"lemon_sign_ins_total{outcome="signed_in"}"#,
        r#"lemon_registrations_total{service="LEARNME",outcome="registered"}"#,
        r#"lemon_registrations_total{service="LEARNME",outcome="cooldown_active"}"#,
        finished,
        r#"lemon_twitter_calls_total{call="request_token",outcome="success"}"#,
        r#"lemon_http_requests_total{method="POST",route="/api/service/{service}",status="429"}"#,
    ] {
        let values = (fresh.value(series), later.value(series));
        assert_eq!(values, (0.0, 1.0), "{series}");
    }
}

#[test]
fn names_follow_the_rules_of_prometheus() {
    let documented = documented();
    assert!(documented.len() > 40, "{} metrics", documented.len());
    for (name, family) in documented {
        let is_counter = family.kind == "counter";
        assert_eq!(name.ends_with("_total"), is_counter, "{name}");
        assert!(
            name.starts_with("lemon_") || name.starts_with("process_"),
            "{name}"
        );
        assert!(family.help.ends_with('.'), "{name}");
    }
}

#[test]
fn the_dashboard_and_the_alerts_use_only_documented_metrics() {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array());
    let shown: Vec<_> = targets
        .flatten()
        .filter_map(|target| target["expr"].as_str())
        .flat_map(names_in)
        .collect();
    let alerts = read(ALERTS);
    let names: Vec<_> = names_in(&alerts).collect();
    assert!(shown.len() > 40 && names.len() > 20);
    let known = Scrape {
        families: documented(),
        series: Vec::new(),
    };
    for name in shown.iter().chain(&names) {
        let family = known.family_of(name);
        assert!(known.families.contains_key(family), "{name}");
    }
}

/// The names of metrics in an expression.
fn names_in(text: &str) -> impl Iterator<Item = String> {
    text.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
        .filter(|word| word.starts_with("lemon_") || word.starts_with("process_"))
        .map(ToOwned::to_owned)
}

/// `promtool`, which `cargo xtask test` runs, shows that the tests hold.
#[test]
fn each_alert_is_tested_to_fire_and_to_be_silent() {
    let alerts = read(ALERTS);
    let names: Vec<_> = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    assert!(names.len() > 10, "{} alerts", names.len());
    let tests = read(TESTS_OF_ALERTS);
    let cases: Vec<(&str, bool)> = tests
        .split("alertname: ")
        .skip(1)
        .filter_map(|case| {
            let mut lines = case.lines().map(str::trim);
            Some((lines.next()?, lines.next()? == "exp_alerts: []"))
        })
        .collect();
    for name in names {
        assert!(cases.contains(&(name, true)), "{name} is never silent");
        assert!(cases.contains(&(name, false)), "{name} never fires");
    }
}
