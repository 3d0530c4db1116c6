use std::{sync::Arc, time::Duration};

use secrecy::zeroize::Zeroizing;

use crate::{
    ports::{Clock, IdSource, JobTickets, NewTicket, StoreError},
    values::{JobTicket, RequestId, Task},
};

/// Issues the tickets that jobs carry instead of credentials.
pub struct Ticketing {
    /// Tickets.
    pub tickets: Arc<dyn JobTickets>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Makes tickets.
    pub ids: Arc<dyn IdSource>,
    /// How long a ticket can be redeemed.
    pub lifetime: Duration,
}

impl Ticketing {
    /// A fresh ticket for each job, in order. All are stored together.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn issue<'a>(
        &self,
        jobs: impl IntoIterator<Item = (&'a Task, RequestId)>,
    ) -> Result<Vec<JobTicket>, StoreError> {
        let (issued_at, mut fresh, mut new) = (self.clock.now(), Vec::new(), Vec::new());
        for (task, request_id) in jobs {
            let ticket = self.fresh();
            new.push(NewTicket {
                digest: ticket.digest(),
                task: task.clone(),
                request_id,
                issued_at,
                expires_at: issued_at + self.lifetime,
            });
            fresh.push(ticket);
        }
        if !new.is_empty() {
            self.tickets.issue(&new).await?;
        }
        Ok(fresh)
    }

    fn fresh(&self) -> JobTicket {
        let mut bytes = Zeroizing::new([0; JobTicket::BYTES]);
        self.ids.fill(&mut *bytes);
        JobTicket::of_random(&bytes)
    }
}
