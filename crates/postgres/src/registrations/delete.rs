use lemon_domain::{
    ports::Deletion,
    traces::current_trace,
    values::{AccountId, RequestId, TaskKind},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryTrait, sea_query::Query};

use crate::{
    accounts::refuse_forgotten,
    calls::Calls,
    entity::{accounts, outbox, registrations},
    error::SqlError,
    outbox::{NewEntry, withdraw},
    row,
};

/// Removes a registration and its outbox rows, and puts a delete job for the workers. Answers the request of the
/// registration.
pub(super) async fn delete(
    calls: &Calls,
    deletion: Deletion,
) -> Result<Option<RequestId>, SqlError> {
    let tx = calls.begin().await?;
    let Some((account, request_id)) = remove_registration(&tx, &deletion).await? else {
        tx.rollback().await?;
        // The call that deleted it may have ended before its flush.
        calls.flush().await?;
        refuse_forgotten(calls.reader(), deletion.user).await?;
        return Ok(None);
    };
    // The rows of this request or an earlier one that would train or notify.
    let to_come = outbox::Column::Task.ne(TaskKind::Delete.as_str());
    let due_at = withdraw(&tx, account, &deletion.service, to_come, deletion.at).await?;
    let entry = NewEntry {
        task: TaskKind::Delete,
        service: &deletion.service,
        account,
        request_id,
        at: deletion.at,
        due_at,
        trace: current_trace(),
    };
    entry.put(&tx).await?;
    calls.commit_outbox(tx).await?;
    Ok(Some(request_id))
}

/// Removes the registration; answers its account and its request.
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
