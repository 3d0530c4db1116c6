//! No file of a queue ever has the text of a body, and keys can be changed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{fs, path::Path, sync::Arc, time::Duration};

use common::{config, jobs, keys, open, receive, send, try_open_with};
use lemon_domain::ports::{DeadLetterChoice, JobQueue, QueueKeeping};
use lemon_embedded::{EmbeddedError, EmbeddedJobQueue};
use lemon_fakes::{FakeClock, SequentialIds};
use rusqlite::{Connection, params};

/// In the body of each message here.
const MARK: &str = "the-secret-of-a-token";

fn clock() -> Arc<FakeClock> {
    Arc::new(FakeClock::default())
}

/// Checks whether the queue in a folder can be opened with the keys of these ids.
fn check_with(folder: &Path, ids: &[&str]) -> Result<(), EmbeddedError> {
    let new_ids = Arc::new(SequentialIds::default());
    EmbeddedJobQueue::check(&config(folder), keys(ids), new_ids)
}

fn assert_nowhere(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let content = fs::read(&path).unwrap();
        let found = content.windows(MARK.len()).any(|it| it == MARK.as_bytes());
        assert!(!found, "{} has the text", path.display());
    }
}

async fn dead_letter(queue: &EmbeddedJobQueue) {
    for delivery in receive(queue).await {
        queue
            .dead_letter(&jobs(), &delivery, "spoilt")
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn no_file_has_the_text_of_a_message_whatever_becomes_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let queue = open(folder.path(), &clock);
    for n in 0..300 {
        send(&queue, &format!("{n} {MARK}")).await;
    }
    assert_nowhere(folder.path());
    for delivery in receive(&queue).await {
        assert!(delivery.body.contains(MARK));
        for acknowledged in queue.ack(&jobs(), &[delivery.receipt]).await {
            acknowledged.unwrap();
        }
    }
    dead_letter(&queue).await;
    assert_nowhere(folder.path());
    let letters = queue.dead_letters(&jobs(), 3).await.unwrap();
    assert!(letters.iter().all(|letter| letter.body.contains(MARK)));
    assert_eq!(
        queue
            .redrive(&jobs(), &DeadLetterChoice::All)
            .await
            .unwrap(),
        10
    );
    clock.advance(Duration::from_secs(3600));
    assert!(
        receive(&queue)
            .await
            .iter()
            .all(|it| it.body.contains(MARK))
    );
    assert_nowhere(folder.path());
    drop(queue);
    assert_nowhere(folder.path());
}

/// The application id of the file.
const APPLICATION: i32 = i32::from_be_bytes(*b"LmJq");

/// What version 1 writes: bodies as they are.
fn write_as_before(path: &Path, messages: u32) -> Connection {
    let file = Connection::open(path).unwrap();
    file.pragma_update(None, "journal_mode", "WAL").unwrap();
    file.execute_batch(include_str!("../src/job_queue/1.sql"))
        .unwrap();
    file.pragma_update(None, "application_id", APPLICATION)
        .unwrap();
    file.pragma_update(None, "user_version", 1).unwrap();
    for n in 0..messages {
        let (queue, died_at, reason) = match n % 3 {
            0 => ("Jobs-dlq", Some(5), Some("spoilt")),
            _ => ("Jobs", None, None),
        };
        file.execute(
            "INSERT INTO messages (queue, id, sent_at, visible_at, died_at, reason, body)
             VALUES (?1, randomblob(16), 5, 5, ?2, ?3, ?4)",
            params![queue, died_at, reason, format!("{n} {MARK}")],
        )
        .unwrap();
    }
    file
}

#[tokio::test]
async fn plain_messages_of_an_earlier_version_are_sealed_and_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    write_as_before(&path, 12).close().unwrap();
    let queue = open(folder.path(), &clock());
    assert_nowhere(folder.path());
    let mut bodies: Vec<_> = receive(&queue)
        .await
        .into_iter()
        .map(|it| it.body)
        .collect();
    bodies.sort();
    let expected = [1, 10, 11, 2, 4, 5, 7, 8].map(|n| format!("{n} {MARK}"));
    assert_eq!(bodies, expected);
    let letters = queue.dead_letters(&jobs(), 9).await.unwrap();
    let bodies: Vec<_> = letters.into_iter().map(|it| it.body).collect();
    assert_eq!(bodies, [0, 3, 6, 9].map(|n| format!("{n} {MARK}")));
    drop(queue);
    assert_nowhere(folder.path());
}

/// The earlier process was killed, so its log was not moved to the file.
#[tokio::test]
async fn what_an_earlier_version_has_left_in_the_log_goes() {
    let folder = tempfile::tempdir().unwrap();
    let killed = tempfile::tempdir().unwrap();
    let running = write_as_before(&folder.path().join("queue.db"), 2);
    for name in ["queue.db", "queue.db-wal"] {
        fs::copy(folder.path().join(name), killed.path().join(name)).unwrap();
    }
    drop(running);
    let queue = open(killed.path(), &clock());
    assert_nowhere(killed.path());
    assert_eq!(receive(&queue).await.len(), 1);
}

