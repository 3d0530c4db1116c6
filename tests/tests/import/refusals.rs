use super::{dump::Dump, migrated, system};

/// The exit code, and the last line on stderr.
async fn refusal(system: &lemon_tests::SystemBuilder, args: &[&str]) -> (Option<i32>, String) {
    let output = system.run(args).await;
    let told = String::from_utf8(output.stderr).unwrap();
    let line = told.trim_end().lines().last().unwrap_or_default();
    assert!(!told.contains("hunter2"), "{told}");
    (output.status.code(), line.to_owned())
}

#[tokio::test]
async fn a_wrong_address_is_reported_without_its_text() {
    let folder = tempfile::tempdir().unwrap();
    let system = system(folder.path());
    for (args, code, told) in [
        (&["import"][..], 2, "--from"),
        (
            &["import", "--from", "postgres://a", "--from-file", "b"],
            2,
            "only one of --from",
        ),
        (&["import", "--from", "mysql://a:hunter2@b/c"], 2, "--from"),
        (
            &["import", "--from-file", "nowhere/at/all"],
            2,
            "nowhere/at/all",
        ),
        (
            &["import", "--from", "postgres://a:hunter2@127.0.0.1:1/c"],
            1,
            "127.0.0.1:1/c",
        ),
    ] {
        let (exit, line) = refusal(&system, args).await;
        assert_eq!(exit, Some(code), "{args:?}: {line}");
        assert!(line.contains(told), "{args:?}: {line}");
    }
    let system = system.env("LEMON_IMPORT_FROM", "hunter2");
    let (exit, line) = refusal(&system, &["import"]).await;
    assert_eq!(exit, Some(2), "{line}");
    let help = system.run(&["import", "--help"]).await;
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(
        help.contains("LEMON_IMPORT_FROM") && !help.contains("hunter2"),
        "{help}"
    );
}

#[tokio::test]
async fn a_store_that_is_not_migrated_and_a_source_without_its_tables_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let dump = Dump::empty().await;
    let empty = dump.server.database().await;
    let system = migrated(&folder, &dump).await;
    let unmigrated = system.clone().env("LEMON_STORE__URL", empty.as_str());
    for args in [&["import"][..], &["import", "--dry-run"]] {
        let (exit, line) = refusal(&unmigrated, args).await;
        assert_eq!(exit, Some(1), "{line}");
        assert!(line.contains("lemon-toolbox migrate"), "{line}");
    }
    std::fs::write(folder.path().join("from"), empty.as_str()).unwrap();
    let (exit, line) = refusal(&system, &["import"]).await;
    assert_eq!(exit, Some(1), "{line}");
    for table in ["service_user", "oauth_token", "registered_service"] {
        assert!(
            line.contains(&format!("there is no table {table}")),
            "{line}"
        );
    }
}
