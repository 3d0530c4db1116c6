use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        JobTickets, MAX_REDEMPTIONS, NewTicket, StoreError, TICKET_MEMORY, TicketClaim,
        TicketOutcome,
    },
    traces::current_trace,
    values::{AccountId, RequestId, TaskKind, TrainingState},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait},
};

use crate::{
    accounts::are_among,
    calls::Calls,
    entity::{
        accounts::{self, account_id},
        job_tickets::{ActiveModel, Column, Entity, IssuedTicket, Model},
        outbox, registrations,
    },
    error::SqlError,
    outbox::NewEntry,
    row,
    store::SqlStore,
};

#[async_trait]
impl JobTickets for SqlStore {
    async fn issue(&self, tickets: &[NewTicket]) -> Result<(), StoreError> {
        self.calls
            .within_deadline(issue(&self.calls, tickets))
            .await
    }

    async fn redeem(&self, claim: &TicketClaim) -> Result<TicketOutcome, StoreError> {
        self.calls.within_deadline(redeem(&self.calls, claim)).await
    }
}

async fn issue(calls: &Calls, tickets: &[NewTicket]) -> Result<(), SqlError> {
    let tx = calls.begin().await?;
    let with_credentials = lock_sealed(&tx, tickets).await?;
    let new: Vec<_> = tickets
        .iter()
        .filter(|ticket| with_credentials.contains(&ticket.task.account))
        .map(row_of)
        .collect();
    if new.is_empty() {
        tx.rollback().await?;
        return Ok(());
    }
    Entity::insert_many(new).exec_without_returning(&tx).await?;
    calls.commit(tx).await
}

/// Those of the tickets' accounts that have credentials. Who forgets one of them waits until the tickets are there.
async fn lock_sealed(
    tx: &impl ConnectionTrait,
    tickets: &[NewTicket],
) -> Result<Vec<AccountId>, SqlError> {
    use accounts::Column;
    let asked: Vec<_> = tickets.iter().map(|ticket| ticket.task.account).collect();
    let found: Vec<(String, i64)> = accounts::Entity::find()
        .select_only()
        .columns([Column::Provider, Column::ProviderUserId])
        .filter(are_among(&asked))
        .filter(Column::CredentialsKeyId.ne(""))
        // In one order, so that none waits for another who locks several.
        .order_by_asc(Column::Id)
        .lock_shared()
        .into_tuple()
        .all(tx)
        .await?;
    // Which cannot be read is none of those that were asked for.
    let accounts = found
        .iter()
        .filter_map(|(provider, number)| account_id(provider, *number).ok());
    Ok(accounts.collect())
}

fn row_of(ticket: &NewTicket) -> ActiveModel {
    let account = ticket.task.account;
    ActiveModel {
        digest: Set(ticket.digest.0.to_vec()),
        task: Set(ticket.task.kind.as_str().to_owned()),
        service: Set(ticket.task.service.as_str().to_owned()),
        provider: Set(account.provider.as_str().to_owned()),
        provider_user_id: Set(account.user_id.get()),
        request_id: Set(ticket.request_id.get()),
        issued_at: Set(ticket.issued_at),
        redeemable_until: Set(ticket.expires_at),
        redemptions: Set(0),
        voided_at: Set(None),
        renewed_at: Set(None),
        expires_at: Set(ticket.expires_at + TICKET_MEMORY),
    }
}

