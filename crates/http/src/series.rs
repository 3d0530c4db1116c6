use lemon_domain::values::Catalogue;

use crate::{measures, openapi, worker_calls};

/// Describes the metrics to the recorder, and makes the series of every documented answer and of every outcome begin at
/// zero: the rate of a series that appears with its first event does not count that event. To be called once, after the
/// recorder is installed.
pub fn register_metrics(catalogue: &Catalogue) {
    measures::describe();
    measures::begin(catalogue);
    for answer in openapi::answers() {
        measures::begin_answer(&answer.method, &answer.route, answer.status);
    }
    worker_calls::begin_answers();
    measures::ready().set(0.0);
}
