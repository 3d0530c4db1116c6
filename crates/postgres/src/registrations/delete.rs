use lemon_domain::{
    ports::{Deletion, OutboxTask},
    values::{AccountId, ServiceType},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryTrait, sea_query::Query,
};

use crate::{
    SqlStore,
    database::Transaction,
    entity::{accounts, outbox, registrations},
    error::SqlError,
    outbox::NewEntry,
    row,
};

/// Removes a registration and what was still to be sent for it, and has the workers delete their part.
pub(super) async fn delete(store: &SqlStore, deletion: Deletion) -> Result<bool, SqlError> {
    let tx = store.begin().await?;
    let Some(account) = remove_registration(&tx, &deletion).await? else {
        tx.rollback().await?;
        // Whoever deleted it may not have come to flush it.
        store.flush().await?;
        return Ok(false);
    };
    remove_unsent(&tx, account, &deletion.service).await?;
    let entry = NewEntry {
        task: OutboxTask::Delete,
        service: &deletion.service,
        account,
        request_id: deletion.request_id,
        at: deletion.at,
    };
    entry.put(&tx).await?;
    store.commit_outbox(tx).await?;
    Ok(true)
}

/// Removes the registration; answers which account it was for.
async fn remove_registration(
    tx: &Transaction,
    deletion: &Deletion,
) -> Result<Option<AccountId>, SqlError> {
    use registrations::{Column, Entity};
    let remove = Query::delete()
        .from_table(Entity)
        .and_where(Column::UserId.eq(deletion.user.get()))
        .and_where(Column::Service.eq(deletion.service.as_str()))
        .returning_col(Column::AccountId)
        .take();
    let Some(removed) = tx.query_one(&remove).await? else {
        return Ok(None);
    };
    let account_id: i64 = removed.try_get("", "account_id")?;
    let find = accounts::Entity::find_by_id(account_id).into_query();
    let account = row::one::<accounts::Model>(tx, &find).await?;
    Ok(account.map(|stored| stored.account))
}

/// Removes what would have the workers train, or tell of it: of this request or of one before it.
async fn remove_unsent(
    tx: &Transaction,
    account: AccountId,
    service: &ServiceType,
) -> Result<(), SqlError> {
    use outbox::{Column, Entity};
    Entity::delete_many()
        .filter(Column::Provider.eq(account.provider.as_str()))
        .filter(Column::ProviderUserId.eq(account.user_id.get()))
        .filter(Column::Service.eq(service.as_str()))
        .filter(Column::Task.ne(OutboxTask::Delete.as_str()))
        .exec(tx)
        .await?;
    Ok(())
}
