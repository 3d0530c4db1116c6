use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{DeadLetter, DeadLetterChoice, Delivery, Depth, IdSource, Receipt},
    sealing::Sealed,
    values::TraceContext,
};
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::{line::QueueState, receipt::Handle};
use crate::file::{Durability, Format, time};

/// The file of a job queue. A power failure must not lose a message that was taken.
pub(super) const FORMAT: Format = Format {
    name: "job queue",
    application_id: i32::from_be_bytes(*b"LmJq"),
    durability: Durability::Commit,
    migrations: &[include_str!("1.sql"), include_str!("2.sql")],
    newest: 2,
};

/// A message to put.
pub(super) struct MessageRow {
    pub(super) id: Uuid,
    pub(super) trace: Option<TraceContext>,
    pub(super) body: SealedBody,
}

/// A body as stored.
#[derive(Debug)]
pub(super) struct SealedBody {
    /// The id that its message was sent with.
    pub(super) sealed_for: Uuid,
    pub(super) sealed: Sealed,
}

impl SealedBody {
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sealed_for: Uuid::from_bytes(row.get("sealed_for")?),
            sealed: Sealed {
                key_id: row.get("key_id")?,
                data: row.get("body")?,
            },
        })
    }
}

/// The result of a receive from a queue.
pub(super) struct ReceivedMessages {
    /// The received messages, and their bodies.
    pub(super) deliveries: Vec<(Delivery, SealedBody)>,
    /// When the next message becomes visible, if there is one.
    pub(super) next: Option<DateTime<Utc>>,
}

/// Puts messages at the end of a queue.
pub(super) fn send(
    connection: &Connection,
    queue: &str,
    messages: &[MessageRow],
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO messages (queue, id, sent_at, visible_at, sealed_for, key_id, trace, body)
         VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for MessageRow { id, trace, body } in messages {
        insert.execute(params![
            queue,
            id.as_bytes(),
            now.timestamp_micros(),
            body.sealed_for.as_bytes(),
            body.sealed.key_id,
            trace.as_ref().map(ToString::to_string),
            body.sealed.data,
        ])?;
    }
    Ok(())
}

/// Receives the messages that are visible at `now`, and hides them until `until`.
pub(super) fn receive(
    connection: &Connection,
    line: &QueueState,
    max: usize,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> rusqlite::Result<ReceivedMessages> {
    dead_letter_exhausted(connection, line, now)?;
    let mut take = connection.prepare_cached(
        "UPDATE messages SET visible_at = ?4, receives = receives + 1
         WHERE number IN (SELECT number FROM messages
                          WHERE queue = ?1 AND visible_at <= ?2 ORDER BY visible_at LIMIT ?3)
         RETURNING number, id, receives, sealed_for, key_id, trace, body",
    )?;
    let (at, until) = (now.timestamp_micros(), until.timestamp_micros());
    let deliveries: Vec<_> = take
        .query_map(params![line.name, at, max, until], |row| delivery(row, now))?
        .collect::<Result<_, _>>()?;
    let next = if deliveries.is_empty() {
        next_visible(connection, line)?
    } else {
        None
    };
    Ok(ReceivedMessages { deliveries, next })
}

fn delivery(row: &Row<'_>, at: DateTime<Utc>) -> rusqlite::Result<(Delivery, SealedBody)> {
    let handle = Handle {
        at,
        number: row.get("number")?,
        receives: row.get("receives")?,
        id: Uuid::from_bytes(row.get("id")?),
    };
    let delivery = Delivery {
        message_id: handle.id.to_string(),
        receipt: Receipt(handle.to_string()),
        body: String::new(),
        attempt: handle.receives,
        trace: trace(row)?,
    };
    Ok((delivery, SealedBody::of(row)?))
}

/// The trace context. One that cannot be read holds up no message.
fn trace(row: &Row<'_>) -> rusqlite::Result<Option<TraceContext>> {
    let text: Option<String> = row.get("trace")?;
    Ok(text.and_then(|text| TraceContext::from_text(&text).ok()))
}

fn next_visible(
    connection: &Connection,
    line: &QueueState,
) -> rusqlite::Result<Option<DateTime<Utc>>> {
    let next: Option<i64> = connection
        .prepare_cached("SELECT min(visible_at) FROM messages WHERE queue = ?1")?
        .query_row([&line.name], |row| row.get(0))?;
    Ok(next.and_then(DateTime::from_timestamp_micros))
}

/// Dead-letters the messages that were received too often.
fn dead_letter_exhausted(
    connection: &Connection,
    line: &QueueState,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    let Some(dead) = &line.dead_letters else {
        return Ok(());
    };
    let reason = format!("received {} times without an acknowledgement", dead.after);
    connection
        .prepare_cached(
            "UPDATE messages INDEXED BY messages_by_receives
             SET queue = ?4, receives = 0, visible_at = ?3, died_at = ?3, reason = ?5
             WHERE queue = ?1 AND receives > 0 AND receives >= ?2 AND visible_at <= ?3",
        )?
        .execute(params![
            line.name,
            dead.after,
            now.timestamp_micros(),
            dead.queue,
            reason
        ])
        .map(drop)
}

/// Removes a message for good; answers whether the receipt was its latest.
pub(super) fn remove(
    connection: &Connection,
    queue: &str,
    handle: Handle,
) -> rusqlite::Result<bool> {
    let removed = connection
        .prepare_cached(
            "DELETE FROM messages WHERE number = ?1 AND receives = ?2 AND id = ?3 AND queue = ?4",
        )?
        .execute(params![
            handle.number,
            handle.receives,
            handle.id.as_bytes(),
            queue
        ])?;
    Ok(removed == 1)
}

/// Whether the receipt is the latest of a message.
pub(super) fn is_latest(
    connection: &Connection,
    queue: &str,
    handle: Handle,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT 1 FROM messages WHERE number = ?1 AND receives = ?2 AND id = ?3 AND queue = ?4",
        )?
        .exists(params![
            handle.number,
            handle.receives,
            handle.id.as_bytes(),
            queue
        ])
}

