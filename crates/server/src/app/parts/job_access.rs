//! How jobs reach the credentials of their account.

use std::sync::Arc;

use anyhow::Context;
use lemon_domain::usecases::{Dispatch, Redeeming, Ticketing};
use lemon_http::{Listener, WorkerCalls};

use super::Parts;
use crate::app::supervisor::Supervisor;

impl Parts {
    /// Makes jobs of the outbox's rows.
    pub(super) fn dispatch(&self) -> Dispatch {
        let lifetime = self.plan.job_credentials.ticket_lifetime;
        Dispatch {
            catalogue: Arc::clone(&self.plan.catalogue),
            accounts: self.store.clone(),
            keys: Arc::clone(&self.plan.sealing_keys),
            tickets: lifetime.map(|lifetime| Ticketing {
                tickets: self.store.clone(),
                clock: Arc::clone(&self.clock),
                ids: Arc::clone(&self.ids),
                lifetime,
            }),
        }
    }

    /// Answers workers that redeem tickets.
    pub(crate) fn answer_workers(&self, listener: Listener, front: &mut Supervisor) {
        let Some(calls) = &self.plan.job_credentials.calls else {
            return;
        };
        let redeeming = Redeeming {
            tickets: self.store.clone(),
            accounts: self.store.clone(),
            keys: Arc::clone(&self.plan.sealing_keys),
            clock: Arc::clone(&self.clock),
        };
        let (keys, ids) = (calls.keys.clone(), Arc::clone(&self.ids));
        let calls = WorkerCalls::new(listener, keys, Arc::new(redeeming), ids)
            .with_hosts(self.plan.protection.hosts.clone());
        let stop = front.stop();
        front.spawn("calls of workers", async move {
            calls.run(stop).await.context("they cannot be served")
        });
    }
}
