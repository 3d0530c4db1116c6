mod retry;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound, Utc};
use lemon_domain::{
    BoxError,
    ports::{
        OverdueOutcome, OverduePosition, OverdueStep, OverdueTraining, RetryOutcome, StoreError,
        TrainingDeadlines,
    },
    traces::current_trace,
    values::{AccountId, BudgetKey, RequestId, ServiceType, TaskKind, Turn, UserId},
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, ExprTrait, FromQueryResult,
    QueryFilter, QueryOrder, QueryResult, QuerySelect, QueryTrait,
    sea_query::{CaseStatement, Expr, SelectStatement},
};
use uuid::Uuid;

use crate::{
    calls::Calls,
    entity::{
        accounts, outbox,
        registrations::{Column, Entity, Model},
        uses,
    },
    error::SqlError,
    outbox::NewEntry,
    registrations::places,
    row::{self, Row},
    store::SqlStore,
};

#[async_trait]
impl TrainingDeadlines for SqlStore {
    async fn overdue(
        &self,
        service: &ServiceType,
        deadline: Duration,
        after: Option<OverduePosition>,
        max: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<OverdueTraining>, StoreError> {
        self.calls
            .within_deadline(async {
                let found_at = Ord::min(own_time(self.calls.reader()).await?, now);
                let find = find_overdue(service, found_at - deadline, after, max);
                let found = row::each::<RunningTraining>(self.calls.reader(), &find).await?;
                let found = found.into_iter();
                Ok(found.map(|it| it.overdue(found_at)).collect())
            })
            .await
    }

    async fn settle(
        &self,
        training: &OverdueTraining,
        step: OverdueStep,
    ) -> Result<OverdueOutcome, StoreError> {
        self.calls
            .within_deadline(settle(&self.calls, training, step))
            .await
    }

    async fn retry(
        &self,
        request_id: RequestId,
        at: DateTime<Utc>,
    ) -> Result<RetryOutcome, StoreError> {
        self.calls
            .within_deadline(retry::retry(&self.calls, request_id, at))
            .await
    }
}

/// The time of the database's clock.
async fn own_time(db: &impl ConnectionTrait) -> Result<DateTime<Utc>, SqlError> {
    let backend = db.get_database_backend();
    let now = match backend {
        DbBackend::Sqlite => "SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now') AS now",
        _ => "SELECT clock_timestamp() AS now",
    };
    let row = db
        .query_one_raw(sea_orm::Statement::from_string(backend, now))
        .await?
        .ok_or_else(|| sea_orm::DbErr::RecordNotFound("the time".to_owned()))?;
    let now: DateTime<Utc> = row.try_get("", "now")?;
    Ok(now.trunc_subsecs(6))
}

/// Matches a registration whose latest request has not finished. `announced_at` alone does not tell: a program of an
/// earlier version that runs at the same time leaves it set after a training has finished.
fn is_unfinished() -> Condition {
    Condition::any()
        .add(Column::FinishedRequestId.is_null())
        .add(Expr::col(Column::FinishedRequestId).ne(Expr::col(Column::RequestId)))
}

/// Matches the rows after a position, in a form for which an index finds the first one.
fn is_behind(position: OverduePosition) -> Condition {
    let (announced_at, user) = (position.announced_at, position.user.get());
    let in_same_moment = Column::AnnouncedAt
        .gt(announced_at)
        .or(Column::UserId.gt(user));
    Condition::all()
        .add(Column::AnnouncedAt.gte(announced_at))
        .add(in_same_moment)
}

fn find_overdue(
    service: &ServiceType,
    announced_by: DateTime<Utc>,
    after: Option<OverduePosition>,
    max: u32,
) -> SelectStatement {
    Entity::find()
        .filter(Column::Service.eq(service.as_str()))
        .filter(Column::AnnouncedAt.lte(announced_by))
        .filter(is_unfinished())
        .apply_if(after, |query, after| query.filter(is_behind(after)))
        .order_by_asc(Column::AnnouncedAt)
        .order_by_asc(Column::UserId)
        .limit(u64::from(max))
        .into_query()
}

/// A registration whose training is under way.
#[derive(FromQueryResult)]
struct RunningTraining {
    user_id: i64,
    service: String,
    request_id: Uuid,
    announcements: i64,
    announced_at: DateTime<Utc>,
}

/// An overdue training as read from a row, without the time at which it was found.
struct OverdueRow(OverdueTraining);

impl OverdueRow {
    fn overdue(self, found_at: DateTime<Utc>) -> OverdueTraining {
        OverdueTraining { found_at, ..self.0 }
    }
}

impl Row for RunningTraining {
    const TABLE: &'static str = Model::TABLE;
    type Value = OverdueRow;

    fn key(row: &QueryResult) -> String {
        Model::key(row)
    }

