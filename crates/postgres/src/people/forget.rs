use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::Forgotten,
    traces::current_trace,
    values::{AccountId, RequestId, ServiceType, TaskKind, UserId},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Query},
};

use crate::{
    accounts::is,
    calls::Calls,
    entity::{
        accounts::{self, account_id},
        attempts, outbox, registrations,
    },
    error::SqlError,
    job_tickets,
    outbox::NewEntry,
    row::Row,
};

/// Removes what is stored of the person who owns the account, in one transaction.
///
/// The accounts are locked first. A request locks its account before it writes: so it is deleted here, or finds that the
/// account is erased. Then the tickets: who redeems one locks it before its registration and its outbox row, so what it has
/// put is withdrawn here.
pub(super) async fn forget(
    calls: &Calls,
    account: AccountId,
    at: DateTime<Utc>,
) -> Result<Option<Forgotten>, SqlError> {
    let tx = calls.begin().await?;
    let owner: Option<i64> = accounts::Entity::find()
        .select_only()
        .column(accounts::Column::UserId)
        .filter(is(account))
        .into_tuple()
        .one(&tx)
        .await?;
    let Some(user) = owner else {
        tx.rollback().await?;
        return Ok(None);
    };
    let theirs = lock_accounts(&tx, user).await?;
    for account in theirs.values() {
        job_tickets::void(&tx, *account, at).await?;
    }
    let deleted = delete_registrations(&tx, user).await?;
    let withdrawn = withdraw(&tx, &theirs).await?;
    let mut services = Vec::with_capacity(deleted.len());
    for registration in deleted {
        let Some(&account) = theirs.get(&registration.account_id) else {
            continue;
        };
        let free_at = withdrawn
            .iter()
            .filter(|row| row.account == account && row.service == registration.service.as_str())
            .map(|row| row.due_at);
        let entry = NewEntry {
            task: TaskKind::Delete,
            service: &registration.service,
            account,
            request_id: registration.request_id,
            at,
            due_at: free_at.fold(at, Ord::max),
            trace: current_trace(),
        };
        entry.put(&tx).await?;
        services.push(registration.service);
    }
    attempts::Entity::delete_many()
        .filter(attempts::Column::UserId.eq(user))
        .exec(&tx)
        .await?;
    let erased = erase(&tx, user, at).await?;
    calls.commit_outbox(tx).await?;
    Ok(Some(Forgotten {
        user: UserId::new(user),
        registrations: services,
        withdrawn: withdrawn.len() as u64,
        erased,
    }))
}

/// Locks the person's accounts until the end of the transaction; answers them by the numbers of their rows.
async fn lock_accounts(
    tx: &impl ConnectionTrait,
    user: i64,
) -> Result<BTreeMap<i64, AccountId>, SqlError> {
    let found: Vec<(i64, String, i64)> = accounts::Entity::find()
        .select_only()
        .columns([
            accounts::Column::Id,
            accounts::Column::Provider,
            accounts::Column::ProviderUserId,
        ])
        .filter(accounts::Column::UserId.eq(user))
        .order_by_asc(accounts::Column::Id)
        .lock_exclusive()
        .into_tuple()
        .all(tx)
        .await?;
    let read = |(id, provider, number): (i64, String, i64)| {
        let account = account_id(&provider, number).map_err(|source| SqlError::Corrupt {
            table: accounts::Model::TABLE,
            key: id.to_string(),
            source,
        })?;
        Ok((id, account))
    };
    found.into_iter().map(read).collect()
}

/// A registration that was deleted.
struct DeletedRegistration {
    account_id: i64,
    service: ServiceType,
    request_id: RequestId,
}

async fn delete_registrations(
    tx: &impl ConnectionTrait,
    user: i64,
) -> Result<Vec<DeletedRegistration>, SqlError> {
    use registrations::{Column, Entity, Model};
    let delete = Query::delete()
        .from_table(Entity)
        .and_where(Column::UserId.eq(user))
        .returning(Query::returning().columns([
            Column::AccountId,
            Column::Service,
            Column::RequestId,
        ]))
        .take();
    let mut deleted = Vec::new();
    for row in tx.query_all(&delete).await? {
        let service: String = row.try_get("", "service")?;
        deleted.push(DeletedRegistration {
            account_id: row.try_get("", "account_id")?,
            request_id: RequestId::new(row.try_get("", "request_id")?),
            service: ServiceType::parse(&service).map_err(|fault| SqlError::Corrupt {
                table: Model::TABLE,
                key: format!("{user}/?"),
                source: fault.into(),
            })?,
        });
    }
    // A database answers removed rows in any order.
    deleted.sort_unstable_by(|one, other| one.service.cmp(&other.service));
    Ok(deleted)
}

/// An outbox row that was withdrawn.
struct WithdrawnRow {
    account: AccountId,
    service: String,
    /// Until then, another may be sending it.
    due_at: DateTime<Utc>,
}

/// Withdraws the rows of these accounts that would train or notify.
async fn withdraw(
    tx: &impl ConnectionTrait,
    theirs: &BTreeMap<i64, AccountId>,
) -> Result<Vec<WithdrawnRow>, SqlError> {
    use outbox::{Column, Entity};
    let mut withdrawn = Vec::new();
    for account in theirs.values() {
        let withdraw = Query::delete()
            .from_table(Entity)
            .and_where(Column::Provider.eq(account.provider.as_str()))
            .and_where(Column::ProviderUserId.eq(account.user_id.get()))
            .and_where(Column::Task.ne(TaskKind::Delete.as_str()))
            .returning(Query::returning().columns([Column::Service, Column::DueAt]))
            .take();
        for row in tx.query_all(&withdraw).await? {
            withdrawn.push(WithdrawnRow {
                account: *account,
                service: row.try_get("", "service")?,
                due_at: row.try_get("", "due_at")?,
            });
        }
    }
    Ok(withdrawn)
}

/// Erases the credentials of the person's accounts; answers whether there were any.
async fn erase(tx: &impl ConnectionTrait, user: i64, at: DateTime<Utc>) -> Result<bool, SqlError> {
    use accounts::{Column, Entity};
    let erased = Entity::update_many()
        .col_expr(Column::Credentials, Expr::value(Vec::<u8>::new()))
        .col_expr(Column::CredentialsKeyId, Expr::value(""))
        .col_expr(Column::RefreshedAt, Expr::value(at))
        .filter(Column::UserId.eq(user))
        .filter(Column::CredentialsKeyId.ne(""))
        .exec(tx)
        .await?;
    Ok(erased.rows_affected > 0)
}
