use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::RetryOutcome,
    traces::current_trace,
    values::{AccountId, RequestId, ServiceType, TaskKind, TrainingState},
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::Expr,
};

use crate::{
    calls::Calls,
    entity::{
        accounts, outbox,
        registrations::{Column, Entity, Model},
    },
    error::SqlError,
    outbox::NewEntry,
    row,
};

/// Announces a training again, in one transaction.
pub(super) async fn retry(
    calls: &Calls,
    request_id: RequestId,
    at: DateTime<Utc>,
) -> Result<RetryOutcome, SqlError> {
    let tx = calls.begin().await?;
    // Locked, so that of concurrent retries one puts the row, and the training does not end meanwhile.
    let find = Entity::find()
        .filter(Column::RequestId.eq(request_id.get()))
        .lock_exclusive();
    let Some(current) = find.one(&tx).await? else {
        tx.rollback().await?;
        return Ok(RetryOutcome::Unknown);
    };
    let state = current.state();
    if state != TrainingState::Training {
        tx.rollback().await?;
        return Ok(RetryOutcome::Ended(state));
    }
    let account = account(&tx, &current).await?;
    let outcome = match waiting(&tx, account, request_id).await? {
        Some(row) if row.set_aside_at.is_none() => {
            tx.rollback().await?;
            return Ok(RetryOutcome::Waiting);
        }
        Some(row) => {
            release(&tx, row.id, at).await?;
            announced(&tx, &current, at, current.announcements).await?;
            RetryOutcome::Released { account }
        }
        None => {
            let announcements = current.announcements.saturating_add(1);
            announced(&tx, &current, at, announcements).await?;
            put(&tx, &current, account, at).await?;
            RetryOutcome::Announced {
                account,
                announcements: u32::try_from(announcements).unwrap_or(u32::MAX),
            }
        }
    };
    calls.commit_outbox(tx).await?;
    Ok(outcome)
}

async fn account(tx: &impl ConnectionTrait, current: &Model) -> Result<AccountId, SqlError> {
    let find = accounts::Entity::find_by_id(current.account_id).into_query();
    let stored = row::one::<accounts::Model>(tx, &find).await?;
    // A foreign key keeps the account.
    stored
        .map(|stored| stored.account)
        .ok_or_else(|| sea_orm::DbErr::RecordNotFound("accounts".to_owned()).into())
}

/// The training's `Train` row, if it is in the outbox; of several, one that will be sent.
async fn waiting(
    tx: &impl ConnectionTrait,
    account: AccountId,
    request_id: RequestId,
) -> Result<Option<outbox::Model>, SqlError> {
    use outbox::Column;
    let of_request = Condition::all()
        .add(Column::Provider.eq(account.provider.as_str()))
        .add(Column::ProviderUserId.eq(account.user_id.get()))
        .add(Column::Task.eq(TaskKind::Train.as_str()))
        .add(Column::RequestId.eq(request_id.get()));
    let mut rows = outbox::Entity::find().filter(of_request).all(tx).await?;
    rows.sort_by_key(|row| (row.set_aside_at.is_some(), row.id));
    Ok(rows.into_iter().next())
}

/// Lets a row that was set aside be sent.
async fn release(tx: &impl ConnectionTrait, id: i64, at: DateTime<Utc>) -> Result<(), SqlError> {
    use outbox::{Column, Entity};
    Entity::update_many()
        .col_expr(Column::SetAsideAt, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Column::DueAt, Expr::value(at))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Starts the deadline again.
async fn announced(
    tx: &impl ConnectionTrait,
    current: &Model,
    at: DateTime<Utc>,
    announcements: i64,
) -> Result<(), SqlError> {
    Entity::update_many()
        .col_expr(Column::AnnouncedAt, Expr::value(at))
        .col_expr(Column::Announcements, Expr::value(announcements))
        .filter(Column::UserId.eq(current.user_id))
        .filter(Column::Service.eq(&current.service))
        .exec(tx)
        .await?;
    Ok(())
}

async fn put(
    tx: &impl ConnectionTrait,
    current: &Model,
    account: AccountId,
    at: DateTime<Utc>,
) -> Result<(), SqlError> {
    let service = ServiceType::parse(&current.service).map_err(|fault| SqlError::Corrupt {
        table: <Model as row::Row>::TABLE,
        key: format!("{}/{}", current.user_id, current.service),
        source: fault.into(),
    })?;
    let train = NewEntry {
        task: TaskKind::Train,
        service: &service,
        account,
        request_id: RequestId::new(current.request_id),
        at,
        due_at: at,
        trace: current_trace(),
    };
    train.put(tx).await
}
