#[cfg(feature = "sqlite")]
use std::time::Duration;

#[cfg(feature = "sqlite")]
use lemon_batching::Waiting;
use lemon_domain::{
    ports::{NewRegistration, RequestOutcome},
    values::TaskKind,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter,
    QuerySelect, QueryTrait,
    sea_query::{CaseStatement, Expr, LockType, OnConflict},
};

use super::{
    find::{find_attempt, find_use},
    places,
};
use crate::{
    accounts::is,
    asked::AskedRequest,
    calls::Calls,
    entity::{accounts, attempts, registrations, uses},
    error::SqlError,
    outbox::NewEntry,
    row,
};
#[cfg(feature = "sqlite")]
use crate::{executor::Transaction, sqlite::GroupWriter};

/// Stores all of a request, or nothing.
pub(crate) async fn request(calls: &Calls, new: &AskedRequest) -> Result<RequestOutcome, SqlError> {
    let tx = calls.begin().await?;
    let outcome = put(&tx, new).await?;
    if outcome == RequestOutcome::Registered {
        calls.commit_outbox(tx).await?;
    } else {
        tx.rollback().await?;
        // The rows that block it may be committed and not yet flushed.
        calls.flush().await?;
    }
    Ok(outcome)
}

#[cfg(feature = "sqlite")]
impl GroupWriter<AskedRequest, RequestOutcome> for Calls {
    type Transaction = Transaction;

    fn deadline(&self) -> Duration {
        Calls::deadline(self)
    }

    async fn begin(&self) -> Result<Transaction, SqlError> {
        Calls::begin(self).await
    }

    async fn all(
        &self,
        tx: Transaction,
        together: &[Waiting<AskedRequest, Result<RequestOutcome, SqlError>>],
    ) -> Result<Option<Vec<RequestOutcome>>, SqlError> {
        let mut outcomes = Vec::with_capacity(together.len());
        for waiting in together {
            let outcome = put(&tx, &waiting.question).await?;
            if let RequestOutcome::Repeated(_) | RequestOutcome::SeatTaken(_) = outcome {
                tx.rollback().await?;
                return Ok(None);
            }
            outcomes.push(outcome);
        }
        self.commit_outbox(tx).await?;
        Ok(Some(outcomes))
    }

    async fn one(&self, new: &AskedRequest) -> Result<RequestOutcome, SqlError> {
        request(self, new).await
    }
}

/// Writes all rows of a request; `together.sql` writes the same rows of several at once. If it is not registered, the
/// transaction must be rolled back; only after `UsedBefore` nothing has been written.
///
/// No row of the person's requests is locked first: the row of the use is the lock. If two requests of one person race, the later one waits in
/// `record_use` until the earlier one is committed, and then finds its use. The registration is written before its
/// outbox row, because it locks the account against [`finish`](super::finish).
async fn put(tx: &impl ConnectionTrait, new: &AskedRequest) -> Result<RequestOutcome, SqlError> {
    let account_id = find_account(tx, new).await?;
    if !record_use(tx, new).await? || !record_attempt(tx, new).await? {
        return find_earlier(tx, new).await;
    }
    put_registration(tx, new, account_id).await?;
    let train = NewEntry {
        task: TaskKind::Train,
        service: &new.service,
        account: new.identity.account,
        request_id: new.request_id,
        at: new.at,
        due_at: new.at,
        trace: new.trace.clone(),
    };
    train.put(tx).await?;
    // Last, because the totals are rows that all requests share, locked until the commit.
    Ok(match places::record(tx, new).await? {
        Some(taken) => RequestOutcome::SeatTaken(taken),
        None => RequestOutcome::Registered,
    })
}

/// The attempt or the use that blocks the request.
async fn find_earlier(
    tx: &impl ConnectionTrait,
    new: &NewRegistration,
) -> Result<RequestOutcome, SqlError> {
    let user = new.identity.user;
    if let Some(attempt) = &new.attempt {
        let find = find_attempt(user, &new.service, &attempt.key);
        if let Some(answered) = row::one::<attempts::Model>(tx, &find).await? {
            return Ok(RequestOutcome::Repeated(answered));
        }
    }
    let find = find_use(user, &new.service);
    let last = row::one::<uses::Model>(tx, &find).await?;
    // The row stays locked until the end of the transaction, so it exists.
    last.map(RequestOutcome::UsedBefore)
        .ok_or_else(|| DbErr::RecordNotFound("uses".to_owned()).into())
}

