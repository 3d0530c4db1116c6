use std::{fmt, sync::Arc};

use lemon_domain::{ports::JobQueue, traces::Tracer, values::QueueName};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

use crate::{
    acks::acknowledge, availability::Dependencies, config::ConsumerConfig, control::Control,
    delivery::Engine, error::ConsumerError, handler::Handler, measures::ConsumerMetrics,
};

/// Consumes a queue: receives messages, calls the handler, and acknowledges, retries or dead-letters each message
/// separately.
pub struct Consumer<H> {
    queue: Arc<dyn JobQueue>,
    name: QueueName,
    handler: H,
    config: ConsumerConfig,
    control: Control,
    tracer: Tracer,
}

impl<H: Handler> Consumer<H> {
    /// A consumer of the queue `name`, with the defaults.
    pub fn new(queue: Arc<dyn JobQueue>, name: QueueName, handler: H) -> Self {
        Self {
            queue,
            name,
            handler,
            config: ConsumerConfig::default(),
            control: Control::default(),
            tracer: Tracer::off(),
        }
    }

    /// With this configuration.
    #[must_use]
    pub fn with_config(mut self, config: ConsumerConfig) -> Self {
        self.config = config;
        self
    }

    /// With a control that others have, too.
    #[must_use]
    pub fn with_control(mut self, control: Control) -> Self {
        self.control = control;
        self
    }

    /// With this tracer: each delivery is a span, in the trace that its message belongs to.
    #[must_use]
    pub fn with_tracer(mut self, tracer: Tracer) -> Self {
        self.tracer = tracer;
        self
    }

    /// The control that pauses and resumes it.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Consumes until `stop`, then drains: receives under way finish, deliveries in flight may still be handled within
    /// the grace period, and the rest is given back to the queue without spending one of its receives.
    ///
    /// # Errors
    /// If one of its tasks ends before the stop. The others are drained.
    pub async fn run(self, stop: CancellationToken) -> Result<(), ConsumerError> {
        // A child token, so that the end of one task ends the others.
        let stop = stop.child_token();
        let mut tasks = Tasks {
            queue: self.name.to_string(),
            tasks: JoinSet::new(),
        };
        let concurrency = self.config.concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let (pollers, drain) = (self.config.pollers.max(1), self.config.drain);
        let (acks, receipts) = mpsc::channel(concurrency);
        tasks.spawn(
            "acknowledging",
            acknowledge(
                Arc::clone(&self.queue),
                self.name.clone(),
                receipts,
                stop.clone(),
            ),
        );
        let in_flight = TaskTracker::new();
        let engine = Arc::new(Engine {
            measures: ConsumerMetrics::of(&self.name),
            availability: Dependencies::default(),
            slots: Arc::new(Semaphore::new(concurrency)),
            in_flight: in_flight.clone(),
            stop: stop.clone(),
            queue: self.queue,
            name: self.name,
            handler: self.handler,
            config: self.config,
            control: self.control,
            tracer: self.tracer,
            acks,
        });
        for _ in 0..pollers {
            tasks.spawn("receiving", Arc::clone(&engine).poll());
        }
        drop(engine);
        let ended = tokio::select! {
            // First, because a task that ends with the stop is no failure.
            biased;
            () = stop.cancelled() => Ok(()),
            error = tasks.ended_early() => Err(error),
        };
        stop.cancel();
        let drained = timeout(drain, async { tasks.finish(&in_flight).await });
        let drained = drained.await.unwrap_or_else(|_| {
            let left = in_flight.len();
            warn!(queue = %tasks.queue, left, "the drain takes too long: the remaining deliveries are not finished and will be received again");
            Ok(())
        });
        ended.and(drained)
    }
}

impl<H> fmt::Debug for Consumer<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Consumer");
        shown
            .field("name", &self.name)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// The tasks of a consumer. None of them ends before the stop. They end with this value.
struct Tasks {
    queue: String,
    tasks: JoinSet<&'static str>,
}

impl Tasks {
    fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(async move {
            task.await;
            name
        });
    }

    async fn ended_early(&mut self) -> ConsumerError {
        let queue = self.queue.clone();
        match self.tasks.join_next().await {
            Some(Ok(task)) => ConsumerError::Ended { task, queue },
            Some(Err(error)) => error.into(),
            None => ConsumerError::Ended {
                task: "work",
                queue,
            },
        }
    }

    /// Waits for the deliveries in flight, and for all tasks. The acknowledging task ends when nothing is in flight any
    /// more.
    async fn finish(&mut self, in_flight: &TaskTracker) -> Result<(), ConsumerError> {
        in_flight.close();
        in_flight.wait().await;
        let mut outcome = Ok(());
        while let Some(ended) = self.tasks.join_next().await {
            outcome = outcome.and(ended.map(drop).map_err(ConsumerError::from));
        }
        outcome
    }
}
