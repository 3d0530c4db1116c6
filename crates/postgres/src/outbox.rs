use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{Backlog, Outbox, OutboxEntry, OutboxTask, StoreError},
    values::{AccountId, RequestId, ServiceType},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, Iterable, QueryFilter,
    sea_query::{
        CommonTableExpression, Expr, LockBehavior, LockType, Order, Query, WithClause, WithQuery,
    },
};

use crate::{
    SqlStore,
    database::Transaction,
    entity::outbox::{ActiveModel, Column, Entity, Model},
    error::SqlError,
    row,
};

#[async_trait]
impl Outbox for SqlStore {
    async fn claim(
        &self,
        max: u32,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        let claim = claim(max, lease, now);
        self.write(async {
            let mut entries = row::each::<Model>(self.writer(), &claim).await?;
            // A database answers what it changed in any order.
            entries.sort_unstable_by_key(|entry| entry.id);
            Ok(entries)
        })
        .await
    }

    async fn remove(&self, ids: &[i64]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let remove = Entity::delete_many().filter(Column::Id.is_in(ids.iter().copied()));
        self.write(async {
            remove.exec(self.writer()).await?;
            Ok(())
        })
        .await
    }

    async fn postpone(&self, entry: &OutboxEntry, until: DateTime<Utc>) -> Result<(), StoreError> {
        let postpone = Entity::update_many()
            .col_expr(Column::DueAt, Expr::value(until))
            .filter(Column::Id.eq(entry.id))
            .filter(Column::Attempt.eq(i64::from(entry.attempt)));
        self.write(async {
            postpone.exec(self.writer()).await?;
            Ok(())
        })
        .await
    }

    async fn backlog(&self, now: DateTime<Utc>) -> Result<Backlog, StoreError> {
        let count = Query::select()
            .expr_as(Expr::col(Column::Id).count(), "row_count")
            .expr_as(Expr::col(Column::CreatedAt).min(), "oldest")
            .from(Entity)
            .take();
        self.within_deadline(async {
            let row = self.reader().query_one(&count).await?;
            let (rows, oldest) = match row {
                Some(row) => (
                    row.try_get::<i64>("", "row_count")?,
                    row.try_get::<Option<DateTime<Utc>>>("", "oldest")?,
                ),
                None => (0, None),
            };
            Ok(Backlog {
                rows: rows.unsigned_abs(),
                oldest: oldest
                    .and_then(|oldest| (now - oldest).to_std().ok())
                    .unwrap_or_default(),
            })
        })
        .await
    }

    async fn changed(&self) {
        self.outbox().wait().await;
    }
}

/// What is to be put in the outbox with a change.
pub(crate) struct NewEntry<'a> {
    pub(crate) task: OutboxTask,
    pub(crate) service: &'a ServiceType,
    pub(crate) account: AccountId,
    pub(crate) request_id: RequestId,
    pub(crate) at: DateTime<Utc>,
}

impl NewEntry<'_> {
    /// Puts it there, due at once. [`SqlStore::commit_outbox`] must follow.
    pub(crate) async fn put(self, tx: &Transaction) -> Result<(), SqlError> {
        Entity::insert(ActiveModel {
            id: NotSet,
            task: Set(self.task.as_str().to_owned()),
            service: Set(self.service.as_str().to_owned()),
            provider: Set(self.account.provider.as_str().to_owned()),
            provider_user_id: Set(self.account.user_id.get()),
            request_id: Set(self.request_id.get()),
            attempt: Set(0),
            due_at: Set(self.at),
            created_at: Set(self.at),
        })
        .exec_without_returning(tx)
        .await?;
        Ok(())
    }
}

/// Claims the rows that are due longest, passing over those that another is just claiming (SQLite has no such).
///
/// The choice is a `WITH` of its own: PostgreSQL may run a subquery in `WHERE` more than once, and lock more than `max`.
fn claim(max: u32, lease: Duration, now: DateTime<Utc>) -> WithQuery {
    let due = Query::select()
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::DueAt.lte(now))
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
