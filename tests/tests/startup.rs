//! How the program starts, and how it says that it cannot.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Output, Stdio},
};

use lemon_tests::{System, binary};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const FREE: [(&str, &str); 4] = [
    ("LEMON_START__WAIT_SECONDS", "0"),
    ("LEMON_HTTP__LISTEN", "127.0.0.1:0"),
    ("LEMON_OPS__LISTEN", "127.0.0.1:0"),
    ("LEMON_SANDBOX__LISTEN", "127.0.0.1:0"),
];

/// Runs the program to its end.
fn run(data_dir: &Path, args: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(binary())
        .args(args)
        .env_clear()
        .envs(FREE)
        .env("LEMON_DATA_DIR", data_dir)
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

/// The exit code, and the one line on stderr.
fn refusal(data_dir: &Path, args: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let output = run(data_dir, args, variables);
    let stderr = String::from_utf8(output.stderr).unwrap();
    let last = stderr.trim_end().lines().last().unwrap_or_default();
    (output.status.code().unwrap(), last.to_owned())
}

/// A refused start has made nothing.
fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn a_wrong_configuration_is_one_sentence_that_names_the_key() {
    for (variable, value, named) in [
        ("LEMON_HTTP__LISTN", "127.0.0.1:0", "listn"),
        ("LEMON_HTTP__LISTEN", "nowhere", "http.listen"),
        ("LEMON_NONSENSE__URL", "1", "nonsense"),
        ("LEMON_STORE", "postgres://localhost", "LEMON_STORE"),
        ("LEMON_store__url", "sqlite://x", "LEMON_store__url"),
        ("LEMON_STORE__URL", "", "LEMON_STORE__URL"),
        ("LEMON_JWT__SECRETS", "c2hvcnQ=", "jwt.secrets"),
        ("LEMON_JWT__SECRETS", "not base64!", "jwt.secrets"),
        (
            "LEMON_STORE__SEALING_KEYS",
            "k1:c2hvcnQ=",
            "store.sealing_keys",
        ),
        ("LEMON_STORE__URL", "mysql://localhost/x", "store.url"),
        ("LEMON_QUOTA__URL", "memcached://x", "quota.url"),
        ("LEMON_QUEUE__URL", "rabbit", "queue.url"),
        ("LEMON_HTTP__ALLOWED_ORIGINS", "*", "http.allowed_origins"),
        ("LEMON_HTTP__PROXIES", "10.0.0.0/33", "http.proxies"),
        ("LEMON_HTTP__PROXY_HEADER", "x-real-ip", "http.proxy_header"),
        ("LEMON_HTTP__HOSTS", "https://lemon.example", "http.hosts"),
        ("LEMON_LIMITS__SIGN_INS", "1", "sign_ins"),
        ("LEMON_TWITTER__URL", "https://api.x.com", "jwt.secrets"),
        ("LEMON_TWITTER__URL", "nonsense", "twitter.url"),
        ("LEMON_TWITTER__API", "v3", "twitter.api"),
        (
            "LEMON_SIGN_IN__REQUIRE_COOKIE",
            "yes",
            "sign_in.require_cookie",
        ),
        ("LEMON_SIGN_IN__SAME_SITE", "strict", "sign_in.same_site"),
        ("LEMON_STORE__DEADLINE_MS", "5001", "store.deadline_ms"),
        ("LEMON_QUOTA__DEADLINE_MS", "0", "quota.deadline_ms"),
        ("LEMON_QUOTA__MAX_AGE_MS", "1001", "quota.max_age_ms"),
        ("LEMON_QUEUE__DEADLINE_MS", "6001", "queue.deadline_ms"),
        ("LEMON_HTTP__MAX_CONNECTIONS", "0", "max_connections"),
        ("LEMON_LOG__FILTER", "a=b=c", "log.filter"),
        ("LEMON_SERVICES__LEARN_ME__ZONE", "Mars/Base", "time zone"),
        ("LEMON_SERVICES__LEARN_ME__TURNS_AT", "25:00", "HH:MM"),
        (
            "LEMON_SERVICES__LEARN_ME__DAILY_LIMIT",
            "many",
            "daily_limit",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (code, line) = refusal(folder.path(), &["serve"], &[(variable, value)]);
        assert_eq!(code, 2, "{variable}: {line}");
        assert!(line.contains(named), "{variable}: {line}");
        assert!(is_empty(folder.path()), "{variable}");
    }
}

/// Each number of the configuration, and values that would do harm: none, or more than there can be of it.
#[test]
fn a_number_that_would_do_harm_is_refused_by_every_command_with_its_bounds() {
    const HUGE: &str = "9223372036854775807";
    const LARGEST_U32: &str = "4294967295";
    const SERVICE: &str = "services.learn_me";
    let service = |key: &str| format!("{SERVICE}.{key}");
    let reads = |key: &str| format!("{SERVICE}.budgets.reads.{key}");
    let folder = tempfile::tempdir().unwrap();
    for (key, values) in [
        ("http.max_connections".to_owned(), vec!["0", HUGE]),
        ("http.keep_alive_seconds".to_owned(), vec!["0", HUGE]),
        ("http.drain_seconds".to_owned(), vec![HUGE, "3601"]),
        (
            "http.max_connections_per_address".to_owned(),
            vec![HUGE, "1000001"],
        ),
        ("http.profile_cache_seconds".to_owned(), vec![HUGE, "3601"]),
        (
            "limits.request_tokens_per_minute".to_owned(),
            vec![LARGEST_U32, "1000001"],
        ),
        (
            "limits.sign_ins_per_minute".to_owned(),
            vec![LARGEST_U32, "1000001"],
        ),
        (
            "limits.profile_reads_per_minute".to_owned(),
            vec![LARGEST_U32, "1000001"],
        ),
        ("start.wait_seconds".to_owned(), vec![HUGE, "3601"]),
        ("store.max_connections".to_owned(), vec!["0", LARGEST_U32]),
        ("store.deadline_ms".to_owned(), vec!["0", "5001"]),
        ("quota.pool_size".to_owned(), vec!["0", HUGE]),
        ("quota.deadline_ms".to_owned(), vec!["0", "5001"]),
        ("queue.visibility_seconds".to_owned(), vec!["0", "43201"]),
        ("queue.deadline_ms".to_owned(), vec!["0", "6001"]),
        ("twitter.deadline_ms".to_owned(), vec!["0", HUGE]),
        ("sandbox.training_seconds".to_owned(), vec![HUGE, "2592001"]),
        (
            "sign_in.finish_within_seconds".to_owned(),
            vec!["0", "86401"],
        ),
        ("jwt.lifetime_seconds".to_owned(), vec!["0", HUGE]),
        (service("daily_limit"), vec![LARGEST_U32, "10000001"]),
        (service("cooldown_seconds"), vec![HUGE, "315360001"]),
        (service("training_deadline_seconds"), vec!["0", HUGE]),
        (service("training_attempts"), vec!["0", LARGEST_U32]),
        (reads("limit"), vec!["0", LARGEST_U32]),
        (reads("units"), vec!["0"]),
    ] {
        let variable = format!("LEMON_{}", key.replace('.', "__").to_uppercase());
        for value in values {
            let mut variables = vec![
                ("LEMON_SERVICES__LEARN_ME__BUDGETS__READS__LIMIT", "90"),
                ("LEMON_SERVICES__LEARN_ME__BUDGETS__READS__UNITS", "30"),
            ];
            variables.push((&variable, value));
            let said = ["check", "serve", "migrate", "sandbox"].map(|command| {
                let (code, line) = refusal(folder.path(), &[command], &variables);
                assert_eq!(code, 2, "{variable}={value}: {line}");
                assert!(is_empty(folder.path()), "{variable}={value}: {command}");
                line
            });
            let [line, others @ ..] = &said;
            assert!(others.iter().all(|other| other == line), "{said:?}");
            let bounds = line.split_once(&format!("{key} is wrong: it must be a number of "));
            let (_, bounds) = bounds.unwrap_or_else(|| panic!("{line}"));
            assert!(
                bounds.contains(" from ") && bounds.contains(" to "),
                "{line}"
            );
            assert!(value == "0" || !line.contains(value), "{line}");
        }
    }
}

#[test]
fn units_above_a_budgets_limit_are_refused_by_check_as_by_serve() {
    let folder = tempfile::tempdir().unwrap();
    let budget = [
        ("LEMON_SERVICES__LEARN_ME__BUDGETS__READS__LIMIT", "10"),
        ("LEMON_SERVICES__LEARN_ME__BUDGETS__READS__UNITS", "11"),
    ];
    for command in ["serve", "check"] {
        let (code, line) = refusal(folder.path(), &[command], &budget);
        assert_eq!(code, 2, "{command}: {line}");
        for key in ["units", "limit"] {
            let key = format!("services.learn_me.budgets.reads.{key}");
            assert!(line.contains(&key), "{command}: {line}");
        }
    }
}

#[test]
fn the_example_for_production_lacks_only_secrets() {
    let example = include_str!("../../deploy/lemon-toolbox.example.toml");
    // Budgets are examples within the example: one of the service, or one that services share.
    let [own, shared] = ["# [services.", "# [budgets."].map(|it| example.find(it).unwrap());
    for budget in [&example[own..shared], &example[shared..]] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lemon-toolbox.toml");
        let settings = format!("{}{}", &example[..own], uncommented(budget));
        fs::write(&file, settings).unwrap();
        let data_dir = folder.path().join("data");
        let args = ["check", "--config", file.to_str().unwrap()];
        let output = Command::new(binary())
            .args(args)
            .env_clear()
            .env("LEMON_DATA_DIR", &data_dir)
            .output()
            .unwrap();
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(line.contains("has no jwt.secrets"), "{line}");
        assert!(!data_dir.exists());
    }
}

/// With what looks like a setting as one.
fn uncommented(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let setting = line.strip_prefix("# ");
        let setting = setting.filter(|it| it.starts_with('[') || it.contains(" = "));
        format!("{}\n", setting.unwrap_or(line))
    });
    lines.collect()
}

