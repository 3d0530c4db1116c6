use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{Deletion, OutboxTask},
    values::{AccountId, RequestId},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryTrait, sea_query::Query};

use crate::{
    SqlStore,
    entity::{accounts, outbox, registrations},
    error::SqlError,
    outbox::NewEntry,
    row,
};

/// Removes a registration and what was still to be sent for it, and has the workers delete their part.
pub(super) async fn delete(store: &SqlStore, deletion: Deletion) -> Result<bool, SqlError> {
    let tx = store.begin().await?;
    let Some((account, request_id)) = remove_registration(&tx, &deletion).await? else {
        tx.rollback().await?;
        // Whoever deleted it may not have come to flush it.
        store.flush().await?;
        return Ok(false);
    };
    let due_at = withdraw(&tx, account, &deletion).await?;
    let entry = NewEntry {
        task: OutboxTask::Delete,
        service: &deletion.service,
        account,
        request_id,
        at: deletion.at,
        due_at,
    };
    entry.put(&tx).await?;
    store.commit_outbox(tx).await?;
    Ok(true)
}

/// Removes the registration; answers for which account and of which request it was.
async fn remove_registration(
    tx: &impl ConnectionTrait,
    deletion: &Deletion,
) -> Result<Option<(AccountId, RequestId)>, SqlError> {
    use registrations::{Column, Entity};
    let remove = Query::delete()
        .from_table(Entity)
        .and_where(Column::UserId.eq(deletion.user.get()))
        .and_where(Column::Service.eq(deletion.service.as_str()))
        .returning(Query::returning().columns([Column::AccountId, Column::RequestId]))
        .take();
    let Some(removed) = tx.query_one(&remove).await? else {
        return Ok(None);
    };
    let account_id: i64 = removed.try_get("", "account_id")?;
    let request_id = RequestId::new(removed.try_get("", "request_id")?);
    let find = accounts::Entity::find_by_id(account_id).into_query();
    let account = row::one::<accounts::Model>(tx, &find).await?;
    Ok(account.map(|stored| (stored.account, request_id)))
}

/// Removes what would have the workers train, or tell of it: of this request or of one before it.
///
/// Answers from when on nobody can be sending any of it: a row that was claimed is another's until its lease is over.
async fn withdraw(
    tx: &impl ConnectionTrait,
    account: AccountId,
    deletion: &Deletion,
) -> Result<DateTime<Utc>, SqlError> {
    use outbox::{Column, Entity};
    let withdraw = Query::delete()
        .from_table(Entity)
        .and_where(Column::Provider.eq(account.provider.as_str()))
        .and_where(Column::ProviderUserId.eq(account.user_id.get()))
        .and_where(Column::Service.eq(deletion.service.as_str()))
        .and_where(Column::Task.ne(OutboxTask::Delete.as_str()))
        .returning(Query::returning().columns([Column::Attempt, Column::DueAt]))
        .take();
    let mut due_at = deletion.at;
    for row in tx.query_all(&withdraw).await? {
        if row.try_get::<i64>("", "attempt")? > 0 {
            due_at = due_at.max(row.try_get("", "due_at")?);
        }
    }
    Ok(due_at)
}
