use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::ports::{Expiring, Housekeeping, PURGE_PORTION, PURGE_SLACK, Purged, StoreError};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, EntityName, Statement, Value};

use crate::{
    entity::{attempts, budget_totals, job_tickets, pending_sign_ins, places, revocations, uses},
    error::SqlError,
    store::SqlStore,
};

#[async_trait]
impl Housekeeping for SqlStore {
    async fn purge(&self, what: Expiring, now: DateTime<Utc>) -> Result<Purged, StoreError> {
        self.calls
            .within_deadline(async {
                let by = now.min(clock(self.calls.reader()).await?) - PURGE_SLACK;
                let db = self.calls.writer();
                // Not flushed: rows that a power failure brings back are purged again.
                let removed = db
                    .execute_raw(removal(db.get_database_backend(), what, by))
                    .await?;
                let rows = removed.rows_affected();
                Ok(Purged {
                    rows,
                    more: rows >= u64::from(PURGE_PORTION),
                })
            })
            .await
    }

    async fn time(&self) -> Result<DateTime<Utc>, StoreError> {
        self.calls.within_deadline(clock(self.calls.reader())).await
    }
}

/// The database's clock. That of SQLite is this machine's.
pub(crate) async fn clock(db: &impl ConnectionTrait) -> Result<DateTime<Utc>, SqlError> {
    let backend = db.get_database_backend();
    let now = match backend {
        DbBackend::Sqlite => "SELECT strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now') AS now",
        _ => "SELECT clock_timestamp() AS now",
    };
    let row = db
        .query_one_raw(Statement::from_string(backend, now))
        .await?
        .ok_or_else(|| DbErr::RecordNotFound("the database's clock".to_owned()))?;
    Ok(row.try_get("", "now")?)
}

/// Removes a portion of the rows that had expired at an instant.
///
/// On PostgreSQL, a row that a request is renewing or another purge is removing is locked, and is skipped. The
/// condition is repeated for a row that was renewed just before. On SQLite nobody else writes meanwhile.
fn removal(backend: DbBackend, what: Expiring, by: DateTime<Utc>) -> Statement {
    let table = match what {
        Expiring::PendingSignIns => pending_sign_ins::Entity.table_name(),
        Expiring::Attempts => attempts::Entity.table_name(),
        Expiring::Places => places::Entity.table_name(),
        Expiring::Uses => uses::Entity.table_name(),
        Expiring::BudgetTotals => budget_totals::Entity.table_name(),
        Expiring::Revocations => revocations::Entity.table_name(),
        Expiring::JobTickets => job_tickets::Entity.table_name(),
    };
    let sql = match backend {
        DbBackend::Sqlite => format!(
            "DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} \
             WHERE expires_at <= $1 ORDER BY expires_at LIMIT {PURGE_PORTION})"
        ),
        // By `ctid`, which needs no index; as an array, because a join would read the whole table.
        _ => format!(
            "DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} \
             WHERE expires_at <= $1 ORDER BY expires_at LIMIT {PURGE_PORTION} \
             FOR UPDATE SKIP LOCKED)) AND expires_at <= $1"
        ),
    };
    Statement::from_sql_and_values(backend, sql, [Value::from(by)])
}
