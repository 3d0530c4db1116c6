//! The metrics of this crate: their names, their labels, and every value that a label can have.

use lemon_domain::values::QueueName;
use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

const DELIVERIES: &str = "lemon_deliveries_total";
const DEAD_LETTERS: &str = "lemon_dead_letters_total";
const IN_FLIGHT: &str = "lemon_deliveries_in_flight";
const HELD: &str = "lemon_deliveries_held";
const JOBS_SENT: &str = "lemon_jobs_sent_total";
const JOBS_UNSENT: &str = "lemon_jobs_unsent_total";

/// Describes the metrics to the recorder, and makes every series begin at zero: the rate of a series that appears with
/// its first event does not count that event. To be called once, after the recorder is installed.
///
/// `consumed` are the queues that consumers receive from, `sent_to` those that relays send to.
pub fn register_metrics<'a>(
    consumed: impl IntoIterator<Item = &'a QueueName>,
    sent_to: impl IntoIterator<Item = &'a QueueName>,
) {
    describe_counter!(DELIVERIES, "Deliveries that ended, by queue and outcome.");
    describe_counter!(
        DEAD_LETTERS,
        "Messages that this program dead-lettered, by queue and reason. The queue itself dead-letters others after too \
         many receives."
    );
    describe_gauge!(IN_FLIGHT, "Deliveries that are being handled, by queue.");
    describe_gauge!(
        HELD,
        "Deliveries in flight that wait for something that is unavailable, by queue."
    );
    describe_counter!(
        JOBS_SENT,
        "Outbox rows whose message a queue has confirmed, by queue."
    );
    describe_counter!(
        JOBS_UNSENT,
        "Outbox rows that were claimed and not sent, by outcome: postponed, dropped, set aside for the operator."
    );
    for queue in consumed {
        ConsumerMetrics::of(queue);
    }
    for queue in sent_to {
        jobs_sent(queue, 0);
    }
    for outcome in UnsentOutcome::ALL {
        jobs_unsent(outcome, 0);
    }
}

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeliveryOutcome {
    Done,
    Retried,
    DeadLettered,
    /// It was to be dead-lettered, and is received again instead.
    DeadLetterFailed,
    GivenBack,
    LeaseLost,
}

impl DeliveryOutcome {
    const ALL: [Self; 6] = [
        Self::Done,
        Self::Retried,
        Self::DeadLettered,
        Self::DeadLetterFailed,
        Self::GivenBack,
        Self::LeaseLost,
    ];

    /// Whether the message was not handled, because of itself or of its handler.
    pub(crate) const fn is_failure(self) -> bool {
        match self {
            Self::Retried | Self::DeadLettered | Self::DeadLetterFailed => true,
            Self::Done | Self::GivenBack | Self::LeaseLost => false,
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retried => "retried",
            Self::DeadLettered => "dead_lettered",
            Self::DeadLetterFailed => "dead_letter_failed",
            Self::GivenBack => "given_back",
            Self::LeaseLost => "lease_lost",
        }
    }
}

/// Why a message is dead-lettered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeadLetterCause {
    /// The body cannot be decoded.
    Malformed,
    /// The handler says that it can never succeed.
    Refused,
    /// The handler failed at each receive.
    Exhausted,
    /// It was held at each receive while others succeeded.
    FailedAlone,
    /// The handler panicked at the last receive.
    Panicked,
}

impl DeadLetterCause {
    const ALL: [Self; 5] = [
        Self::Malformed,
        Self::Refused,
        Self::Exhausted,
        Self::FailedAlone,
        Self::Panicked,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Refused => "refused",
            Self::Exhausted => "exhausted",
            Self::FailedAlone => "failed_alone",
            Self::Panicked => "panicked",
        }
    }
}

/// The metrics of a queue that is consumed.
pub(crate) struct ConsumerMetrics {
    ended: [Counter; DeliveryOutcome::ALL.len()],
    dead_letters: [Counter; DeadLetterCause::ALL.len()],
    in_flight: Gauge,
    held: Gauge,
}

/// Adds one to a gauge for as long as this value lives.
pub(crate) struct Counted(Gauge);

impl ConsumerMetrics {
    pub(crate) fn of(queue: &QueueName) -> Self {
        let queue = || queue.to_string();
        Self {
            ended: DeliveryOutcome::ALL.map(
                |outcome| counter!(DELIVERIES, "queue" => queue(), "outcome" => outcome.as_str()),
            ),
            dead_letters: DeadLetterCause::ALL.map(
                |cause| counter!(DEAD_LETTERS, "queue" => queue(), "reason" => cause.as_str()),
            ),
            in_flight: gauge!(IN_FLIGHT, "queue" => queue()),
            held: gauge!(HELD, "queue" => queue()),
        }
    }

    /// A delivery ended in this way.
    pub(crate) fn ended(&self, outcome: DeliveryOutcome) {
        self.ended[outcome as usize].increment(1);
    }

    /// A message was dead-lettered.
    pub(crate) fn dead_lettered(&self, cause: DeadLetterCause) {
        self.dead_letters[cause as usize].increment(1);
    }

    pub(crate) fn in_flight(&self) -> Counted {
        Counted::one_of(&self.in_flight)
    }

    pub(crate) fn held(&self) -> Counted {
        Counted::one_of(&self.held)
    }
}

impl Counted {
    fn one_of(gauge: &Gauge) -> Self {
        gauge.increment(1);
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

/// Why an outbox row was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnsentOutcome {
    Postponed,
    Dropped,
    SetAside,
}

impl UnsentOutcome {
    const ALL: [Self; 3] = [Self::Postponed, Self::Dropped, Self::SetAside];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Postponed => "postponed",
            Self::Dropped => "dropped",
            Self::SetAside => "set_aside",
        }
    }
}

/// Rows were sent to a queue.
pub(crate) fn jobs_sent(queue: &QueueName, rows: usize) {
    counter!(JOBS_SENT, "queue" => queue.to_string()).increment(rows as u64);
}

/// Rows were not sent.
pub(crate) fn jobs_unsent(outcome: UnsentOutcome, rows: u64) {
    counter!(JOBS_UNSENT, "outcome" => outcome.as_str()).increment(rows);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_finds_its_own_counter() {
        for (place, outcome) in DeliveryOutcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, place, "{outcome:?}");
        }
        for (place, cause) in DeadLetterCause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, place, "{cause:?}");
        }
    }
}