/// Hides a message until that time; answers whether the receipt was its latest.
pub(super) fn hide(
    connection: &Connection,
    queue: &str,
    handle: Handle,
    until: DateTime<Utc>,
) -> rusqlite::Result<bool> {
    let hidden = connection
        .prepare_cached(
            "UPDATE messages SET visible_at = ?5
             WHERE number = ?1 AND receives = ?2 AND id = ?3 AND queue = ?4",
        )?
        .execute(params![
            handle.number,
            handle.receives,
            handle.id.as_bytes(),
            queue,
            until.timestamp_micros()
        ])?;
    Ok(hidden == 1)
}

/// Moves a message to the dead letters; answers whether the receipt was its latest.
pub(super) fn dead_letter(
    connection: &Connection,
    line: &QueueState,
    handle: Handle,
    reason: &str,
    now: DateTime<Utc>,
) -> rusqlite::Result<bool> {
    let moved = connection
        .prepare_cached(
            "UPDATE messages SET queue = ?5, receives = 0, visible_at = ?6, died_at = ?6, reason = ?7
             WHERE number = ?1 AND receives = ?2 AND id = ?3 AND queue = ?4",
        )?
        .execute(params![
            handle.number,
            handle.receives,
            handle.id.as_bytes(),
            line.name,
            line.dead_letter_queue(),
            now.timestamp_micros(),
            reason
        ])?;
    Ok(moved == 1)
}

/// Counts the messages of a queue.
pub(super) fn depth(
    connection: &Connection,
    line: &QueueState,
    now: DateTime<Utc>,
) -> rusqlite::Result<Depth> {
    dead_letter_exhausted(connection, line, now)?;
    let (waiting, in_flight) = connection
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE visible_at <= ?2), count(*) FILTER (WHERE visible_at > ?2)
             FROM messages WHERE queue = ?1",
        )?
        .query_row(params![line.name, now.timestamp_micros()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let dead = match &line.dead_letters {
        Some(dead) => count(connection, &dead.queue)?,
        None => 0,
    };
    Ok(Depth {
        waiting,
        in_flight,
        dead,
    })
}

fn count(connection: &Connection, queue: &str) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT count(*) FROM messages WHERE queue = ?1")?
        .query_row([queue], |row| row.get(0))
}

/// The dead letters of a queue, oldest first.
pub(super) fn dead_letters(
    connection: &Connection,
    queue: &str,
    max: usize,
) -> rusqlite::Result<Vec<(DeadLetter, SealedBody)>> {
    connection
        .prepare_cached(
            "SELECT id, reason, died_at, sent_at, sealed_for, key_id, trace, body FROM messages
             WHERE queue = ?1 AND reason IS NOT NULL ORDER BY died_at, number LIMIT ?2",
        )?
        .query_map(params![queue, max], |row| {
            let letter = DeadLetter {
                message_id: Uuid::from_bytes(row.get("id")?).to_string(),
                original_id: None,
                reason: row.get("reason")?,
                attempts: None,
                sent_at: Some(time(row, "sent_at")?),
                dead_lettered_at: Some(time(row, "died_at")?),
                trace: trace(row)?,
                body: String::new(),
            };
            Ok((letter, SealedBody::of(row)?))
        })?
        .collect()
}

/// The rows of the chosen dead letters of a queue.
fn chosen(
    connection: &Connection,
    queue: &str,
    which: &DeadLetterChoice,
) -> rusqlite::Result<Vec<i64>> {
    let id = match which {
        DeadLetterChoice::All => None,
        DeadLetterChoice::One(id) => match Uuid::parse_str(id) {
            Ok(id) => Some(id.into_bytes()),
            // It is none of ours.
            Err(_) => return Ok(Vec::new()),
        },
    };
    connection
        .prepare_cached(
            "SELECT number FROM messages
             WHERE queue = ?1 AND reason IS NOT NULL AND (?2 IS NULL OR id = ?2) ORDER BY died_at, number",
        )?
        .query_map(params![queue, id], |row| row.get(0))?
        .collect()
}

/// Sends dead letters to their queue again, as new messages: a receipt of an earlier receive must not fit them.
pub(super) fn redrive(
    connection: &Connection,
    line: &QueueState,
    which: &DeadLetterChoice,
    ids: &dyn IdSource,
    now: DateTime<Utc>,
) -> rusqlite::Result<u64> {
    let chosen = chosen(connection, line.dead_letter_queue(), which)?;
    let mut send = connection.prepare_cached(
        "UPDATE messages SET queue = ?2, id = ?3, sent_at = ?4, visible_at = ?4, receives = 0, died_at = NULL, reason = NULL
         WHERE number = ?1",
    )?;
    for number in &chosen {
        let id = ids.uuid();
        send.execute(params![
            number,
            line.name,
            id.as_bytes(),
            now.timestamp_micros()
        ])?;
    }
    Ok(chosen.len() as u64)
}

/// Removes dead letters for good.
pub(super) fn discard(
    connection: &Connection,
    line: &QueueState,
    which: &DeadLetterChoice,
) -> rusqlite::Result<u64> {
    let chosen = chosen(connection, line.dead_letter_queue(), which)?;
    let mut delete = connection.prepare_cached("DELETE FROM messages WHERE number = ?1")?;
    for number in &chosen {
        delete.execute([number])?;
    }
    Ok(chosen.len() as u64)
}
