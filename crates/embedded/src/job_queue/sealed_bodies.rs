use std::{path::Path, sync::Arc};

use lemon_domain::{
    BoxError,
    ports::{DeadLetter, Delivery, IdSource},
    sealing::{SealContext, Sealed, SealingKeys, fresh_nonce},
};
use rusqlite::{Connection, params};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::rows::SealedBody;
use crate::error::{EmbeddedError, EmbeddedFault};

/// The first version of the file in which bodies are sealed.
const SEALED_SINCE: u32 = 2;

/// Seals and opens the bodies of messages.
#[derive(Clone)]
pub(super) struct SealedBodies {
    pub(super) keys: Arc<SealingKeys>,
    pub(super) ids: Arc<dyn IdSource>,
}

impl SealedBodies {
    /// Seals the body of a message with this id.
    pub(super) fn seal(&self, id: Uuid, body: String) -> SealedBody {
        let context = SealContext::MessageBody(id);
        let body = SecretString::from(body);
        SealedBody {
            sealed_for: id,
            sealed: self.keys.seal(context, &body, fresh_nonce(&*self.ids)),
        }
    }

    /// The text of a body. All are checked when the file is opened.
    fn open(&self, body: &SealedBody) -> Result<String, EmbeddedFault> {
        let context = SealContext::MessageBody(body.sealed_for);
        let opened = self.keys.open(context, &body.sealed);
        let opened = opened.map_err(|_| EmbeddedFault::AlteredBody)?;
        Ok(opened.expose_secret().to_owned())
    }

    pub(super) fn open_all<T: Opens>(
        &self,
        messages: Vec<(T, SealedBody)>,
    ) -> Result<Vec<T>, EmbeddedFault> {
        let open = |(message, body): (T, SealedBody)| Ok(message.with_body(self.open(&body)?));
        messages.into_iter().map(open).collect()
    }

    /// Checks that every body opens, and seals those that have another key than the first. Bodies are plain text, and are
    /// sealed, only in a file of the version that wrote plain text: a body without a key in a later one was altered.
    pub(super) fn bring_up_to_date(
        &self,
        file: &Connection,
        found: u32,
        path: &Path,
    ) -> Result<(), EmbeddedError> {
        let failed = |error| EmbeddedError::of(path, error);
        let were_plain = found < SEALED_SINCE;
        let lacking = self.lacking(file).map_err(failed)?;
        if !lacking.is_empty() {
            return Err(EmbeddedError::LacksKeys {
                path: path.to_owned(),
                key_ids: lacking,
            });
        }
        let mut after = 0;
        while let Some((number, body)) = next(file, after).map_err(failed)? {
            after = number;
            let fresh = match body.sealed.key_id.is_empty() {
                true if were_plain => self.sealed_now(body).map(Some),
                true => Err("a message is not sealed".into()),
                false => self.resealed(&body),
            };
            let fresh = fresh.map_err(|fault| EmbeddedError::damaged(path, fault))?;
            if let Some(fresh) = fresh {
                replace(file, number, &fresh).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// The ids of the keys that the file needs and the list lacks.
    fn lacking(&self, file: &Connection) -> rusqlite::Result<Vec<String>> {
        let needed = file
            .prepare("SELECT DISTINCT key_id FROM messages WHERE key_id <> '' ORDER BY key_id")?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<Vec<String>>>()?;
        Ok(needed.into_iter().filter(|id| !self.keys.has(id)).collect())
    }

    /// A body that was plain text.
    fn sealed_now(&self, body: SealedBody) -> Result<SealedBody, BoxError> {
        let plain = String::from_utf8(body.sealed.data);
        // The error would show the body.
        let plain = plain.map_err(|_| "a message is not UTF-8")?;
        Ok(self.seal(body.sealed_for, plain))
    }

    /// The body with the first key, unless it has that one.
    fn resealed(&self, body: &SealedBody) -> Result<Option<SealedBody>, BoxError> {
        let is_first = body.sealed.key_id == self.keys.sealing_id();
        let plain = self.open(body)?;
        Ok((!is_first).then(|| self.seal(body.sealed_for, plain)))
    }
}

/// What is read without its body.
pub(super) trait Opens {
    fn with_body(self, body: String) -> Self;
}

impl Opens for Delivery {
    fn with_body(self, body: String) -> Self {
        Self { body, ..self }
    }
}

impl Opens for DeadLetter {
    fn with_body(self, body: String) -> Self {
        Self { body, ..self }
    }
}

/// The next message after that number.
fn next(connection: &Connection, after: i64) -> rusqlite::Result<Option<(i64, SealedBody)>> {
    let mut next = connection.prepare_cached(
        "SELECT number, sealed_for, key_id, body FROM messages WHERE number > ?1 ORDER BY number LIMIT 1",
    )?;
    let mut rows = next.query([after])?;
    let row = rows.next()?;
    row.map(|row| Ok((row.get("number")?, SealedBody::of(row)?)))
        .transpose()
}

fn replace(connection: &Connection, number: i64, body: &SealedBody) -> rusqlite::Result<()> {
    let Sealed { key_id, data } = &body.sealed;
    connection
        .prepare_cached("UPDATE messages SET key_id = ?2, body = ?3 WHERE number = ?1")?
        .execute(params![number, key_id, data])
        .map(drop)
}
