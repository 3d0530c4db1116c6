use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{Backlog, Outbox, OutboxEntry, READ_ATTEMPTS, StoreError},
    values::{AccountId, RequestId, ServiceType, Task, TaskKind, TraceContext},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, Iterable, QueryFilter,
    QueryResult, UpdateMany,
    sea_query::{
        CaseStatement, CommonTableExpression, DeleteStatement, Expr, IntoCondition, LockBehavior,
        LockType, Order, Query, SelectStatement, UpdateStatement, WithClause, WithQuery,
    },
};
use tokio::time::timeout;
use tracing::{error, warn};

use crate::{
    entity::{
        outbox::{ActiveModel, Column, Entity, Model},
        registrations,
    },
    error::SqlError,
    row::{self, Row as _},
    store::SqlStore,
};

#[async_trait]
impl Outbox<Task> for SqlStore {
    async fn claim(
        &self,
        max: u32,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Vec<OutboxEntry<Task>>, StoreError> {
        let claim = claim(max, lease, now);
        self.calls
            .write(async {
                let rows = self.calls.writer().query_all(&claim).await?;
                let (mut entries, unreadable) = row::sort::<Model>(&rows);
                self.give_up(&unreadable, now).await;
                // A database answers changed rows in any order.
                entries.sort_unstable_by_key(|entry| entry.id);
                // The claimed rows are sent even if this fails: one locked row must not hold up the others.
                let restarting = restart_late(self.calls.writer(), &entries, now);
                let restarted = timeout(self.calls.deadline() / 4, restarting).await;
                if !matches!(restarted, Ok(Ok(()))) {
                    warn!(
                        "the deadlines of trainings that waited for their queue were not restarted"
                    );
                }
                Ok(entries)
            })
            .await
    }

    async fn remove(&self, ids: &[i64]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let remove = remove(ids);
        self.calls
            .write(async {
                let removed = self.calls.writer().query_all(&remove).await?;
                for row in removed {
                    if row.try_get_by_index(0)? {
                        self.calls.outbox().give();
                        break;
                    }
                }
                Ok(())
            })
            .await
    }

    async fn postpone(
        &self,
        entry: &OutboxEntry<Task>,
        until: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let postpone = Entity::update_many()
            .col_expr(Column::DueAt, Expr::value(until))
            .filter(Column::Id.eq(entry.id))
            .filter(Column::Attempt.eq(i64::from(entry.attempt)));
        self.calls
            .write(async {
                postpone.exec(self.calls.writer()).await?;
                Ok(())
            })
            .await
    }

    async fn set_aside(
        &self,
        entry: &OutboxEntry<Task>,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let set_aside = set_aside(at)
            .filter(Column::Id.eq(entry.id))
            .filter(Column::Attempt.eq(i64::from(entry.attempt)));
        self.calls
            .write(async {
                set_aside.exec(self.calls.writer()).await?;
                self.calls.outbox().give();
                Ok(())
            })
            .await
    }

    async fn backlog(&self, now: DateTime<Utc>) -> Result<Backlog, StoreError> {
        let count = count();
        self.calls
            .within_deadline(async {
                let row = self.calls.reader().query_one(&count).await?;
                let row = row.ok_or_else(|| DbErr::RecordNotFound("outbox".to_owned()))?;
                let oldest: Option<DateTime<Utc>> = row.try_get("", "oldest")?;
                let (all, set_aside): (i64, i64) =
                    (row.try_get("", "row_count")?, row.try_get("", "set_aside")?);
                Ok(Backlog {
                    rows: (all - set_aside).unsigned_abs(),
                    oldest: oldest
                        .and_then(|oldest| (now - oldest).to_std().ok())
                        .unwrap_or_default(),
                    set_aside: set_aside.unsigned_abs(),
                })
            })
            .await
    }

    async fn changed(&self) {
        self.calls.outbox().wait().await;
    }
}

impl SqlStore {
    /// Counts failed reads, and sets aside the rows that reached the limit. If that fails, the next claim does it.
    async fn give_up(&self, unreadable: &[&QueryResult], now: DateTime<Utc>) {
        let ids = unreadable.iter();
        let ids: Vec<i64> = ids.filter_map(|row| row.try_get("", "id").ok()).collect();
        if ids.is_empty() {
            return;
        }
        let count = count_failed_reads(&ids, now);
        let counted = timeout(
            self.calls.deadline() / 4,
            self.calls.writer().query_all(&count),
        )
        .await;
        let Ok(Ok(over)) = counted else {
            warn!("failed reads of jobs could not be counted; the next claim counts them");
            return;
        };
        let over = over.iter().filter(|row| is_set_aside(row));
        let ids: Vec<i64> = over.filter_map(|row| row.try_get("", "id").ok()).collect();
        if ids.is_empty() {
            return;
        }
        error!(
            db.table = Model::TABLE,
            db.keys = ?ids,
            "jobs that cannot be read are set aside"
        );
        self.calls.outbox().give();
    }
}

/// The column that counts the claims that could not read a row. It is not part of the model: it could be unreadable
/// too.
const FAILED_READS: &str = "failed_reads";

/// Counts a failed read of each row, and sets aside those that reach the limit. The count of a row that is set aside is
/// reset, so that it starts from 0 after the operator has repaired it.
fn count_failed_reads(ids: &[i64], now: DateTime<Utc>) -> UpdateStatement {
    let is_last = || Expr::col(FAILED_READS).gte(i64::from(READ_ATTEMPTS) - 1);
    let set_aside_at = CaseStatement::new()
        .case(is_last(), now)
        .finally(Expr::col(Column::SetAsideAt));
    let failed_reads = CaseStatement::new()
        .case(is_last(), 0_i64)
        .finally(Expr::col(FAILED_READS).add(1_i64));
    let answer = [
        Expr::col(Column::Id),
        Expr::col(Column::SetAsideAt).is_not_null(),
    ];
    Query::update()
        .table(Entity)
        .value(Column::SetAsideAt, set_aside_at)
        .value(FAILED_READS, failed_reads)
        .and_where(Column::Id.is_in(ids.iter().copied()))
        .returning(Query::returning().exprs(answer))
        .take()
}

fn is_set_aside(counted: &QueryResult) -> bool {
    counted.try_get_by_index(1).unwrap_or_default()
}

/// Keeps rows from being claimed again.
fn set_aside(at: DateTime<Utc>) -> UpdateMany<Entity> {
    Entity::update_many().col_expr(Column::SetAsideAt, Expr::value(at))
}

/// The number of rows, the number of those that are set aside, and when the oldest of the others was put.
fn count() -> SelectStatement {
    let put_at: Expr = Expr::case(
        Expr::col(Column::SetAsideAt).is_null(),
        Expr::col(Column::CreatedAt),
    )
    .into();
    Query::select()
        .expr_as(Expr::col(Column::Id).count(), "row_count")
        .expr_as(Expr::col(Column::SetAsideAt).count(), "set_aside")
        .expr_as(put_at.min(), "oldest")
        .from(Entity)
        .take()
}

/// A row to be put in the outbox together with a change.
pub(crate) struct NewEntry<'a> {
    pub(crate) task: TaskKind,
    pub(crate) service: &'a ServiceType,
    pub(crate) account: AccountId,
    pub(crate) request_id: RequestId,
    pub(crate) at: DateTime<Utc>,
    /// The time from which it may be claimed.
    pub(crate) due_at: DateTime<Utc>,
    /// The trace context of the call that puts it.
    pub(crate) trace: Option<TraceContext>,
}

