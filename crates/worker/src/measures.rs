//! The metrics of this crate: their names, their labels, and every value that a label can have.

use lemon_domain::{
    ports::FinishOutcome,
    values::{Catalogue, ServiceType},
};
use metrics::{counter, describe_counter};

const TRAININGS: &str = "lemon_trainings_total";
const ANNOUNCED_AGAIN: &str = "lemon_trainings_announced_again_total";
const READY_MESSAGES: &str = "lemon_ready_messages_total";

/// The outcome of a ready message that cannot be handled.
pub(crate) const DEAD_LETTERED: &str = "dead_lettered";

/// Describes the metrics to the recorder, and makes every series begin at zero. To be called once, after the recorder is
/// installed.
pub fn register_metrics(catalogue: &Catalogue) {
    describe_counter!(
        TRAININGS,
        "Trainings that ended, by service and outcome: finished, or failed because the workers did not finish them."
    );
    describe_counter!(
        ANNOUNCED_AGAIN,
        "Trainings that missed their deadline and were announced to the workers again, by service."
    );
    describe_counter!(
        READY_MESSAGES,
        "Ready messages that were handled, by outcome."
    );
    for service in catalogue.iter() {
        let service = &service.service_type;
        for outcome in TrainingEnd::ALL {
            count_trainings(service, outcome, 0);
        }
        count_announced_again(service, 0);
    }
    for outcome in READY_OUTCOMES {
        count_ready_messages(outcome, 0);
    }
}

/// How a training ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TrainingEnd {
    Finished,
    Failed,
}

impl TrainingEnd {
    const ALL: [Self; 2] = [Self::Finished, Self::Failed];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Failed => "failed",
        }
    }
}

pub(crate) fn training_ended(service: &ServiceType, end: TrainingEnd) {
    count_trainings(service, end, 1);
}

pub(crate) fn training_announced_again(service: &ServiceType) {
    count_announced_again(service, 1);
}

/// A ready message was handled, with this outcome.
pub(crate) fn ready_message(outcome: &'static str) {
    count_ready_messages(outcome, 1);
}

/// The outcomes of ready messages: those of [`name_of`], and the last resort.
const READY_OUTCOMES: [&str; 5] = [
    "finished",
    "already_finished",
    "superseded",
    "not_registered",
    DEAD_LETTERED,
];

/// The name of an outcome in metrics and logs.
pub(crate) const fn name_of(outcome: FinishOutcome) -> &'static str {
    match outcome {
        FinishOutcome::Finished { .. } => "finished",
        FinishOutcome::AlreadyFinished => "already_finished",
        FinishOutcome::Superseded => "superseded",
        FinishOutcome::NotRegistered => "not_registered",
    }
}

fn count_trainings(service: &ServiceType, end: TrainingEnd, trainings: u64) {
    counter!(TRAININGS, "service" => service.to_string(), "outcome" => end.as_str())
        .increment(trainings);
}

fn count_announced_again(service: &ServiceType, trainings: u64) {
    counter!(ANNOUNCED_AGAIN, "service" => service.to_string()).increment(trainings);
}

fn count_ready_messages(outcome: &'static str, messages: u64) {
    counter!(READY_MESSAGES, "outcome" => outcome).increment(messages);
}
