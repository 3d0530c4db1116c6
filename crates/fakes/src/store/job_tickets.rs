use async_trait::async_trait;
use lemon_domain::{
    ports::{
        JobTickets, MAX_REDEMPTIONS, NewTicket, StoreError, TICKET_MEMORY, TicketClaim,
        TicketOutcome,
    },
    values::{AccountId, TaskKind, TrainingState},
};

use super::{MemoryStore, StoreState};

/// A ticket that was issued.
#[derive(Debug)]
pub(super) struct StoredTicket {
    ticket: NewTicket,
    redemptions: u32,
    is_void: bool,
    is_renewed: bool,
}

impl StoredTicket {
    pub(super) fn is_over(&self, by: chrono::DateTime<chrono::Utc>) -> bool {
        self.ticket.expires_at + TICKET_MEMORY <= by
    }
}

#[async_trait]
impl JobTickets for MemoryStore {
    async fn issue(&self, tickets: &[NewTicket]) -> Result<(), StoreError> {
        let mut state = self.state().await;
        for ticket in tickets {
            if state.sealed_account(ticket.task.account).is_none() {
                continue;
            }
            let stored = StoredTicket {
                ticket: ticket.clone(),
                redemptions: 0,
                is_void: false,
                is_renewed: false,
            };
            state.tickets.insert(ticket.digest, stored);
        }
        Ok(())
    }

    async fn redeem(&self, claim: &TicketClaim) -> Result<TicketOutcome, StoreError> {
        let mut state = self.state().await;
        let rows = state.outbox.len();
        let outcome = state.redeem(claim);
        if state.outbox.len() > rows {
            self.row_put.notify_one();
        }
        Ok(outcome)
    }
}

impl StoreState {
    fn redeem(&mut self, claim: &TicketClaim) -> TicketOutcome {
        let is_of_job = |stored: &&mut StoredTicket| {
            let NewTicket {
                task, request_id, ..
            } = &stored.ticket;
            task.kind == claim.kind && *request_id == claim.request_id
        };
        let mut registrations = self.registrations.values();
        let state = registrations
            .find(|current| current.shown.request_id == claim.request_id)
            .map(|current| current.shown.state);
        let found = self.tickets.get_mut(&claim.digest).filter(is_of_job);
        let Some(stored) = found else {
            return TicketOutcome::Unknown;
        };
        let is_over = claim.kind == TaskKind::Train && state != Some(TrainingState::Training);
        if stored.is_void || is_over {
            return TicketOutcome::Void;
        }
        let task = stored.ticket.task.clone();
        let refusal = if stored.ticket.expires_at <= claim.at {
            TicketOutcome::Expired
        } else if stored.redemptions >= MAX_REDEMPTIONS {
            TicketOutcome::Used
        } else {
            stored.redemptions += 1;
            return TicketOutcome::Granted {
                account: task.account,
                service: task.service,
                redemptions: stored.redemptions,
            };
        };
        if state.is_none() {
            return refusal;
        }
        let was_renewed = std::mem::replace(&mut stored.is_renewed, true);
        let waits = self.outbox.values().any(|row| {
            row.entry.content == task
                && row.entry.request_id == claim.request_id
                && row.set_aside_at.is_none()
        });
        if !was_renewed && !waits {
            let (kind, account) = (task.kind, task.account);
            self.put_row(kind, &task.service, account, claim.request_id, claim.at);
        }
        refusal
    }

    /// Makes the tickets of these accounts void.
    pub(super) fn void_tickets(&mut self, accounts: &[AccountId]) {
        for stored in self.tickets.values_mut() {
            stored.is_void |= accounts.contains(&stored.ticket.task.account);
        }
    }
}
