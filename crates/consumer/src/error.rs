use tokio::task::JoinError;

/// Why a consumer ended before it was told to stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConsumerError {
    /// A task of it ended by itself.
    #[error("the {task} of queue {queue} ended by itself")]
    Ended {
        /// Which task.
        task: &'static str,
        /// The queue.
        queue: String,
    },
    /// A task of it panicked. A panic of the handler is none: it is a failure of its delivery.
    #[error("a task of a consumer panicked")]
    Panicked(#[from] JoinError),
}