impl NewEntry<'_> {
    /// Puts the row. [`Calls::commit_outbox`](crate::calls::Calls::commit_outbox) must follow.
    pub(crate) async fn put(self, tx: &impl ConnectionTrait) -> Result<(), SqlError> {
        Entity::insert(ActiveModel {
            id: NotSet,
            task: Set(self.task.as_str().to_owned()),
            service: Set(self.service.as_str().to_owned()),
            provider: Set(self.account.provider.as_str().to_owned()),
            provider_user_id: Set(self.account.user_id.get()),
            request_id: Set(self.request_id.get()),
            attempt: Set(0),
            due_at: Set(self.due_at),
            created_at: Set(self.at),
            set_aside_at: NotSet,
            trace_context: Set(self.trace.map(|trace| trace.to_string())),
        })
        .exec_without_returning(tx)
        .await?;
        Ok(())
    }
}

/// Removes the rows of an account and service that match a condition.
///
/// Answers the time from which nobody can be sending any of them: a claimed row belongs to another until its lease
/// ends.
pub(crate) async fn withdraw(
    tx: &impl ConnectionTrait,
    account: AccountId,
    service: &ServiceType,
    which: impl IntoCondition,
    at: DateTime<Utc>,
) -> Result<DateTime<Utc>, SqlError> {
    let withdraw = Query::delete()
        .from_table(Entity)
        .and_where(Column::Provider.eq(account.provider.as_str()))
        .and_where(Column::ProviderUserId.eq(account.user_id.get()))
        .and_where(Column::Service.eq(service.as_str()))
        .cond_where(which)
        .returning(Query::returning().columns([Column::DueAt]))
        .take();
    let mut free_at = at;
    for row in tx.query_all(&withdraw).await? {
        // The due time of an unclaimed row has passed, or was postponed because of an earlier row that was claimed.
        free_at = Ord::max(free_at, row.try_get("", "due_at")?);
    }
    Ok(free_at)
}

