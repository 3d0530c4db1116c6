//! The gauges of the whole program: their names, their labels, and every value that a label can have.
//!
//! A gauge whose value is not known is NaN: no alert compares with a value that was right once.

use std::time::Duration;

use chrono::TimeDelta;
use lemon_domain::{
    ports::{Backlog, Depth},
    values::{BudgetKey, Catalogue, Directive, PausablePart, QueueName, ServiceType},
};
use lemon_postgres::PoolStatus;
use metrics::{Unit, describe_gauge, gauge};

const BUILD: &str = "lemon_build_info";
const OUTBOX_ROWS: &str = "lemon_outbox_rows";
const OUTBOX_SET_ASIDE: &str = "lemon_outbox_rows_set_aside";
const OUTBOX_OLDEST: &str = "lemon_outbox_oldest_seconds";
const OLDEST_TRAINING: &str = "lemon_oldest_unfinished_training_seconds";
const TRAINING_DEADLINE: &str = "lemon_training_deadline_seconds";
const QUOTA_LIMIT: &str = "lemon_quota_limit";
const QUOTA_USED: &str = "lemon_quota_used";
const QUOTA_LEFT: &str = "lemon_quota_left";
const QUEUE_MESSAGES: &str = "lemon_queue_messages";
const CONNECTIONS: &str = "lemon_store_connections";
const MOST_CONNECTIONS: &str = "lemon_store_connections_max";
const WAITING_CALLS: &str = "lemon_store_calls_waiting";
const CLOCK_SKEW: &str = "lemon_clock_skew_seconds";
const PAUSED: &str = "lemon_paused";

/// Describes the gauges to the recorder, and makes every series begin.
pub(super) fn register(catalogue: &Catalogue) {
    describe();
    let features = if cfg!(feature = "sandbox") {
        "sandbox"
    } else {
        "none"
    };
    gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION"), "features" => features).set(1.0);
    show_backlog(None);
    for service in catalogue.iter() {
        show_oldest_training(&service.service_type, None);
        let deadline = service.training.deadline.as_secs_f64();
        gauge!(TRAINING_DEADLINE, "service" => service.service_type.to_string()).set(deadline);
        // The series of a budget are the same in every window.
        for budget in service.budgets_at(chrono::DateTime::UNIX_EPOCH) {
            show_quota(&budget.key, budget.limit, None);
        }
    }
    for queue in catalogue.queues() {
        show_depth(&queue, None);
    }
    show_pool(None);
    show_clock_skew(None);
    for part in pausable(catalogue) {
        show_paused(&part, false);
    }
}

/// The parts that operators can pause.
pub(super) fn pausable(catalogue: &Catalogue) -> Vec<PausablePart> {
    let services = catalogue.iter().map(|it| it.service_type.clone());
    let mut parts: Vec<_> = services.map(PausablePart::Service).collect();
    parts.extend([PausablePart::Relay, PausablePart::Listener]);
    parts
}

fn describe() {
    describe_gauge!(
        BUILD,
        "1, with the version and the features of the program."
    );
    describe_gauge!(
        OUTBOX_ROWS,
        "Outbox rows that wait to be sent, those that are being sent included."
    );
    describe_gauge!(
        OUTBOX_SET_ASIDE,
        "Outbox rows that can never be sent and wait for the operator."
    );
    describe_gauge!(
        OUTBOX_OLDEST,
        Unit::Seconds,
        "Age of the oldest outbox row that waits to be sent, 0 without rows."
    );
    describe_gauge!(
        OLDEST_TRAINING,
        Unit::Seconds,
        "Time since the latest announcement of the training that has waited longest for the workers, by service; 0 \
         without trainings."
    );
    describe_gauge!(
        TRAINING_DEADLINE,
        Unit::Seconds,
        "Time that the workers have for a training, by service."
    );
    describe_gauge!(
        QUOTA_LIMIT,
        "Units of a budget in its current window, by budget and scope: a service, or \"shared\"."
    );
    describe_gauge!(
        QUOTA_USED,
        "Units of a budget that are taken in its current window, by budget and scope."
    );
    describe_gauge!(
        QUOTA_LEFT,
        "Units of a budget that are left in its current window, by budget and scope."
    );
    describe_gauge!(
        QUEUE_MESSAGES,
        "Messages of a queue, by queue and state: waiting, in_flight (or delayed), dead (in its dead-letter queue)."
    );
    describe_gauge!(
        CONNECTIONS,
        "Connections of this process to the store, by state: in_use, idle."
    );
    describe_gauge!(
        MOST_CONNECTIONS,
        "Connections that this process may have to the store."
    );
    describe_gauge!(
        WAITING_CALLS,
        "Calls of this process that wait for a connection to the store; NaN with SQLite, whose pool does not tell."
    );
    describe_gauge!(
        CLOCK_SKEW,
        Unit::Seconds,
        "How far this machine's clock is ahead of the store's; below 0 if it is behind."
    );
    describe_gauge!(
        PAUSED,
        "1 while an operator has paused the part: relay, listener, service:<type>."
    );
}