/// The row of the account with which the person calls. Its foreign key locks it in any case; locked now, it is not
/// [forgotten](lemon_domain::ports::People::forget) before the end of the transaction.
async fn find_account(tx: &impl ConnectionTrait, new: &NewRegistration) -> Result<i64, SqlError> {
    accounts::Entity::find()
        .select_only()
        .column(accounts::Column::Id)
        .filter(is(new.identity.account))
        .filter(accounts::Column::UserId.eq(new.identity.user.get()))
        .filter(accounts::Column::CredentialsKeyId.ne(""))
        .lock(LockType::KeyShare)
        .into_tuple()
        .one(tx)
        .await?
        .ok_or(SqlError::UnknownPerson)
}

/// Records the use, unless an earlier one blocks it.
async fn record_use(tx: &impl ConnectionTrait, new: &NewRegistration) -> Result<bool, SqlError> {
    use uses::Column;
    let first = new.places.first().ok_or(SqlError::NoPlace)?;
    let windows_end = new.places.iter().map(|place| place.key.window.end);
    let insert = uses::Entity::insert(uses::ActiveModel {
        user_id: Set(new.identity.user.get()),
        service: Set(new.service.as_str().to_owned()),
        turn: Set(new.turn.into()),
        window_start: Set(first.key.window.start),
        cooldown_until: Set(new.cooldown_until),
        expires_at: Set(windows_end.fold(new.cooldown_until, Ord::max)),
        request_id: Set(Some(new.request_id.get())),
    })
    .on_conflict(
        OnConflict::columns([Column::UserId, Column::Service])
            .update_columns([
                Column::Turn,
                Column::WindowStart,
                Column::CooldownUntil,
                Column::RequestId,
            ])
            .value(Column::ExpiresAt, expiry())
            .action_cond_where(does_not_block(new))
            .to_owned(),
    )
    .into_query();
    Ok(tx.execute(&insert).await?.rows_affected() == 1)
}

/// The later expiry: that of an imported use stays.
fn expiry() -> CaseStatement {
    let [earlier, new] =
        ["uses", "excluded"].map(|table| Expr::col((table, uses::Column::ExpiresAt)));
    CaseStatement::new()
        .case(earlier.clone().gt(new.clone()), earlier)
        .finally(new)
}

/// Matches an earlier use that does not block the request.
fn does_not_block(new: &NewRegistration) -> Condition {
    use uses::Column;
    let earlier = |column| Expr::col((uses::Entity, column));
    Condition::all()
        .add(earlier(Column::Turn).lt(i64::from(new.turn)))
        .add(earlier(Column::CooldownUntil).lte(new.at))
}

/// Records the attempt, if it has an idempotency key; `false` if it was recorded before.
async fn record_attempt(
    tx: &impl ConnectionTrait,
    new: &NewRegistration,
) -> Result<bool, SqlError> {
    let Some(attempt) = &new.attempt else {
        return Ok(true);
    };
    let first = new.places.first().ok_or(SqlError::NoPlace)?;
    let insert = attempts::Entity::insert(attempts::ActiveModel {
        user_id: Set(new.identity.user.get()),
        service: Set(new.service.as_str().to_owned()),
        idempotency_key: Set(attempt.key.as_str().to_owned()),
        position: Set(first.seat.into()),
        quota_limit: Set(first.limit.into()),
        expires_at: Set(attempt.remembered_until),
    })
    .on_conflict(OnConflict::new().do_nothing().to_owned())
    .into_query();
    Ok(tx.execute(&insert).await?.rows_affected() == 1)
}

/// Inserts the person's registration, or updates it for the new request: `public` and `ready` stay as they are.
async fn put_registration(
    tx: &impl ConnectionTrait,
    new: &NewRegistration,
    account_id: i64,
) -> Result<(), SqlError> {
    use registrations::Column;
    registrations::Entity::insert(registrations::ActiveModel {
        user_id: Set(new.identity.user.get()),
        service: Set(new.service.as_str().to_owned()),
        account_id: Set(account_id),
        request_id: Set(new.request_id.get()),
        public: Set(false),
        ready: Set(false),
        can_use_at: Set(new.cooldown_until),
        requested_at: Set(new.at),
        finished_request_id: NotSet,
        finished_at: NotSet,
        announced_at: Set(Some(new.at)),
        announcements: Set(1),
        failed_request_id: NotSet,
    })
    .on_conflict(
        OnConflict::columns([Column::UserId, Column::Service])
            .update_columns([
                Column::AccountId,
                Column::RequestId,
                Column::CanUseAt,
                Column::RequestedAt,
                Column::AnnouncedAt,
                Column::Announcements,
            ])
            .to_owned(),
    )
    .exec_without_returning(tx)
    .await?;
    Ok(())
}
