//! A file that cannot be used is refused with one sentence, and left as it is.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::{
    error::Error,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use common::{open, receive, send, try_open};
use lemon_embedded::{EmbeddedError, EmbeddedQuotaCounter};
use lemon_fakes::FakeClock;

fn clock() -> Arc<FakeClock> {
    Arc::new(FakeClock::default())
}

fn path(folder: &Path) -> PathBuf {
    folder.join("queue.db")
}

fn refusal(folder: &Path) -> EmbeddedError {
    let Err(error) = try_open(folder, &clock()) else {
        panic!("the file was opened");
    };
    error
}

/// A file with content in several pages.
async fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path(), &clock());
    for _ in 0..20 {
        send(&queue, &"lemon ".repeat(500)).await;
    }
    folder
}

#[tokio::test]
async fn a_file_in_use_is_refused_and_its_owner_continues() {
    let folder = tempfile::tempdir().unwrap();
    let owner = open(folder.path(), &clock());
    for _ in 0..2 {
        let error = refusal(folder.path());
        assert!(matches!(error, EmbeddedError::InUse { .. }));
        let expected = format!(
            "{} is in use by another process",
            path(folder.path()).display()
        );
        assert_eq!(error.to_string(), expected);
    }
    send(&owner, "still there").await;
    assert_eq!(receive(&owner).await.len(), 1);
    drop(owner);
    open(folder.path(), &clock());
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_and_left_as_it_is() {
    let folder = filled().await;
    let set = |version: u32| {
        let connection = rusqlite::Connection::open(path(folder.path())).unwrap();
        connection
            .pragma_update(None, "user_version", version)
            .unwrap();
    };
    set(7);
    let error = refusal(folder.path());
    assert!(matches!(
        error,
        EmbeddedError::Newer {
            found: 7,
            known: 2,
            ..
        }
    ));
    assert!(error.to_string().contains("queue.db has version 7"));
    set(2);
    assert_eq!(receive(&open(folder.path(), &clock())).await.len(), 10);
}

#[tokio::test]
async fn a_file_of_another_kind_is_refused() {
    let folder = filled().await;
    let Err(error) = EmbeddedQuotaCounter::open(&path(folder.path()), clock()) else {
        panic!("a queue was opened as a counter");
    };
    assert!(
        error
            .to_string()
            .ends_with("queue.db is not a quota counter")
    );

    let folder = tempfile::tempdir().unwrap();
    let connection = rusqlite::Connection::open(path(folder.path())).unwrap();
    connection.execute_batch("CREATE TABLE t (x)").unwrap();
    drop(connection);
    let error = refusal(folder.path());
    assert!(matches!(error, EmbeddedError::Foreign { .. }));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = "garbage ".repeat(2000);
    fs::write(path(folder.path()), &garbage).unwrap();
    let error = refusal(folder.path());
    assert!(matches!(error, EmbeddedError::Damaged { .. }));
    assert!(error.to_string().ends_with("queue.db is damaged"));
    assert!(error.source().is_some());
    assert_eq!(fs::read(path(folder.path())).unwrap(), garbage.as_bytes());
}

#[tokio::test]
async fn a_torn_file_is_refused() {
    let folder = filled().await;
    let content = fs::read(path(folder.path())).unwrap();
    for length in [content.len() / 2, 4096, 1000, 100, 17] {
        fs::write(path(folder.path()), &content[..length]).unwrap();
        let error = refusal(folder.path());
        assert!(
            matches!(error, EmbeddedError::Damaged { .. }),
            "{length}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_page_that_was_overwritten_is_found() {
    let folder = filled().await;
    let content = fs::read(path(folder.path())).unwrap();
    for page in 1..content.len() / 4096 {
        let mut broken = content.clone();
        broken[page * 4096..page * 4096 + 64].fill(0xff);
        fs::write(path(folder.path()), &broken).unwrap();
        let opened = try_open(folder.path(), &clock());
        // Pages that only carry text on have no structure to break.
        if let Err(error) = opened {
            assert!(
                matches!(error, EmbeddedError::Damaged { .. }),
                "{page}: {error:?}"
            );
        } else {
            assert!(page > 2, "page {page} is part of a tree");
        }
    }
}

#[tokio::test]
async fn a_counter_whose_rows_make_no_sense_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quota.db");
    drop(EmbeddedQuotaCounter::open(&path, clock()).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    let window = "INSERT INTO windows VALUES (1, 'no service', 'daily', 0, 9000000000000000)";
    connection.execute(window, []).unwrap();
    drop(connection);
    let Err(error) = EmbeddedQuotaCounter::open(&path, clock()) else {
        panic!("the file was opened");
    };
    assert!(matches!(error, EmbeddedError::Damaged { .. }));
}

#[tokio::test]
async fn a_path_where_no_file_can_be_made_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = refusal(&folder.path().join("missing"));
    assert!(matches!(error, EmbeddedError::CannotWrite { .. }));
    assert!(error.to_string().ends_with("queue.db cannot be written"));
    assert!(error.source().is_some());

    fs::create_dir(path(folder.path())).unwrap();
    let before = fs::metadata(path(folder.path())).unwrap().permissions();
    let error = refusal(folder.path());
    assert!(matches!(error, EmbeddedError::CannotWrite { .. }));
    let after = fs::metadata(path(folder.path())).unwrap().permissions();
    assert_eq!(before, after);
}

#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(path(folder.path()), "").unwrap();
    fs::set_permissions(path(folder.path()), fs::Permissions::from_mode(0o644)).unwrap();
    // What a process that was killed has left.
    let log = folder.path().join("queue.db-wal");
    fs::write(&log, "").unwrap();
    fs::set_permissions(&log, fs::Permissions::from_mode(0o644)).unwrap();
    let queue = open(folder.path(), &clock());
    send(&queue, "secret").await;
    let mut names = Vec::new();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", entry.path().display());
        names.push(entry.file_name());
    }
    names.sort();
    assert_eq!(names, ["queue.db", "queue.db-wal"]);
    drop(queue);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
