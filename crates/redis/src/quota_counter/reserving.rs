use std::sync::Arc;

use fred::types::scripts::Script;
use futures::future::join_all;
use lemon_batching::{Batch, Waiting};
use lemon_domain::{
    ports::{Reservation, ReserveOutcome},
    values::Budget,
};
use tokio::time::Instant;

use super::answers::outcome;
use crate::{
    connections::RedisConnections,
    error::{RedisFault, SharedFault},
    keys::{RedisKeys, expiry, field},
    script::{ScriptAnswer, ScriptCall},
};

/// A reservation, and until when its caller waits.
pub(super) struct AskedReservation {
    pub(super) reservation: Reservation,
    pub(super) until: Instant,
}

/// What a caller gets. Those whose reservations went together share a fault.
pub(super) type ReservationAnswer = Result<ReserveOutcome, SharedFault>;

type WaitingReservation = Waiting<AskedReservation, ReservationAnswer>;

/// Reserves for the holders who wait: those who want the same go in one script, one after another.
pub(super) struct ReservingScript {
    pub(super) connections: Arc<RedisConnections>,
    pub(super) script: Script,
    pub(super) keys: RedisKeys,
}

impl Batch for ReservingScript {
    type Question = AskedReservation;
    type Answer = ReservationAnswer;

    /// A script this long takes the server about a millisecond.
    const MAX_TOGETHER: usize = 64;

    async fn answer(&self, together: Vec<WaitingReservation>) {
        let groups = by_budgets(together).into_iter();
        join_all(groups.map(|group| self.reserve(group))).await;
    }
}

/// The reservations in groups with the same budgets.
fn by_budgets(together: Vec<WaitingReservation>) -> Vec<Vec<WaitingReservation>> {
    let mut groups: Vec<Vec<WaitingReservation>> = Vec::new();
    for waiting in together {
        let budgets = &waiting.question.reservation.budgets;
        let group = groups
            .iter_mut()
            .find(|group| group[0].question.reservation.budgets == *budgets);
        match group {
            Some(group) => group.push(waiting),
            None => groups.push(vec![waiting]),
        }
    }
    groups
}

impl ReservingScript {
    async fn reserve(&self, mut group: Vec<WaitingReservation>) {
        let Some(first) = group.first() else { return };
        let budgets = first.question.reservation.budgets.clone();
        match self.answers(&mut group, &budgets).await {
            Ok(answers) => {
                for (waiting, answer) in group.into_iter().zip(answers) {
                    let answer = answer.and_then(|answer| outcome(answer, &budgets));
                    waiting.tell(answer.map_err(SharedFault::from));
                }
            }
            Err(fault) => {
                let fault = SharedFault::from(fault);
                for waiting in group {
                    waiting.tell(Err(fault.clone()));
                }
            }
        }
    }

    /// The answer for each of the group who still waits when the script is sent, in order. Nothing is reserved for the others:
    /// they may have given back already.
    async fn answers(
        &self,
        group: &mut Vec<WaitingReservation>,
        budgets: &[Budget],
    ) -> Result<Vec<Result<ScriptAnswer, RedisFault>>, RedisFault> {
        let Some(until) = group.iter().map(|waiting| waiting.question.until).min() else {
            return Ok(Vec::new());
        };
        let call = || {
            group.retain(Waiting::is_waiting);
            let reservations = group.iter().map(|waiting| &waiting.question.reservation);
            (!group.is_empty()).then(|| ScriptCall {
                script: &self.script,
                keys: (budgets.iter())
                    .flat_map(|budget| self.keys.of(&budget.key))
                    .collect(),
                args: arguments(reservations, budgets),
            })
        };
        let answer = self.connections.run_while(call, until).await?;
        match (answer, group.len()) {
            (None, _) => Ok(Vec::new()),
            (Some(answer), 1) => Ok(vec![Ok(answer)]),
            (Some(ScriptAnswer::Each(each)), many) if each.len() == many => {
                Ok(each.into_iter().map(ScriptAnswer::read).collect())
            }
            (Some(_), _) => Err(RedisFault::Answer),
        }
    }
}

/// As the script wants them: the first holder, what each wants, and the other holders.
fn arguments<'a>(
    mut reservations: impl Iterator<Item = &'a Reservation>,
    budgets: &[Budget],
) -> Vec<String> {
    let holder = |reservation: &Reservation| {
        let at = reservation.at.timestamp_micros();
        [field(&reservation.holder), at.to_string()]
    };
    let first = reservations.next().into_iter().flat_map(holder);
    let wanted = budgets.iter().flat_map(|budget| {
        [
            budget.limit.to_string(),
            budget.units.to_string(),
            expiry(&budget.key).to_string(),
        ]
    });
    let mut arguments: Vec<String> = first.chain(wanted).collect();
    arguments.extend(reservations.flat_map(holder));
    arguments
}