async fn redeem(calls: &Calls, claim: &TicketClaim) -> Result<TicketOutcome, SqlError> {
    let tx = calls.begin().await?;
    // Locked, so that each claim has a number of its own, and one puts the task again.
    let find = Entity::find()
        .filter(Column::Digest.eq(claim.digest.0.to_vec()))
        .lock_exclusive()
        .into_query();
    let ticket = row::one::<Model>(&tx, &find).await?;
    let is_of_job = |ticket: &IssuedTicket| {
        ticket.kind == claim.kind && ticket.request_id == claim.request_id.get()
    };
    let Some(ticket) = ticket.filter(is_of_job) else {
        tx.rollback().await?;
        return Ok(TicketOutcome::Unknown);
    };
    if ticket.is_void || !is_wanted(&tx, &ticket).await? {
        tx.rollback().await?;
        return Ok(TicketOutcome::Void);
    }
    let refusal = if ticket.redeemable_until <= claim.at {
        TicketOutcome::Expired
    } else if ticket.redemptions >= i64::from(MAX_REDEMPTIONS) {
        TicketOutcome::Used
    } else {
        count(&tx, claim).await?;
        calls.commit(tx).await?;
        let redemptions = u32::try_from(ticket.redemptions + 1).unwrap_or(u32::MAX);
        return Ok(TicketOutcome::Granted {
            account: ticket.account,
            service: ticket.service,
            redemptions,
        });
    };
    if ticket.is_renewed || registration(&tx, &ticket).await?.is_none() {
        tx.rollback().await?;
    } else {
        renew(&tx, &ticket, claim).await?;
        calls.commit_outbox(tx).await?;
    }
    Ok(refusal)
}

/// Whether a worker may still do the job: a notification always, a training while it runs.
async fn is_wanted(tx: &impl ConnectionTrait, ticket: &IssuedTicket) -> Result<bool, SqlError> {
    if ticket.kind != TaskKind::Train {
        return Ok(true);
    }
    let current = registration(tx, ticket).await?;
    Ok(current.is_some_and(|current| current.state() == TrainingState::Training))
}

/// The registration of the job's request. Locked, so that who deletes it withdraws what the ticket puts.
///
/// It is locked after its ticket, which is the order of who forgets a person, too.
async fn registration(
    tx: &impl ConnectionTrait,
    ticket: &IssuedTicket,
) -> Result<Option<registrations::Model>, SqlError> {
    let find = registrations::Entity::find()
        .filter(registrations::Column::RequestId.eq(ticket.request_id))
        .lock_shared();
    Ok(find.one(tx).await?)
}

async fn count(tx: &impl ConnectionTrait, claim: &TicketClaim) -> Result<(), SqlError> {
    Entity::update_many()
        .col_expr(Column::Redemptions, Expr::col(Column::Redemptions).add(1))
        .filter(Column::Digest.eq(claim.digest.0.to_vec()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Puts the ticket's task in the outbox again, unless it waits there.
async fn renew(
    tx: &impl ConnectionTrait,
    ticket: &IssuedTicket,
    claim: &TicketClaim,
) -> Result<(), SqlError> {
    Entity::update_many()
        .col_expr(Column::RenewedAt, Expr::value(claim.at))
        .filter(Column::Digest.eq(claim.digest.0.to_vec()))
        .exec(tx)
        .await?;
    if waits(tx, ticket).await? {
        return Ok(());
    }
    let entry = NewEntry {
        task: ticket.kind,
        service: &ticket.service,
        account: ticket.account,
        request_id: RequestId::new(ticket.request_id),
        at: claim.at,
        due_at: claim.at,
        trace: current_trace(),
    };
    entry.put(tx).await
}

async fn waits(tx: &impl ConnectionTrait, ticket: &IssuedTicket) -> Result<bool, SqlError> {
    use outbox::Column;
    let row = outbox::Entity::find()
        .filter(Column::Provider.eq(ticket.account.provider.as_str()))
        .filter(Column::ProviderUserId.eq(ticket.account.user_id.get()))
        .filter(Column::Task.eq(ticket.kind.as_str()))
        .filter(Column::RequestId.eq(ticket.request_id))
        .filter(Column::SetAsideAt.is_null())
        .one(tx)
        .await?;
    Ok(row.is_some())
}

/// Makes the tickets of an account void.
pub(crate) async fn void(
    tx: &impl ConnectionTrait,
    account: AccountId,
    at: DateTime<Utc>,
) -> Result<(), SqlError> {
    Entity::update_many()
        .col_expr(Column::VoidedAt, Expr::value(at))
        .filter(Column::Provider.eq(account.provider.as_str()))
        .filter(Column::ProviderUserId.eq(account.user_id.get()))
        .filter(Column::VoidedAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}