#[tokio::test]
async fn a_key_is_changed_by_opening_the_file_with_the_new_one_first() {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let opened = |ids: &[&str]| try_open_with(folder.path(), ids, &clock);
    let queue = opened(&["old"]).unwrap();
    for n in 0..4 {
        send(&queue, &format!("{n} {MARK}")).await;
    }
    drop(queue);
    // Both directions, as in a roll-back.
    for ids in [
        &["new", "old"][..],
        &["old", "new"],
        &["new", "old"],
        &["new"],
    ] {
        drop(opened(ids).unwrap());
    }
    let refused = opened(&["old"]).err().unwrap();
    assert!(matches!(&refused, EmbeddedError::LacksKeys { key_ids, .. } if *key_ids == ["new"]));
    let said = "queue.db needs the sealing key(s) new, which are not in the list";
    assert!(refused.to_string().ends_with(said), "{refused}");
    let queue = opened(&["new"]).unwrap();
    let bodies: Vec<_> = receive(&queue)
        .await
        .into_iter()
        .map(|it| it.body)
        .collect();
    assert_eq!(bodies, [0, 1, 2, 3].map(|n| format!("{n} {MARK}")));
}

/// Where the file's owner puts a plain message into it, the program must not take it for one of an earlier version.
#[tokio::test]
async fn a_plain_message_in_a_file_of_sealed_ones_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    drop(open(folder.path(), &clock));
    let file = Connection::open(folder.path().join("queue.db")).unwrap();
    file.execute(
        "INSERT INTO messages (queue, id, sent_at, visible_at, sealed_for, key_id, body)
         VALUES ('Jobs', randomblob(16), 5, 5, randomblob(16), '', CAST('{}' AS BLOB))",
        [],
    )
    .unwrap();
    drop(file);
    let refused = try_open_with(folder.path(), &["first"], &clock).err();
    assert!(
        matches!(refused, Some(EmbeddedError::Damaged { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_check_leaves_a_file_of_an_earlier_version_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    check_with(folder.path(), &["first"]).unwrap();
    assert!(!path.exists());
    write_as_before(&path, 12).close().unwrap();
    let before = fs::read(&path).unwrap();
    check_with(folder.path(), &["first"]).unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
    assert!(!folder.path().join("queue.db-wal").exists());
    // A file that cannot be opened is refused by the check, too, and both leave it as it is.
    let file = Connection::open(&path).unwrap();
    file.execute("UPDATE messages SET id = x'00' WHERE number = 12", [])
        .unwrap();
    file.close().unwrap();
    let before = fs::read(&path).unwrap();
    for refused in [
        check_with(folder.path(), &["first"]).err(),
        try_open_with(folder.path(), &["first"], &clock()).err(),
    ] {
        assert!(refused.is_some());
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_check_leaves_a_file_of_another_kind_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let file = Connection::open(&path).unwrap();
    file.execute_batch("CREATE TABLE theirs (n)").unwrap();
    file.close().unwrap();
    let before = fs::read(&path).unwrap();
    let refused = check_with(folder.path(), &["first"]).err();
    assert!(matches!(refused, Some(EmbeddedError::Foreign { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_check_finds_what_a_start_would_refuse() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path(), &clock());
    send(&queue, MARK).await;
    let in_use = check_with(folder.path(), &["first"]).err();
    assert!(matches!(in_use, Some(EmbeddedError::InUse { .. })));
    drop(queue);
    let lacking = check_with(folder.path(), &["second"]).err();
    assert!(matches!(lacking, Some(EmbeddedError::LacksKeys { .. })));
    let before = fs::read(folder.path().join("queue.db")).unwrap();
    check_with(folder.path(), &["second", "first"]).unwrap();
    let after = fs::read(folder.path().join("queue.db")).unwrap();
    assert_eq!(after, before, "nothing was sealed with another key");
}

#[tokio::test]
async fn a_message_that_was_altered_in_the_file_is_found_at_the_start() {
    for change in [
        "body = substr(body, 1, length(body) - 1)",
        "sealed_for = randomblob(16)",
        "key_id = ''",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let clock = clock();
        let queue = open(folder.path(), &clock);
        send(&queue, MARK).await;
        drop(queue);
        let file = Connection::open(folder.path().join("queue.db")).unwrap();
        file.execute(&format!("UPDATE messages SET {change}"), [])
            .unwrap();
        drop(file);
        let refused = try_open_with(folder.path(), &["first"], &clock).err();
        assert!(
            matches!(refused, Some(EmbeddedError::Damaged { .. })),
            "{change}: {refused:?}"
        );
    }
}