/// The rows of the same account and service as an outbox row that are not set aside, under the alias `name`.
fn others(name: &'static str) -> SelectStatement {
    let same = |column: Column| Expr::col((name, column)).equals((Entity, column));
    Query::select()
        .expr(Expr::val(1))
        .from_as(Entity, name)
        .and_where(same(Column::Provider))
        .and_where(same(Column::ProviderUserId))
        .and_where(same(Column::Service))
        .and_where(Expr::col((name, Column::SetAsideAt)).is_null())
        .take()
}

/// Tells whether an outbox row has an earlier or a later row of the same account and service.
fn has(name: &'static str, compare: fn(Expr, Expr) -> Expr) -> Expr {
    let its_number = Expr::col((name, Column::Id));
    let number = Expr::col((Entity, Column::Id));
    Expr::exists(others(name).and_where(compare(its_number, number)).take())
}

/// Removes rows; answers for each whether another row waits behind it.
fn remove(ids: &[i64]) -> DeleteStatement {
    let waits_behind = has("later", Expr::gt);
    Query::delete()
        .from_table(Entity)
        .and_where(Column::Id.is_in(ids.iter().copied()))
        .returning(Query::returning().exprs([waits_behind]))
        .take()
}

/// Restarts the deadline of each training whose row had to wait before it was claimed.
async fn restart_late(
    db: &impl ConnectionTrait,
    claimed: &[OutboxEntry<Task>],
    now: DateTime<Utc>,
) -> Result<(), SqlError> {
    use registrations::{Column, Entity};
    let late = claimed.iter().filter(|entry| entry.is_late(now));
    let late: Vec<_> = late.map(|entry| entry.request_id.get()).collect();
    if late.is_empty() {
        return Ok(());
    }
    Entity::update_many()
        .col_expr(Column::AnnouncedAt, Expr::value(now))
        .filter(Column::RequestId.is_in(late))
        // Only where a deadline runs: a training that finished or failed has none.
        .filter(Column::AnnouncedAt.lt(now))
        .exec(db)
        .await?;
    Ok(())
}

/// Claims the rows that have been due longest. It skips rows that another replica is claiming (not on SQLite, where
/// there are none), and rows that wait behind another.
///
/// The selection is a separate `WITH`: PostgreSQL may run a subquery in `WHERE` more than once, and lock more than
/// `max`.
fn claim(max: u32, lease: Duration, now: DateTime<Utc>) -> WithQuery {
    let due = Query::select()
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::DueAt.lte(now))
        .and_where(Column::SetAsideAt.is_null())
        .and_where(has("earlier", Expr::lt).not())
        .order_by(Column::DueAt, Order::Asc)
        .order_by(Column::Id, Order::Asc)
        .limit(max.into())
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .take();
    let claim = Query::update()
        .table(Entity)
        .value(Column::DueAt, now + lease)
        .value(Column::Attempt, Expr::col(Column::Attempt).add(1))
        .and_where(Column::Id.in_subquery(Query::select().column("id").from("due").take()))
        .returning(Query::returning().columns(Column::iter()))
        .take();
    let due = CommonTableExpression::new()
        .table_name("due")
        .column("id")
        .query(due)
        .to_owned();
    WithClause::new().cte(due).to_owned().query(claim)
}
