use std::sync::Arc;

use anyhow::{Context, anyhow};
use lemon_domain::{
    ports::{RetryOutcome, StoreError},
    usecases::PeopleCare,
    values::{RequestId, TrainingState},
};
use lemon_system::SystemClock;
use serde::Serialize;
use tracing::info;

use super::{
    line,
    operator::{connect, operator, print_json},
};
use crate::{
    app::{Patience, StartError, StorePlan},
    cli::RegistrationsAction,
};

/// Announces a training again.
pub(crate) async fn run(
    plan: (StorePlan, Patience),
    action: RegistrationsAction,
    json: bool,
) -> Result<(), StartError> {
    let RegistrationsAction::Retry { request_id } = action;
    let store = Arc::new(connect(&plan).await?);
    let care = PeopleCare {
        people: store.clone(),
        deadlines: store,
        clock: Arc::new(SystemClock),
    };
    let request_id = RequestId::new(request_id);
    let outcome = care.retry(request_id).await;
    audit(request_id, &outcome);
    let outcome = outcome.context("the training cannot be announced")?;
    let told = told(&outcome)?;
    if json {
        let retried = RetriedTraining {
            request_id: request_id.to_string(),
            outcome: told.word,
        };
        return Ok(print_json(&retried)?);
    }
    Ok(line("training", &told.sentence)?)
}

/// Logs who did what, unless nothing has changed. If the outcome is not known, it may have been done.
fn audit(request_id: RequestId, outcome: &Result<RetryOutcome, StoreError>) {
    let is_complete = match outcome {
        Ok(RetryOutcome::Announced { .. } | RetryOutcome::Released { .. }) => true,
        Err(error) if !error.is_certain() => false,
        Ok(_) | Err(_) => return,
    };
    info!(
        audit = true,
        operator = operator(),
        request.id = %request_id,
        complete = is_complete,
        "an operator announced a training again"
    );
}

#[derive(Serialize)]
struct RetriedTraining {
    request_id: String,
    outcome: &'static str,
}

/// An outcome in a word, for programs, and in a sentence.
#[derive(Debug)]
struct ToldRetry {
    word: &'static str,
    sentence: String,
}

/// What became of a retry. That nothing can be announced is an error.
fn told(outcome: &RetryOutcome) -> anyhow::Result<ToldRetry> {
    let (word, sentence) = match outcome {
        RetryOutcome::Announced { announcements, .. } => (
            "announced",
            format!("announced again; that is announcement {announcements}"),
        ),
        RetryOutcome::Released { .. } => (
            "released",
            "its job was set aside, and will be sent now".to_owned(),
        ),
        RetryOutcome::Waiting => (
            "waiting",
            "its job was not sent yet and will be sent, so nothing was put".to_owned(),
        ),
        RetryOutcome::Ended(TrainingState::Failed) => {
            return Err(anyhow!(
                "the training has failed: its place was given back, and the person can register again"
            ));
        }
        RetryOutcome::Ended(_) => {
            return Err(anyhow!("the training has finished: nothing was announced"));
        }
        RetryOutcome::Unknown => {
            return Err(anyhow!(
                "no registration has this request as its latest: it was deleted or replaced, or never existed"
            ));
        }
    };
    Ok(ToldRetry { word, sentence })
}