#[test]
fn a_secret_is_not_repeated_in_the_sentence_about_it() {
    let folder = tempfile::tempdir().unwrap();
    for variable in ["LEMON_JWT__SECRETS", "LEMON_STORE__SEALING_KEYS"] {
        let output = run(folder.path(), &["serve"], &[(variable, "k1:hush-hush!")]);
        assert_eq!(output.status.code(), Some(2));
        assert!(!String::from_utf8(output.stderr).unwrap().contains("hush"));
    }
}

#[test]
fn an_unknown_argument_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(refusal(folder.path(), &["sreve"], &[]).0, 2);
}

#[test]
fn a_port_in_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for variable in [
        "LEMON_HTTP__LISTEN",
        "LEMON_OPS__LISTEN",
        "LEMON_SANDBOX__LISTEN",
    ] {
        let (code, line) = refusal(folder.path(), &[], &[(variable, &address)]);
        assert_eq!(code, 1, "{line}");
        assert!(line.contains(&address) && line.contains("port"), "{line}");
    }
}

#[test]
fn a_data_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let (code, line) = refusal(&file.join("data"), &[], &[]);
    assert_eq!(code, 1, "{line}");
    assert!(line.contains("file/data"), "{line}");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let mut system = System::builder().data_dir(folder.path()).start().await;
    system.terminate().await;
    rusqlite::Connection::open(folder.path().join("lemon.db"))
        .unwrap()
        .execute_batch(
            "insert into lemon_migrations (version, applied_at) values ('m99990101_from_the_future', 0); \
             update lemon_compatibility set needs = 'm99990101_from_the_future'",
        )
        .unwrap();
    let (code, line) = refusal(folder.path(), &["serve"], &[]);
    assert_eq!(code, 1, "{line}");
    assert!(line.contains("newer version"), "{line}");
}

