//! Each adapter is a product of its own: programs outside of the workspace use one, and get nothing else with it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use lemon_test_servers::RedisServer;
use lemon_tests::cargo;
use tempfile::TempDir;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

const ON_REDIS: &str = r#"
use lemon_domain::{
    ports::{QuotaCounter, Reservation, ReserveOutcome},
    values::{Budget, BudgetKey, BudgetName, Holder, Scope, Window},
};
use lemon_redis::{RedisConfig, RedisQuotaCounter};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let variable = |name| std::env::var(name).unwrap();
    let mut config = RedisConfig::new(variable("REDIS_URL"));
    config.key_prefix = variable("KEY_PREFIX");
    let counter = match RedisQuotaCounter::connect(&config).await {
        Ok(counter) => counter,
        Err(error) => return println!("{error}"),
    };
    let exports = Budget {
        key: BudgetKey {
            scope: Scope::parse("0197c6a0-7c1e-7cc3-98c4-dc0c0c07398f").unwrap(),
            budget: BudgetName::parse("exports").unwrap(),
            window: Window {
                start: "2026-11-22T21:00:00Z".parse().unwrap(),
                end: "2100-01-01T00:00:00Z".parse().unwrap(),
            },
        },
        limit: 1,
        units: 1,
    };
    if let Some(restoration) = counter.begin_restoration(&exports.key).await.unwrap() {
        counter.open(&exports.key, restoration).await.unwrap();
    }
    for job in ["5f1c2e0a-93f2-4a8e-b1f6-0a5d8d1f7c11", "second"] {
        let wish = Reservation {
            holder: Holder::parse(job).unwrap(),
            budgets: vec![exports.clone()],
            at: "2026-11-23T03:00:00Z".parse().unwrap(),
        };
        match counter.reserve(&wish).await.unwrap() {
            ReserveOutcome::Reserved(taken) => println!("{job} has seat {}", taken[0].seat),
            ReserveOutcome::Exhausted { state, .. } => println!("of {} {} are taken", state.limit, state.used),
            ReserveOutcome::Unknown(_) => println!("unknown"),
        }
    }
}
"#;

const ON_SQS: &str = r#"
use lemon_domain::values::QueueName;
use lemon_sqs::{SqsConfig, SqsJobQueue};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let queue = SqsJobQueue::connect(&SqsConfig::default()).await.unwrap();
    let jobs = QueueName::parse("jobs").unwrap();
    println!("{}", queue.check(&[jobs], &[]).await.err().unwrap());
}
"#;

/// What no adapter brings along: the other adapters, the program's configuration, and what needs a C compiler's world.
const NEVER: [&str; 12] = [
    "actix-web",
    "aws-lc-rs",
    "clap",
    "config",
    "lemon-contracts",
    "lemon-fakes",
    "lemon-http",
    "lemon-server",
    "lemon-test-servers",
    "openssl-sys",
    "sea-orm",
    "sqlx-core",
];

/// A program that uses one adapter.
struct Outside {
    folder: TempDir,
}

