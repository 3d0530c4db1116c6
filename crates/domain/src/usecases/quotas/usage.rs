use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::{MAX_RESTORES, Quotas, QuotasError, forgets, keys, latest::AskedAt};
use crate::{
    values::{Budget, BudgetKey},
    waiting::{Neighbour, wait_for},
};

/// A shared question is at most one flight too old: the next one begins after the call.
const MAX_FLIGHTS: usize = 2;

/// What a counter answered for some windows, and as of when; `None` for a window that it does not know.
pub(super) type UsageAnswer = (AskedAt, Vec<Option<u32>>);

impl Quotas {
    /// Units taken of each budget: of this moment, or up to the [`max_age`](Self::with_max_age) older, but never from
    /// before a change that was made through this value.
    ///
    /// # Errors
    /// If the counter fails, or cannot be restored.
    pub async fn usage(&self, budgets: &[Budget]) -> Result<Vec<u32>, QuotasError> {
        let keys = keys(budgets);
        if self.max_age > TimeDelta::zero()
            && let Some(recent) = self.recent(&keys).await?
        {
            return Ok(recent);
        }
        for _ in 0..=MAX_RESTORES {
            let asked = self.latest.asking(self.restorer.clock.now());
            let asking = self.restorer.counter.usage(&keys);
            let usage = wait_for(Neighbour::Quota, asking).await?;
            if let Some(known) = self.known(&keys, (asked, usage)) {
                return Ok(known);
            }
            self.restore_unknown(&keys).await?;
        }
        Err(forgets())
    }

    /// What the counter was asked recently, or else is asked now, together with all callers that ask at the same time;
    /// `None` if it does not know a window, or if changes overtake the question.
    async fn recent(&self, keys: &[BudgetKey]) -> Result<Option<Vec<u32>>, QuotasError> {
        let called = self.latest.asking(self.restorer.clock.now());
        let earliest = called
            .at
            .checked_sub_signed(self.max_age)
            .unwrap_or(DateTime::<Utc>::MIN_UTC);
        if let Some(recent) = self.latest.recent(keys, earliest, called) {
            return Ok(Some(recent));
        }
        for _ in 0..MAX_FLIGHTS {
            let counter = Arc::clone(&self.restorer.counter);
            let (asked, of) = (self.latest.asking(self.restorer.clock.now()), keys.to_vec());
            let question = async move { Ok((asked, counter.usage(&of).await?)) };
            let both = (keys.to_vec(), asked.changes);
            let answer = wait_for(Neighbour::Quota, self.questions.under_way(&both, question))
                .await
                .map_err(QuotasError::Shared)?;
            let in_time = earliest <= answer.0.at && called.changes <= answer.0.changes;
            match self.known(keys, answer) {
                Some(known) if in_time => return Ok(Some(known)),
                Some(_) => {}
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Publishes an answer, if the counter knows all windows.
    fn known(&self, keys: &[BudgetKey], (asked, usage): UsageAnswer) -> Option<Vec<u32>> {
        let known = usage.into_iter().collect::<Option<Vec<_>>>()?;
        self.latest.note(keys, &known, asked);
        Some(known)
    }

    /// Units taken of each budget as far as they are known without the counter: what it last told this process, or else
    /// what is recorded. Places may have been taken or given back since.
    ///
    /// # Errors
    /// If a window was never asked for, and the record cannot be read.
    pub async fn last_known(&self, budgets: &[Budget]) -> Result<Vec<u32>, QuotasError> {
        let mut known = Vec::with_capacity(budgets.len());
        for budget in budgets {
            let used = match self.latest.of(&budget.key) {
                Some(used) => used,
                None => self.restorer.recorded_units(&budget.key).await?,
            };
            known.push(used);
        }
        // Older than any answer of the counter, and never recent.
        let never = AskedAt {
            changes: 0,
            at: DateTime::<Utc>::MIN_UTC,
        };
        self.latest.note(&keys(budgets), &known, never);
        Ok(known)
    }
}
