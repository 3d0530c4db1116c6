use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        Brought, ImportTarget, ImportedAccount, ImportedPerson, ImportedRegistration, KnownHere,
        NewRows, StoreError,
    },
    values::{AccountId, ServiceType, TrainingState, UserId},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QuerySelect, Statement,
};

use crate::{
    accounts::are_among,
    calls::Calls,
    entity::{accounts, accounts::account_id, registrations, users, uses},
    error::SqlError,
    store::SqlStore,
};

/// How often people are brought if other calls store the same people in the meantime.
const TRIES: u32 = 5;

#[async_trait]
impl ImportTarget for SqlStore {
    async fn reserve_ids(&self, up_to: UserId) -> Result<(), StoreError> {
        self.calls
            .within_deadline(reserve(&self.calls, up_to))
            .await
    }

    async fn bring(
        &self,
        people: &[ImportedPerson],
        at: DateTime<Utc>,
    ) -> Result<Vec<Brought>, StoreError> {
        self.calls
            .within_deadline(async {
                for _ in 1..TRIES {
                    match bring(&self.calls, people, at).await {
                        Err(error) if error.is_overtaken() => {}
                        outcome => return outcome,
                    }
                }
                bring(&self.calls, people, at).await
            })
            .await
    }

    async fn compare(&self, people: &[ImportedPerson]) -> Result<Vec<Brought>, StoreError> {
        self.calls
            .within_deadline(async {
                let known = known(self.calls.reader(), people).await?;
                Ok(known.arrange(people).0)
            })
            .await
    }
}

/// Moves the counter of users, if it is lower.
async fn reserve(calls: &Calls, up_to: UserId) -> Result<(), SqlError> {
    let tx = calls.begin().await?;
    let backend = tx.get_database_backend();
    let steps: &[&str] = match backend {
        DbBackend::Sqlite => &[
            // There is no row before the first user.
            "INSERT INTO sqlite_sequence (name, seq) SELECT 'users', 0 \
             WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'users')",
            "UPDATE sqlite_sequence SET seq = $1 WHERE name = 'users' AND seq < $1",
        ],
        _ => &[
            // Nobody signs up between the look and the change.
            "LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE",
            "SELECT setval(ids, $1) \
             FROM (SELECT pg_get_serial_sequence('users', 'id')::regclass AS ids) AS counter \
             WHERE coalesce(pg_sequence_last_value(ids), 0) < $1",
        ],
    };
    for step in steps {
        let statement = if step.contains("$1") {
            Statement::from_sql_and_values(backend, *step, [up_to.get().into()])
        } else {
            Statement::from_string(backend, *step)
        };
        tx.execute_raw(statement).await?;
    }
    calls.commit(tx).await
}

/// Stores all that is new, in one transaction.
async fn bring(
    calls: &Calls,
    people: &[ImportedPerson],
    at: DateTime<Utc>,
) -> Result<Vec<Brought>, SqlError> {
    let tx = calls.begin().await?;
    let (brought, rows) = known(&tx, people).await?.arrange(people);
    if rows.is_empty() {
        tx.rollback().await?;
        return Ok(brought);
    }
    put(&tx, &rows, at).await?;
    calls.commit(tx).await?;
    Ok(brought)
}

/// What is known of these people and their accounts.
async fn known(
    db: &impl ConnectionTrait,
    people: &[ImportedPerson],
) -> Result<KnownHere, SqlError> {
    let ids = people.iter().map(|person| person.user.get());
    let users: Vec<i64> = users::Entity::find()
        .select_only()
        .column(users::Column::Id)
        .filter(users::Column::Id.is_in(ids.clone()))
        .into_tuple()
        .all(db)
        .await?;
    let accounts = people.iter().flat_map(|person| &person.accounts);
    let accounts: Vec<AccountId> = accounts.map(|it| it.account).collect();
    let found = find_accounts(db, &accounts).await?;
    let owners: BTreeMap<_, _> = found
        .into_iter()
        .map(|(account, row)| (account, UserId::new(row.user_id)))
        .collect();
    let homes: Vec<i64> = ids.chain(owners.values().map(|user| user.get())).collect();
    let registered: Vec<(i64, String)> = registrations::Entity::find()
        .select_only()
        .columns([
            registrations::Column::UserId,
            registrations::Column::Service,
        ])
        .filter(registrations::Column::UserId.is_in(homes.clone()))
        .into_tuple()
        .all(db)
        .await?;
    let used: Vec<(i64, String)> = uses::Entity::find()
        .select_only()
        .columns([uses::Column::UserId, uses::Column::Service])
        .filter(uses::Column::UserId.is_in(homes))
        .into_tuple()
        .all(db)
        .await?;
    // A name that is no service's is no imported one's.
    let used = registered
        .into_iter()
        .chain(used)
        .filter_map(|(user, service)| {
            let service = ServiceType::parse(&service).ok()?;
            Some((UserId::new(user), service))
        });
    Ok(KnownHere {
        users: users.into_iter().map(UserId::new).collect(),
        owners,
        used: used.collect(),
    })
}