#[tokio::test]
async fn a_data_folder_in_use_is_named() {
    let system = System::builder().start().await;
    let (code, line) = refusal(&system.data_dir(), &["serve"], &[]);
    assert_eq!(code, 1, "{line}");
    assert!(line.contains("in use"), "{line}");
}

#[test]
fn the_sandbox_listens_only_on_loopback_unless_configured_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let everywhere = ("LEMON_SANDBOX__LISTEN", "0.0.0.0:0");
    let (code, line) = refusal(folder.path(), &[], &[everywhere]);
    assert_eq!(code, 2, "{line}");
    assert!(line.contains("anybody_may_sign_in_as_anybody"), "{line}");
}

#[tokio::test]
async fn the_log_says_that_the_sandbox_is_on() {
    let system = System::builder().start().await;
    let lines = system.log_lines();
    assert!(
        lines
            .iter()
            .any(|line| line.contains("anybody can sign in as anybody")),
        "{lines:?}"
    );
}

#[test]
fn check_tries_every_connection_and_prints_a_line_for_each() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["check"], &[]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    for part in ["configuration", "store", "quota", "queue", "twitter"] {
        assert!(
            said.lines().any(|line| line.starts_with(part)),
            "{part} in {said}"
        );
    }
}

#[test]
fn openapi_prints_the_document() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["openapi"], &[]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(
        document["paths"]["/api/service/learn_me"]["post"].is_object(),
        "{document}"
    );
}

