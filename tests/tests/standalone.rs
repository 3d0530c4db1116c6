//! Each adapter is a product of its own: programs outside of the workspace use one, and get nothing else with it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use lemon_tests::cargo;
use tempfile::TempDir;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

const ON_REDIS: &str = r#"
use lemon_domain::ports::QuotaCounter;
use lemon_redis::{RedisConfig, RedisError, RedisQuotaCounter};

async fn counter() -> Result<impl QuotaCounter, RedisError> {
    RedisQuotaCounter::connect(&RedisConfig::new("redis://127.0.0.1")).await
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let _counter = counter().await;
}
"#;

const ON_SQS: &str = r#"
use lemon_domain::ports::JobQueue;
use lemon_sqs::{SqsConfig, SqsError, SqsJobQueue};

async fn queue() -> Result<impl JobQueue, SqsError> {
    SqsJobQueue::connect(&SqsConfig::default()).await
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let _queue = queue().await;
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
             tokio = {{ version = \"1\", features = [\"macros\", \"rt\"] }}\n[workspace]\n{}",
            profile()
        );
        fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
        // The same versions, so that nothing is asked for on the network.
        fs::copy(root.join("Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        fs::write(folder.path().join("src/main.rs"), main).unwrap();
        Self { folder }
    }

    fn cargo(&self, arguments: &[&str]) -> Output {
        let output = cargo()
            .current_dir(self.folder.path())
            .args(arguments)
            .arg("--offline")
            .env("CARGO_TARGET_DIR", target())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }

    /// Compiles it, with the features that the adapter itself asks for. What such programs do is tested with the packages.
    fn must_compile(&self) {
        self.cargo(&["check", "--quiet"]);
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

/// Shared with the workspace, so that what both need is compiled once.
fn target() -> PathBuf {
    Path::new(ROOT).join("target")
}

/// The workspace's profile: with another one, nothing could be shared.
fn profile() -> &'static str {
    let with_profile = include_str!("../outside/Cargo.toml");
    let start = with_profile.find("[profile.dev]").unwrap();
    &with_profile[start..]
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

#[test]
fn a_program_outside_needs_one_adapter_to_count_in_redis_and_gets_nothing_else() {
    let outside = Outside::new("redis", ON_REDIS);
    assert_brings(
        &outside,
        "lemon-redis",
        "fred",
        &["aws-sdk-sqs", "lemon-sqs", "reqwest", "hyper"],
    );
    outside.must_compile();
}

#[test]
fn a_program_outside_needs_one_adapter_to_have_jobs_on_sqs_and_gets_nothing_else() {
    let outside = Outside::new("sqs", ON_SQS);
    assert_brings(
        &outside,
        "lemon-sqs",
        "aws-sdk-sqs",
        &["fred", "lemon-redis", "reqwest", "actix-http"],
    );
    outside.must_compile();
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
