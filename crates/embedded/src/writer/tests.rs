use std::sync::{
    atomic::{AtomicBool, Ordering},
    mpsc::channel,
};

use rusqlite::Connection;

use super::*;

fn writer() -> Writer {
    Writer::start("test", connection()).unwrap()
}

fn connection() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch("CREATE TABLE numbers (n INTEGER PRIMARY KEY, filling BLOB)")
        .unwrap();
    connection
}

fn insert(writer: &Writer, number: i64) -> PendingWrite<i64> {
    writer.submit(move |connection| {
        connection.execute("INSERT INTO numbers (n) VALUES (?1)", [number])?;
        Ok(number)
    })
}

async fn numbers(writer: &Writer) -> Vec<i64> {
    let read = writer.submit(|connection| {
        let mut statement = connection.prepare("SELECT n FROM numbers ORDER BY n")?;
        statement.query_map([], |row| row.get(0))?.collect()
    });
    read.committed().await.unwrap()
}

/// Keeps the thread busy, so that writes that are submitted meanwhile form one group.
fn hold(writer: &Writer) -> Sender<()> {
    let (started, starts) = channel();
    let (release, released) = channel();
    let held = writer.submit(move |_| {
        started.send(()).unwrap();
        released.recv().unwrap();
        Ok(())
    });
    drop(held);
    starts.recv().unwrap();
    release
}

#[tokio::test]
async fn a_write_that_fails_is_undone_alone() {
    let writer = writer();
    let release = hold(&writer);
    let first = insert(&writer, 1);
    let again = insert(&writer, 1);
    let half = writer.submit(|connection| {
        connection.execute("INSERT INTO numbers (n) VALUES (2)", [])?;
        connection.execute("INSERT INTO numbers (n) VALUES (1)", [])
    });
    let last = insert(&writer, 3);
    release.send(()).unwrap();
    assert_eq!(first.committed().await.unwrap(), 1);
    assert!(matches!(
        again.committed().await,
        Err(EmbeddedFault::Sqlite(_))
    ));
    assert!(matches!(
        half.committed().await,
        Err(EmbeddedFault::Sqlite(_))
    ));
    assert_eq!(last.committed().await.unwrap(), 3);
    assert_eq!(numbers(&writer).await, [1, 3]);
}

#[tokio::test]
async fn a_group_that_finds_the_disk_full_fails_and_a_later_one_does_not() {
    let writer = writer();
    let limited = writer.submit(|connection| {
        connection.pragma_update(None, "max_page_count", 10)?;
        Ok(())
    });
    limited.committed().await.unwrap();
    let release = hold(&writer);
    let before = insert(&writer, 1);
    let large = writer.submit(|connection| {
        let sql = "INSERT INTO numbers VALUES (2, zeroblob(1000000))";
        connection.execute(sql, [])
    });
    let after = insert(&writer, 3);
    release.send(()).unwrap();
    assert!(matches!(
        before.committed().await,
        Err(EmbeddedFault::RolledBack)
    ));
    let large = large.committed().await.unwrap_err();
    assert!(large.is_transient(), "{large:?}");
    assert!(matches!(
        after.committed().await,
        Err(EmbeddedFault::RolledBack)
    ));
    insert(&writer, 4).committed().await.unwrap();
    assert_eq!(numbers(&writer).await, [4]);
}

#[tokio::test]
async fn a_write_without_a_waiting_caller_is_made() {
    let writer = writer();
    drop(insert(&writer, 1));
    assert_eq!(numbers(&writer).await, [1]);
}

#[tokio::test]
async fn submitted_writes_are_made_before_the_writer_ends() {
    let writer = writer();
    let release = hold(&writer);
    let pending: Vec<_> = (0..2000).map(|number| insert(&writer, number)).collect();
    release.send(()).unwrap();
    drop(writer);
    for (expected, pending) in (0..).zip(pending) {
        assert_eq!(pending.committed().await.unwrap(), expected);
    }
}

/// Commits, but reports each time that the disk has lost data.
fn commit_on_a_broken_disk(
    connection: &mut Connection,
    checkpoints: &mut Checkpoints,
    group: &mut [Box<dyn WriterJob>],
) -> Result<(), EmbeddedFault> {
    commit(connection, checkpoints, group)?;
    let broken = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
    Err(rusqlite::Error::SqliteFailure(broken, None).into())
}

#[tokio::test]
async fn nothing_is_written_after_a_flush_that_failed() {
    let writer = Writer::start_with("test", connection(), commit_on_a_broken_disk).unwrap();
    writer.check().unwrap();
    let first = insert(&writer, 1).committed().await;
    assert!(matches!(first, Err(EmbeddedFault::Sqlite(_))), "{first:?}");
    let made = Arc::new(AtomicBool::new(false));
    let mark = Arc::clone(&made);
    let later = writer.submit(move |_| {
        mark.store(true, Ordering::SeqCst);
        Ok(())
    });
    let later = later.committed().await;
    assert!(
        matches!(later, Err(EmbeddedFault::DiskFailed(_))),
        "{later:?}"
    );
    assert!(!made.load(Ordering::SeqCst), "it was not even tried");
    assert!(matches!(writer.check(), Err(EmbeddedFault::DiskFailed(_))));
    assert!(!writer.failed().await.is_empty());
}

#[tokio::test]
async fn a_flush_that_fails_without_a_waiting_caller_is_noted() {
    let writer = Writer::start_with("test", connection(), commit_on_a_broken_disk).unwrap();
    drop(insert(&writer, 1));
    assert!(!writer.failed().await.is_empty());
}