/// The numbers of an account's row and of its owner.
struct AccountRow {
    id: i64,
    user_id: i64,
}

/// Those of the accounts that are stored.
async fn find_accounts(
    db: &impl ConnectionTrait,
    accounts: &[AccountId],
) -> Result<BTreeMap<AccountId, AccountRow>, SqlError> {
    use accounts::Column;
    if accounts.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(i64, i64, String, i64)> = accounts::Entity::find()
        .select_only()
        .columns([
            Column::Id,
            Column::UserId,
            Column::Provider,
            Column::ProviderUserId,
        ])
        .filter(are_among(accounts))
        .into_tuple()
        .all(db)
        .await?;
    let read = |(id, user_id, provider, number): (i64, i64, String, i64)| {
        let account = account_id(&provider, number).map_err(|source| SqlError::Corrupt {
            table: "accounts",
            key: id.to_string(),
            source,
        })?;
        Ok((account, AccountRow { id, user_id }))
    };
    rows.into_iter().map(read).collect()
}

/// Puts the new rows, those that others refer to first.
async fn put(
    tx: &impl ConnectionTrait,
    rows: &NewRows<'_>,
    at: DateTime<Utc>,
) -> Result<(), SqlError> {
    if !rows.users.is_empty() {
        let people = rows.users.iter().map(|user| users::ActiveModel {
            id: Set(user.get()),
            created_at: Set(at),
        });
        let insert = users::Entity::insert_many(people);
        insert.exec_without_returning(tx).await?;
    }
    if !rows.accounts.is_empty() {
        let new = rows
            .accounts
            .iter()
            .map(|(user, it)| account(*user, it, at));
        let insert = accounts::Entity::insert_many(new);
        insert.exec_without_returning(tx).await?;
    }
    if rows.registrations.is_empty() {
        return Ok(());
    }
    let theirs = rows.registrations.iter().map(|(_, account, _)| *account);
    let accounts = find_accounts(tx, &theirs.collect::<Vec<_>>()).await?;
    let registered = rows.registrations.iter().filter_map(|(user, account, it)| {
        let account = accounts.get(account)?;
        Some(registration(*user, account.id, it, at))
    });
    // In the order in which a request locks them.
    let used = rows
        .registrations
        .iter()
        .map(|(user, _, it)| a_use(*user, it));
    uses::Entity::insert_many(used)
        .exec_without_returning(tx)
        .await?;
    registrations::Entity::insert_many(registered)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

fn account(user: UserId, it: &ImportedAccount, at: DateTime<Utc>) -> accounts::ActiveModel {
    accounts::ActiveModel {
        id: NotSet,
        user_id: Set(user.get()),
        provider: Set(it.account.provider.as_str().to_owned()),
        provider_user_id: Set(it.account.user_id.get()),
        credentials: Set(it.credentials.data.clone()),
        credentials_key_id: Set(it.credentials.key_id.clone()),
        created_at: Set(at),
        refreshed_at: Set(at),
    }
}

fn registration(
    user: UserId,
    account_id: i64,
    it: &ImportedRegistration,
    at: DateTime<Utc>,
) -> registrations::ActiveModel {
    let shown = &it.shown;
    let request_id = shown.request_id.get();
    let is = |state| (shown.state == state).then_some(request_id);
    registrations::ActiveModel {
        user_id: Set(user.get()),
        service: Set(shown.service.as_str().to_owned()),
        account_id: Set(account_id),
        request_id: Set(request_id),
        public: Set(shown.public),
        ready: Set(shown.ready),
        can_use_at: Set(shown.can_use_at),
        requested_at: Set(at),
        finished_request_id: Set(is(TrainingState::Ready)),
        finished_at: Set(is(TrainingState::Ready).map(|_| at)),
        announced_at: Set(is(TrainingState::Training).map(|_| at)),
        announcements: Set(it.announcements.into()),
        failed_request_id: Set(is(TrainingState::Failed)),
    }
}

fn a_use(user: UserId, it: &ImportedRegistration) -> uses::ActiveModel {
    uses::ActiveModel {
        user_id: Set(user.get()),
        service: Set(it.shown.service.as_str().to_owned()),
        turn: Set(1),
        // It took a place of no window here.
        window_start: Set(DateTime::UNIX_EPOCH),
        cooldown_until: Set(it.shown.can_use_at),
        expires_at: Set(uses::NEVER),
        request_id: Set(Some(it.shown.request_id.get())),
    }
}