#[test]
fn migrate_goes_forward_and_back() {
    let folder = tempfile::tempdir().unwrap();
    for args in [
        vec!["migrate"],
        vec!["migrate", "down", "--yes"],
        vec!["migrate", "up"],
    ] {
        let output = run(folder.path(), &args, &[]);
        assert!(output.status.success(), "{args:?}: {output:?}");
    }
}

#[test]
fn help_names_the_commands_and_variables() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["--help"], &[]);
    let help = String::from_utf8(output.stdout).unwrap();
    for word in [
        "serve",
        "demo",
        "check",
        "migrate",
        "openapi",
        "LEMON_HTTP__LISTEN",
    ] {
        assert!(help.contains(word), "{word}");
    }
}

#[tokio::test]
async fn sighup_ends_the_program_with_success_and_sigusr1_does_nothing() {
    let mut system = System::builder().start().await;
    let signal = |system: &System, signal| {
        let pid = system.pid().unwrap().cast_signed();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    };
    signal(&system, Signal::USR1);
    let ready = system.client().get(system.ops_url("/health/ready"));
    assert!(ready.send().await.unwrap().status().is_success());
    signal(&system, Signal::HUP);
    let status = system.ended().await;
    assert!(status.success(), "{status}");
}

/// On a terminal, the addresses that a person wants to open stay the last lines.
#[test]
fn the_start_ends_with_the_addresses_on_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = Command::new("script")
        .args(["--quiet", "--command"])
        .arg(binary())
        .arg("/dev/null")
        .env_clear()
        .envs(FREE)
        .env("LEMON_DATA_DIR", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(terminal.stdout.take().unwrap()).lines();
    let mut line = || lines.next().unwrap().unwrap();
    let mut page = None;
    loop {
        let line = line();
        if let Some(address) = line.trim_end().strip_prefix("  page           http://") {
            page = Some(address.trim_end_matches('/').to_owned());
        }
        if line.starts_with("  data folder") {
            break;
        }
    }
    // When this is answered, the servers run.
    let mut call = TcpStream::connect(page.unwrap()).unwrap();
    call.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    call.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    let shell = terminal.id();
    let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
    let program = children.trim().parse().ok().and_then(Pid::from_raw);
    kill_process(program.unwrap(), Signal::TERM).unwrap();
    let next = line();
    assert!(next.contains("asked to end"), "{next}");
    while lines.next().is_some() {}
    terminal.wait().unwrap();
}