/// Shows the size of the outbox. Rows that are set aside wait for the operator.
pub(crate) fn show_backlog(backlog: Option<Backlog>) {
    gauge!(OUTBOX_ROWS).set(number(backlog.map(|it| it.rows)));
    gauge!(OUTBOX_SET_ASIDE).set(number(backlog.map(|it| it.set_aside)));
    gauge!(OUTBOX_OLDEST).set(seconds(backlog.map(|it| it.oldest)));
}

pub(super) fn show_oldest_training(service: &ServiceType, age: Option<Duration>) {
    gauge!(OLDEST_TRAINING, "service" => service.to_string()).set(seconds(age));
}

pub(super) fn show_quota(key: &BudgetKey, limit: u32, used: Option<u32>) {
    let left = used.map(|used| limit.saturating_sub(used));
    for (name, units) in [
        (QUOTA_LIMIT, Some(limit)),
        (QUOTA_USED, used),
        (QUOTA_LEFT, left),
    ] {
        gauge!(name, "scope" => key.scope.to_string(), "budget" => key.budget.to_string())
            .set(number(units.map(u64::from)));
    }
}

pub(super) fn show_depth(queue: &QueueName, depth: Option<Depth>) {
    for (state, messages) in [
        ("waiting", depth.map(|it| it.waiting)),
        ("in_flight", depth.map(|it| it.in_flight)),
        ("dead", depth.map(|it| it.dead)),
    ] {
        gauge!(QUEUE_MESSAGES, "queue" => queue.to_string(), "state" => state)
            .set(number(messages));
    }
}

pub(super) fn show_pool(pool: Option<PoolStatus>) {
    let of = |part: fn(PoolStatus) -> u32| number(pool.map(part).map(u64::from));
    gauge!(CONNECTIONS, "state" => "in_use").set(of(|it| it.in_use));
    gauge!(CONNECTIONS, "state" => "idle").set(of(|it| it.idle));
    gauge!(MOST_CONNECTIONS).set(of(|it| it.max));
    let waiting = pool.and_then(|it| it.waiting);
    gauge!(WAITING_CALLS).set(number(waiting.map(u64::from)));
}

pub(super) fn show_clock_skew(skew: Option<TimeDelta>) {
    gauge!(CLOCK_SKEW).set(skew.map_or(f64::NAN, TimeDelta::as_seconds_f64));
}

pub(super) fn show_paused(part: &PausablePart, is_paused: bool) {
    let directive = Directive::Pause(part.clone()).to_string();
    let part = directive.trim_start_matches("pause:").to_owned();
    gauge!(PAUSED, "part" => part).set(if is_paused { 1.0 } else { 0.0 });
}

fn number(number: Option<u64>) -> f64 {
    // Nothing here comes near to the largest number.
    number.map_or(f64::NAN, |it| u32::try_from(it).unwrap_or(u32::MAX).into())
}

fn seconds(time: Option<Duration>) -> f64 {
    time.map_or(f64::NAN, |it| it.as_secs_f64())
}
