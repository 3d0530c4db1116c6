use std::collections::HashSet;

use chrono::{DateTime, Utc};
use futures::{StreamExt, stream};
use lemon_batching::{Batch, Batches, Waiting};
use lemon_domain::{
    ports::{NewRegistration, RequestOutcome, ReservedPlace},
    values::{BudgetName, TaskKind},
};
use sea_orm::{ConnectionTrait, Statement, Value};
use tokio::time::timeout;
use uuid::Uuid;

use super::{places, request as separately};
use crate::{
    asked::AskedRequest,
    calls::Calls,
    error::{SqlError, tell_all},
};

/// How many requests are stored separately at a time, after they could not be stored together.
const SEPARATELY: usize = 4;

/// Stores requests, and is a transaction of its own. Its parameters are [`columns`].
const STORE: &str = include_str!("together.sql");

/// A request that waits for its answer.
type WaitingRequest = Waiting<AskedRequest, RequestAnswer>;

type RequestAnswer = Result<RequestOutcome, SqlError>;

/// Stores a request on a server: those that wait go to it in one statement, and are one commit.
///
/// The requests are independent: what cannot be stored together is stored separately, in transactions that say why a
/// request is refused.
pub(super) async fn request(
    calls: &Calls,
    batches: &Batches<Calls>,
    new: AskedRequest,
) -> RequestAnswer {
    match only_place(&new) {
        Some(_) => {
            let answer = batches.ask(new).await;
            answer.unwrap_or_else(|_| Err(SqlError::TimedOut(calls.deadline())))
        }
        None => separately::request(calls, &new).await,
    }
}

/// The request's place, if it is one of the day alone. The units of other budgets are added up in rows that all requests
/// share, which must be locked as briefly as possible.
fn only_place(new: &NewRegistration) -> Option<&ReservedPlace> {
    match new.places.as_slice() {
        [place] if place.is_of_the_day() && place.can_fit() => Some(place),
        _ => None,
    }
}

impl Batch for Calls {
    type Question = AskedRequest;
    type Answer = RequestAnswer;

    const MAX_TOGETHER: usize = 64;

    async fn answer(&self, together: Vec<WaitingRequest>) {
        let (first, again) = first_of_each(together);
        let storing = timeout(self.deadline(), store(self, &first)).await;
        match storing.unwrap_or(Err(SqlError::TimedOut(self.deadline()))) {
            Ok(stored) => {
                let mut others = again;
                for waiting in first {
                    if stored.contains(&waiting.question.request_id.get()) {
                        waiting.tell(Ok(RequestOutcome::Registered));
                    } else {
                        others.push(waiting);
                    }
                }
                each(self, others).await;
            }
            Err(error) if error.is_of_one() => {
                each(self, first.into_iter().chain(again).collect()).await;
            }
            Err(error) => tell_all(first.into_iter().chain(again).collect(), error),
        }
    }
}

/// The requests that are stored.
async fn store(calls: &Calls, together: &[WaitingRequest]) -> Result<HashSet<Uuid>, SqlError> {
    let (writer, values) = (calls.writer(), columns(together)?);
    let store = Statement::from_sql_and_values(writer.get_database_backend(), STORE, values);
    let rows = writer.query_all_raw(store).await?;
    if !rows.is_empty() {
        calls.outbox().give();
    }
    let stored = rows.iter().map(|row| row.try_get_by_index(0));
    Ok(stored.collect::<Result<_, _>>()?)
}

/// Stores each request separately.
async fn each(calls: &Calls, together: Vec<WaitingRequest>) {
    let waiting = together.into_iter().filter(Waiting::is_waiting);
    stream::iter(waiting)
        .for_each_concurrent(SEPARATELY, |waiting| async {
            let deadline = calls.deadline();
            let stored = timeout(deadline, separately::request(calls, &waiting.question));
            let outcome = stored.await.unwrap_or(Err(SqlError::TimedOut(deadline)));
            waiting.tell(outcome);
        })
        .await;
}

/// Those that one statement can store, and further ones of the same person for the same service.
fn first_of_each(together: Vec<WaitingRequest>) -> (Vec<WaitingRequest>, Vec<WaitingRequest>) {
    let mut seen = HashSet::new();
    together.into_iter().partition(|waiting| {
        let new = &waiting.question;
        seen.insert((new.identity.user, new.service.clone()))
    })
}

/// The requests as arrays, one for each column of the statement, and its constants.
fn columns(together: &[WaitingRequest]) -> Result<[Value; 20], SqlError> {
    let mut rows = Vec::with_capacity(together.len());
    for waiting in together {
        let new: &NewRegistration = &waiting.question;
        rows.push((new, only_place(new).ok_or(SqlError::NoPlace)?));
    }
    let each = |of: fn(&NewRegistration, &ReservedPlace) -> i64| -> Value {
        let values: Vec<i64> = rows.iter().map(|(new, place)| of(new, place)).collect();
        values.into()
    };
    let texts = |of: fn(&NewRegistration, &ReservedPlace) -> String| -> Value {
        let values: Vec<String> = rows.iter().map(|(new, place)| of(new, place)).collect();
        values.into()
    };
    let times = |of: fn(&NewRegistration, &ReservedPlace) -> DateTime<Utc>| -> Value {
        let values: Vec<DateTime<Utc>> = rows.iter().map(|(new, place)| of(new, place)).collect();
        values.into()
    };
    let request_ids: Vec<Uuid> = rows.iter().map(|(new, _)| new.request_id.get()).collect();
    let traces = together.iter().map(|waiting| {
        let trace = waiting.question.trace.as_ref();
        trace.map(ToString::to_string).unwrap_or_default()
    });
    let traces: Vec<String> = traces.collect();
    Ok([
        each(|new, _| new.identity.user.get()),
        texts(|new, _| new.service.as_str().to_owned()),
        each(|new, _| new.turn.into()),
        texts(|new, _| new.identity.account.provider.as_str().to_owned()),
        each(|new, _| new.identity.account.user_id.get()),
        request_ids.into(),
        times(|new, _| new.at),
        times(|new, _| new.cooldown_until),
        times(|new, place| new.cooldown_until.max(place.key.window.end)),
        texts(|new, _| {
            let key = new.attempt.as_ref().map(|attempt| attempt.key.as_str());
            key.unwrap_or_default().to_owned()
        }),
        times(|new, _| {
            let until = new.attempt.as_ref().map(|attempt| attempt.remembered_until);
            until.unwrap_or(new.at)
        }),
        texts(|_, place| place.key.scope.as_str().to_owned()),
        times(|_, place| place.key.window.start),
        each(|_, place| place.seat.into()),
        each(|_, place| place.limit.into()),
        each(places::fingerprint_of),
        texts(|new, _| places::other_holder(new).unwrap_or_default()),
        traces.into(),
        TaskKind::Train.as_str().into(),
        BudgetName::daily().as_str().into(),
    ])
}