    fn value(self) -> Result<OverdueRow, BoxError> {
        Ok(OverdueRow(OverdueTraining {
            user: UserId::new(self.user_id),
            service: ServiceType::parse(&self.service)?,
            request_id: RequestId::new(self.request_id),
            announcements: self.announcements.try_into()?,
            announced_at: self.announced_at,
            found_at: self.announced_at,
        }))
    }
}

/// Takes a step, in one transaction. Rows are locked in the order in which a request locks them.
async fn settle(
    calls: &Calls,
    training: &OverdueTraining,
    step: OverdueStep,
) -> Result<OverdueOutcome, SqlError> {
    let tx = calls.begin().await?;
    let turn = match step {
        OverdueStep::Announce => None,
        OverdueStep::Fail { .. } => lock_use(&tx, training).await?,
    };
    let Some(account) = lock(&tx, training).await? else {
        tx.rollback().await?;
        return Ok(OverdueOutcome::Overtaken);
    };
    if waits(&tx, training, account).await? {
        announced(&tx, training, training.announcements).await?;
        calls.commit(tx).await?;
        return Ok(OverdueOutcome::Waiting);
    }
    match step {
        OverdueStep::Announce => {
            announce(&tx, training, account).await?;
            calls.commit_outbox(tx).await?;
            Ok(OverdueOutcome::Announced)
        }
        OverdueStep::Fail { running } => {
            fail(&tx, training, turn, &running).await?;
            calls.commit(tx).await?;
            Ok(OverdueOutcome::Failed { turn })
        }
    }
}

/// Locks the use until the end of the transaction; answers the turn that took its places.
async fn lock_use(
    tx: &impl ConnectionTrait,
    training: &OverdueTraining,
) -> Result<Option<Turn>, SqlError> {
    let find = uses::Entity::find()
        .filter(uses::Column::UserId.eq(training.user.get()))
        .filter(uses::Column::Service.eq(training.service.as_str()))
        .lock_exclusive()
        .into_query();
    let last = row::one::<uses::Model>(tx, &find).await?;
    Ok(last.map(|last| Turn {
        user: training.user,
        number: last.turn,
    }))
}

/// Locks the registration, if its training is still as it was found; answers the account.
async fn lock(
    tx: &impl ConnectionTrait,
    training: &OverdueTraining,
) -> Result<Option<AccountId>, SqlError> {
    let as_found: Option<i64> = Entity::find()
        .select_only()
        .column(Column::AccountId)
        .filter(Column::UserId.eq(training.user.get()))
        .filter(Column::Service.eq(training.service.as_str()))
        .filter(Column::RequestId.eq(training.request_id.get()))
        .filter(Column::Announcements.eq(i64::from(training.announcements)))
        .filter(Column::AnnouncedAt.eq(training.announced_at))
        .filter(is_unfinished())
        .lock_exclusive()
        .into_tuple()
        .one(tx)
        .await?;
    let Some(account_id) = as_found else {
        return Ok(None);
    };
    let find = accounts::Entity::find_by_id(account_id).into_query();
    let account = row::one::<accounts::Model>(tx, &find).await?;
    Ok(account.map(|stored| stored.account))
}

/// Tells whether the training's `Train` row is still in the outbox and to be sent.
async fn waits(
    tx: &impl ConnectionTrait,
    training: &OverdueTraining,
    account: AccountId,
) -> Result<bool, SqlError> {
    use outbox::Column;
    let find = outbox::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Provider.eq(account.provider.as_str()))
        .filter(Column::ProviderUserId.eq(account.user_id.get()))
        .filter(Column::Task.eq(TaskKind::Train.as_str()))
        .filter(Column::RequestId.eq(training.request_id.get()))
        .filter(Column::SetAsideAt.is_null())
        .limit(1)
        .into_query();
    Ok(tx.query_one(&find).await?.is_some())
}

/// Matches the registration of the training.
fn of(training: &OverdueTraining) -> Condition {
    Condition::all()
        .add(Column::UserId.eq(training.user.get()))
        .add(Column::Service.eq(training.service.as_str()))
}

/// Restarts the deadline now.
async fn announced(
    tx: &impl ConnectionTrait,
    training: &OverdueTraining,
    announcements: u32,
) -> Result<(), SqlError> {
    Entity::update_many()
        .col_expr(Column::AnnouncedAt, Expr::value(training.found_at))
        .col_expr(Column::Announcements, Expr::value(i64::from(announcements)))
        .filter(of(training))
        .exec(tx)
        .await?;
    Ok(())
}

async fn announce(
    tx: &impl ConnectionTrait,
    training: &OverdueTraining,
    account: AccountId,
) -> Result<(), SqlError> {
    announced(tx, training, training.announcements.saturating_add(1)).await?;
    let train = NewEntry {
        task: TaskKind::Train,
        service: &training.service,
        account,
        request_id: training.request_id,
        at: training.found_at,
        due_at: training.found_at,
        trace: current_trace(),
    };
    train.put(tx).await
}

async fn fail(
    tx: &impl ConnectionTrait,
    training: &OverdueTraining,
    turn: Option<Turn>,
    running: &[BudgetKey],
) -> Result<(), SqlError> {
    let at = training.found_at;
    Entity::update_many()
        .col_expr(Column::FailedRequestId, Expr::col(Column::RequestId))
        .col_expr(Column::AnnouncedAt, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Column::CanUseAt, at_the_latest(Column::CanUseAt, at))
        .filter(of(training))
        .exec(tx)
        .await?;
    let Some(turn) = turn else {
        return Ok(());
    };
    let cooldown = uses::Column::CooldownUntil;
    uses::Entity::update_many()
        .col_expr(cooldown, at_the_latest(cooldown, at))
        .filter(uses::Column::UserId.eq(training.user.get()))
        .filter(uses::Column::Service.eq(training.service.as_str()))
        .exec(tx)
        .await?;
    places::give_back(tx, &training.service, turn, running).await
}

/// The time in a column, or `at` if that is earlier.
fn at_the_latest(column: impl ColumnTrait, at: DateTime<Utc>) -> Expr {
    CaseStatement::new()
        .case(Expr::col(column).gt(at), at)
        .finally(Expr::col(column))
        .into()
}
