use chrono::{DateTime, Utc};
use lemon_domain::{
    BoxError,
    ports::FinishOutcome,
    traces::current_trace,
    values::{RequestId, TaskKind, TrainingReady, UserId},
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter,
    QueryResult, QuerySelect, QueryTrait,
    sea_query::{Expr, Query},
};
use uuid::Uuid;

use crate::{
    accounts::is,
    calls::Calls,
    entity::{
        accounts, outbox,
        registrations::{Column, Entity, Model},
        uses,
    },
    error::SqlError,
    outbox::{NewEntry, withdraw},
    row::{self, Row},
};

/// Marks the registration of an account as ready, once per request.
pub(super) async fn finish(
    calls: &Calls,
    ready: &TrainingReady,
    request_id: RequestId,
    at: DateTime<Utc>,
) -> Result<FinishOutcome, SqlError> {
    let tx = calls.begin().await?;
    let (outcome, task, request_id, due_at) = match find(&tx, ready).await? {
        None => (
            FinishOutcome::NotRegistered,
            TaskKind::Delete,
            meant(&tx, ready).await?.unwrap_or(request_id),
            at,
        ),
        Some(current) => {
            if let Some(outcome) = current.obstacle(ready) {
                tx.rollback().await?;
                // The call that marked it may have ended before its flush, and the message is acknowledged after this.
                calls.flush().await?;
                return Ok(outcome);
            }
            current.mark(&tx, at).await?;
            let request_id = RequestId::new(current.request_id);
            (
                FinishOutcome::Finished {
                    user: UserId::new(current.user_id),
                    request_id,
                },
                TaskKind::Notify,
                request_id,
                current.withdraw_repeated(&tx, ready, at).await?,
            )
        }
    };
    let entry = NewEntry {
        task,
        service: &ready.service,
        account: ready.account,
        request_id,
        at,
        due_at,
        trace: current_trace(),
    };
    entry.put(&tx).await?;
    calls.commit_outbox(tx).await?;
    Ok(outcome)
}

/// The registration as it is now.
#[derive(FromQueryResult)]
struct CurrentRegistration {
    user_id: i64,
    service: String,
    request_id: Uuid,
    finished_request_id: Option<Uuid>,
    announcements: i64,
}

impl Row for CurrentRegistration {
    const TABLE: &'static str = Model::TABLE;
    type Value = Self;

    fn key(row: &QueryResult) -> String {
        Model::key(row)
    }

    fn value(self) -> Result<Self, BoxError> {
        Ok(self)
    }
}

/// Finds the registration, and locks it until the end of the transaction. If there is none, none can be added before
/// the end.
///
/// Without that lock, a request that is being stored could have its training announced, and the delete job that is put
/// here would then delete its result. A request locks the account's row, by the foreign key of its registration: so
/// locking that row here waits for the request.
async fn find(
    tx: &impl ConnectionTrait,
    ready: &TrainingReady,
) -> Result<Option<CurrentRegistration>, SqlError> {
    if let Some(current) = lock(tx, ready).await? {
        return Ok(Some(current));
    }
    let account = accounts::Entity::find()
        .select_only()
        .column(accounts::Column::Id)
        .filter(is(ready.account))
        .lock_exclusive()
        .into_query();
    match tx.query_one(&account).await? {
        Some(_) => lock(tx, ready).await,
        None => Ok(None),
    }
}

/// The request that a message is about, if it is known although the registration is gone: the request that the message
/// names, or the latest one.
async fn meant(
    tx: &impl ConnectionTrait,
    ready: &TrainingReady,
) -> Result<Option<RequestId>, SqlError> {
    if ready.request_id.is_some() {
        return Ok(ready.request_id);
    }
    let person = Query::select()
        .column(accounts::Column::UserId)
        .from(accounts::Entity)
        .cond_where(is(ready.account))
        .take();
    let latest: Option<Option<Uuid>> = uses::Entity::find()
        .select_only()
        .column(uses::Column::RequestId)
        .filter(uses::Column::UserId.in_subquery(person))
        .filter(uses::Column::Service.eq(ready.service.as_str()))
        .into_tuple()
        .one(tx)
        .await?;
    Ok(latest.flatten().map(RequestId::new))
}

/// Finds the registration of the account, and locks it until the end of the transaction.
async fn lock(
    tx: &impl ConnectionTrait,
    ready: &TrainingReady,
) -> Result<Option<CurrentRegistration>, SqlError> {
    let account = Query::select()
        .column(accounts::Column::Id)
        .from(accounts::Entity)
        .cond_where(is(ready.account))
        .take();
    let find = Entity::find()
        .filter(Column::AccountId.in_subquery(account))
        .filter(Column::Service.eq(ready.service.as_str()))
        .lock_exclusive()
        .into_query();
    row::one::<CurrentRegistration>(tx, &find).await
}

impl CurrentRegistration {
    /// The reason why this message does not finish the request.
    fn obstacle(&self, ready: &TrainingReady) -> Option<FinishOutcome> {
        let named = ready.request_id.map(RequestId::get);
        if named.is_some_and(|id| id != self.request_id) {
            Some(FinishOutcome::Superseded)
        } else if self.finished_request_id == Some(self.request_id) {
            Some(FinishOutcome::AlreadyFinished)
        } else {
            None
        }
    }

    async fn mark(&self, tx: &impl ConnectionTrait, at: DateTime<Utc>) -> Result<(), SqlError> {
        Entity::update_many()
            .col_expr(Column::Ready, Expr::value(true))
            .col_expr(Column::FinishedRequestId, Expr::value(self.request_id))
            .col_expr(Column::FinishedAt, Expr::value(at))
            .col_expr(Column::AnnouncedAt, Expr::value(None::<DateTime<Utc>>))
            .filter(Column::UserId.eq(self.user_id))
            .filter(Column::Service.eq(&self.service))
            .exec(tx)
            .await?;
        Ok(())
    }

    /// Withdraws the row that announced the training again; answers the time from which nobody can be sending it.
    ///
    /// The row of the first announcement stays: a message without a request id may belong to an earlier request, and
    /// this request may not have been sent to anybody yet.
    async fn withdraw_repeated(
        &self,
        tx: &impl ConnectionTrait,
        ready: &TrainingReady,
        at: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, SqlError> {
        if self.announcements < 2 {
            return Ok(at);
        }
        let row = Condition::all()
            .add(outbox::Column::Task.eq(TaskKind::Train.as_str()))
            .add(outbox::Column::RequestId.eq(self.request_id));
        withdraw(tx, ready.account, &ready.service, row, at).await
    }
}
