//! Steps about the outbox, overdue trainings and upkeep.

use std::time::Duration;

use chrono::TimeDelta;
use lemon_domain::{
    ports::{
        Expiring, OutboxEntry, OverdueOutcome, OverdueStep, OverdueTraining, Purged, StoreError,
    },
    values::{BudgetKey, Task, Turn},
};

use super::{
    given::service,
    side::{Moment, StoreSide, latest, told},
    step::StoreStep,
};

const HOUR: Duration = Duration::from_hours(1);

impl StoreSide {
    pub(super) async fn of_upkeep(&mut self, step: &StoreStep, moment: Moment) -> String {
        let store = self.store.clone();
        match *step {
            StoreStep::Claim { max, lease_seconds } => {
                let lease = Duration::from_secs(lease_seconds.into());
                let claimed = store.claim(max, lease, moment.now).await;
                told(claimed.map(|claimed| self.remember_rows(claimed)))
            }
            StoreStep::Send => told(self.send(moment).await),
            StoreStep::Remove { row } => match self.row(row) {
                Some(row) => told(store.remove(&[row.id]).await),
                None => String::new(),
            },
            StoreStep::Postpone { row, seconds } => match self.row(row) {
                Some(row) => {
                    let until = moment.now + TimeDelta::seconds(seconds.into());
                    told(store.postpone(row, until).await)
                }
                None => String::new(),
            },
            StoreStep::SetAside { row } => match self.row(row) {
                Some(row) => told(store.set_aside(row, moment.now).await),
                None => String::new(),
            },
            StoreStep::Overdue {
                other_service,
                hours,
                max,
            } => {
                let (service, deadline) = (service(other_service), hours * HOUR);
                let found = store
                    .overdue(&service, deadline, None, max, moment.now)
                    .await;
                told(found.map(|found| self.remember_overdue(found)))
            }
            StoreStep::Settle { training, fail } => self.settle(training, fail, moment).await,
            StoreStep::Retry(whose) => told(store.retry(self.latest(whose), moment.now).await),
            StoreStep::Purge(what) => {
                let purged = store.purge(what, moment.now).await;
                // A store may add up its totals at each question.
                told(purged.map(|it| match what {
                    Expiring::BudgetTotals => Purged::default(),
                    _ => it,
                }))
            }
            StoreStep::CorrectTotals => told(self.correct_totals().await),
            _ => String::new(),
        }
    }

    async fn send(&mut self, moment: Moment) -> Result<Vec<String>, StoreError> {
        let store = self.store.clone();
        let claimed = store.claim(100, HOUR, moment.now).await?;
        let ids: Vec<i64> = claimed.iter().map(|row| row.id).collect();
        store.remove(&ids).await?;
        Ok(self.remember_rows(claimed))
    }

    fn row(&self, number: usize) -> Option<&OutboxEntry<Task>> {
        latest(&self.rows, number)
    }

    /// What every store tells of a row; rows that are told alike are put in the same order.
    fn remember_rows(&mut self, mut claimed: Vec<OutboxEntry<Task>>) -> Vec<String> {
        let row = |it: &OutboxEntry<Task>| {
            let (task, request_id) = (&it.content, it.request_id);
            format!("{task:?} {request_id:?} {} {}", it.attempt, it.created_at)
        };
        claimed.sort_by_cached_key(|it| (row(it), it.id));
        let rows = claimed.iter().map(row).collect();
        self.rows.extend(claimed);
        rows
    }

    fn remember_overdue(&mut self, found: Vec<OverdueTraining>) -> Vec<OverdueTraining> {
        self.overdue.extend(found.clone());
        let alike = found.into_iter().map(|mut it| {
            it.user = self.alike(it.user);
            it
        });
        let mut alike: Vec<_> = alike.collect();
        alike.sort_by_key(OverdueTraining::position);
        alike
    }

    async fn settle(&self, training: usize, fail: bool, moment: Moment) -> String {
        let Some(training) = latest(&self.overdue, training) else {
            return String::new();
        };
        let running = self.keys.iter().filter(|it| it.window.end > moment.now);
        let step = if fail {
            OverdueStep::Fail {
                running: running.cloned().collect(),
            }
        } else {
            OverdueStep::Announce
        };
        let settled = self.store.settle(training, step).await;
        told(settled.map(|outcome| match outcome {
            OverdueOutcome::Failed {
                turn: Some(Turn { user, number }),
            } => {
                let user = self.alike(user);
                OverdueOutcome::Failed {
                    turn: Some(Turn { user, number }),
                }
            }
            other => other,
        }))
    }

    async fn correct_totals(&self) -> Result<(), StoreError> {
        for key in &self.keys {
            let _was_wrong: bool = self.store.correct_total(key).await?;
        }
        Ok(())
    }

    /// The budgets whose windows run.
    pub(super) fn running(&self, moment: chrono::DateTime<chrono::Utc>) -> Vec<&BudgetKey> {
        let running = self.keys.iter().filter(|it| it.window.end > moment);
        running.collect()
    }
}
