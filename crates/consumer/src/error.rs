use tokio::task::JoinError;

/// Why a consumer ended before it was told to stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConsumerError {
    /// One of its tasks ended before the stop.
    #[error("the {task} of queue {queue} ended unexpectedly")]
    Ended {
        /// The name of the task.
        task: &'static str,
        /// The queue.
        queue: String,
    },
    /// One of its tasks panicked. A panic of the handler is not included: it counts as a failure of its delivery.
    #[error("a task of a consumer panicked")]
    Panicked(#[from] JoinError),
}