impl Outside {
    fn new(adapter: &str, main: &str) -> Self {
        let root = Path::new(ROOT).canonicalize().unwrap();
        let crates = root.join("crates");
        let crates = crates.display();
        let folder = TempDir::with_prefix("lemon-").unwrap();
        let manifest = format!(
            "[package]\nname = \"outside\"\nedition = \"2024\"\n[dependencies]\n\
             lemon-domain = {{ path = \"{crates}/domain\" }}\n\
             lemon-{adapter} = {{ path = \"{crates}/{adapter}\" }}\n\
             tokio = {{ version = \"1\", features = [\"macros\", \"rt\"] }}\n[workspace]\n"
        );
        fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
        // The same versions, so that nothing is asked for on the network.
        fs::copy(root.join("Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        fs::write(folder.path().join("src/main.rs"), main).unwrap();
        Self { folder }
    }

    fn cargo(&self, arguments: &[&str]) -> Output {
        self.cargo_with(arguments, &[])
    }

    fn cargo_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let output = cargo()
            .current_dir(self.folder.path())
            .args(arguments)
            .arg("--offline")
            .env("CARGO_TARGET_DIR", target())
            .env("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }

    fn says(&self, variables: &[(&str, &str)]) -> String {
        let output = self.cargo_with(&["run", "--quiet"], variables);
        String::from_utf8(output.stdout).unwrap()
    }

    /// The names of all crates in it.
    fn parts(&self) -> Vec<String> {
        let tree = self.cargo(&["tree", "--edges=normal,build", "--prefix=none"]);
        String::from_utf8(tree.stdout)
            .unwrap()
            .lines()
            .filter_map(|line| line.split(' ').next())
            .map(ToOwned::to_owned)
            .collect()
    }
}

fn target() -> PathBuf {
    Path::new(ROOT).join("target/outside")
}

fn assert_brings(outside: &Outside, adapter: &str, driver: &str, others: &[&str]) {
    let parts = outside.parts();
    for part in [adapter, driver, "lemon-domain"] {
        assert!(parts.iter().any(|name| name == part), "{part}");
    }
    for other in NEVER.iter().chain(others) {
        assert!(!parts.iter().any(|name| name == other), "{other}");
    }
}

#[tokio::test]
async fn a_program_outside_counts_its_own_in_redis_and_brings_nothing_else() {
    let outside = Outside::new("redis", ON_REDIS);
    assert_brings(
        &outside,
        "lemon-redis",
        "fred",
        &["aws-sdk-sqs", "lemon-sqs", "reqwest", "hyper"],
    );
    let nowhere = [("REDIS_URL", "redis://127.0.0.1:1"), ("KEY_PREFIX", "none")];
    let said = outside.says(&nowhere);
    assert!(
        said.contains("redis at 127.0.0.1:1 cannot be reached"),
        "{said}"
    );
    let server = RedisServer::get().await;
    let (url, prefix) = (server.url(), server.key_prefix());
    let somewhere = [("REDIS_URL", url.as_str()), ("KEY_PREFIX", &prefix)];
    let job = "5f1c2e0a-93f2-4a8e-b1f6-0a5d8d1f7c11";
    let expected = format!("{job} has seat 1\nof 1 1 are taken\n");
    assert_eq!(outside.says(&somewhere), expected);
}

#[test]
fn a_program_outside_has_jobs_on_sqs_and_brings_nothing_else() {
    let outside = Outside::new("sqs", ON_SQS);
    assert_brings(
        &outside,
        "lemon-sqs",
        "aws-sdk-sqs",
        &["fred", "lemon-redis", "reqwest", "actix-http"],
    );
    let said = outside.says(&[]);
    assert!(
        said.contains("sqs at http://127.0.0.1:1 cannot be reached"),
        "{said}"
    );
}

#[test]
fn a_package_of_an_adapter_holds_its_own_files_and_nothing_that_cargo_warns_of() {
    for adapter in ["domain", "embedded", "postgres", "redis", "sqs", "twitter"] {
        let package = format!("lemon-{adapter}");
        let listed = cargo()
            .args([
                "package",
                "--list",
                "--allow-dirty",
                "--offline",
                "--package",
                &package,
            ])
            .output()
            .unwrap();
        let warned = String::from_utf8_lossy(&listed.stderr);
        assert!(
            listed.status.success() && !warned.contains("warning"),
            "{warned}"
        );
        let files = String::from_utf8(listed.stdout).unwrap();
        assert!(files.lines().any(|file| file == "README.md"), "{files}");
        for file in files.lines() {
            let is_its_own = ["src/", "tests/", "examples/"]
                .iter()
                .any(|folder| file.starts_with(folder));
            let is_cargos = [
                "Cargo.",
                ".cargo_vcs_info.json",
                "README.md",
                "CHANGELOG.md",
                "LICENSE-",
            ]
            .iter()
            .any(|name| file.starts_with(name));
            assert!(is_its_own || is_cargos, "{package} holds {file}");
        }
    }
}
