use std::{ops::RangeInclusive, time::Instant};

use anyhow::ensure;
use lemon_tests::System;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use tempfile::TempDir;

const START: &str = "2026-11-22T21:00:00+00:00";
const NOW: &str = "2026-11-23T03:04:05.678901+00:00";
const LATER: &str = "2026-11-30T03:04:05.678901+00:00";

/// The limit of what SQLite can do here: what a registration writes into the program's own tables, one
/// transaction each, one after another on one connection, durable like the program's.
pub(crate) struct BareSqlite {
    database: Connection,
    _folder: TempDir,
}

impl BareSqlite {
    /// A database as the program makes it, with these people in it.
    pub(crate) async fn create(people: RangeInclusive<u32>) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("lemon-")?;
        let system = System::builder().data_dir(folder.path());
        let migrated = system.run(&["migrate"]).await;
        ensure!(
            migrated.status.success(),
            "{}",
            String::from_utf8_lossy(&migrated.stderr)
        );
        let mut database = Connection::open(folder.path().join("lemon.db"))?;
        database.pragma_update(None, "journal_mode", "wal")?;
        database.pragma_update(None, "synchronous", "full")?;
        database.pragma_update(None, "foreign_keys", true)?;
        let transaction = database.transaction()?;
        for n in people {
            sign_up(&transaction, n)?;
        }
        transaction.commit()?;
        Ok(Self {
            database,
            _folder: folder,
        })
    }

    /// Registers them; answers how many a second.
    pub(crate) fn register(&mut self, people: RangeInclusive<u32>) -> anyhow::Result<f64> {
        let start = Instant::now();
        let mut registered = 0;
        for n in people {
            let transaction = self
                .database
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            write(&transaction, n)?;
            transaction.commit()?;
            registered += 1;
        }
        Ok(f64::from(registered) / start.elapsed().as_secs_f64())
    }
}

fn sign_up(transaction: &Transaction<'_>, n: u32) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("INSERT INTO users (id, created_at) VALUES (?, ?)")?
        .execute(params![n, NOW])?;
    transaction
        .prepare_cached(
            "INSERT INTO accounts (id, user_id, provider, provider_user_id, credentials, credentials_key_id, created_at, \
             refreshed_at) VALUES (?1, ?1, 'TWITTER', ?1, ?2, 'bench', ?3, ?3)",
        )?
        .execute(params![n, [0_u8; 160], NOW])?;
    Ok(())
}

fn write(transaction: &Transaction<'_>, n: u32) -> rusqlite::Result<()> {
    let request_id = u128::from(n).to_be_bytes();
    transaction
        .prepare_cached(
            "INSERT INTO uses (user_id, service, turn, window_start, cooldown_until, expires_at, request_id) \
             VALUES (?1, 'LEARNME', 1, ?2, ?3, ?3, ?4)",
        )?
        .execute(params![n, START, LATER, request_id])?;
    transaction
        .prepare_cached(
            "INSERT INTO places (service, budget, window_start, seat, user_id, turn, units, at, expires_at) \
             VALUES ('LEARNME', 'daily', ?2, ?1, ?1, 1, 1, ?3, ?4)",
        )?
        .execute(params![n, START, NOW, LATER])?;
    transaction
        .prepare_cached(
            "INSERT INTO registrations (user_id, service, account_id, request_id, public, ready, can_use_at, requested_at, \
             announced_at) VALUES (?1, 'LEARNME', ?1, ?2, 0, 0, ?3, ?4, ?4)",
        )?
        .execute(params![n, request_id, LATER, NOW])?;
    transaction
        .prepare_cached(
            "INSERT INTO outbox (task, service, provider, provider_user_id, request_id, due_at, created_at) \
             VALUES ('train', 'LEARNME', 'TWITTER', ?1, ?2, ?3, ?3)",
        )?
        .execute(params![n, request_id, NOW])?;
    Ok(())
}
