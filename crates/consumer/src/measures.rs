use lemon_domain::values::QueueName;
use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

/// The metrics of a queue.
pub(crate) struct ConsumerMetrics {
    queue: String,
    in_flight: Gauge,
    held: Gauge,
}

/// Adds one to a gauge for as long as this value lives.
pub(crate) struct Counted(Gauge);

impl ConsumerMetrics {
    pub(crate) fn of(queue: &QueueName) -> Self {
        describe_counter!("deliveries_total", "Deliveries, by queue and outcome.");
        describe_gauge!(
            "deliveries_in_flight",
            "Deliveries that are handled, by queue."
        );
        describe_gauge!(
            "deliveries_held",
            "Deliveries in flight that wait for something that is away, by queue."
        );
        let queue = queue.to_string();
        Self {
            in_flight: gauge!("deliveries_in_flight", "queue" => queue.clone()),
            held: gauge!("deliveries_held", "queue" => queue.clone()),
            queue,
        }
    }

    /// A delivery ended in this way.
    pub(crate) fn ended(&self, outcome: &'static str) {
        self.counter(outcome).increment(1);
    }

    pub(crate) fn in_flight(&self) -> Counted {
        Counted::one_of(&self.in_flight)
    }

    pub(crate) fn held(&self) -> Counted {
        Counted::one_of(&self.held)
    }

    fn counter(&self, outcome: &'static str) -> Counter {
        counter!("deliveries_total", "queue" => self.queue.clone(), "outcome" => outcome)
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
