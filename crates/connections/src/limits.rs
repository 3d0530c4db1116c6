use std::{io, num::NonZeroUsize, thread::available_parallelism, time::Duration};

use crate::crowd::CROWDED_KEEP_ALIVE;

/// The most workers that a server may have.
const MAX_WORKERS: usize = 512;

/// The limits of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The number of worker threads; by default, the number of cores.
    pub workers: Option<usize>,
    /// The most connections at a time, over all workers; each worker has at least one.
    pub max_connections: usize,
    /// The time for the first head of a connection to arrive completely: a caller that has sent only a part gets a 408.
    pub head: Duration,
    /// The time in which a connection must send something after an answer. While more than three quarters of a worker's
    /// connections are open, it is at most 5 s, so that unused connections make room for callers that wait.
    pub keep_alive: Duration,
    /// The time in which a connection that sends something after an answer must begin the next request: it must send
    /// the whole head, or the rest of an unread body before it. It counts from the answer, like `keep_alive`, and must
    /// be longer: a head may begin at the last moment of `keep_alive` and still needs time to arrive completely.
    pub idle: Duration,
    /// The time in which an answer must be taken, counted from the end of its handler.
    pub answer: Duration,
    /// The time for requests in flight to finish after the stop. Whole seconds.
    pub shutdown: Duration,
}

impl Limits {
    /// Checks that the times fit together.
    ///
    /// # Errors
    /// If a connection that began its next request in time could be cut ([`io::ErrorKind::InvalidInput`]).
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.idle > self.keep_alive {
            return Ok(());
        }
        let fault = "a connection that sends something needs longer than one that sends nothing";
        Err(io::Error::new(io::ErrorKind::InvalidInput, fault))
    }

    pub(crate) fn workers(&self) -> usize {
        self.workers
            .unwrap_or_else(|| available_parallelism().map_or(2, NonZeroUsize::get))
            .clamp(1, MAX_WORKERS)
    }

    /// The shortest of the times.
    pub(crate) fn shortest(&self) -> Duration {
        self.head
            .min(self.keep_alive)
            .min(CROWDED_KEEP_ALIVE)
            .min(self.idle)
            .min(self.answer)
    }

    pub(crate) fn connections_per_worker(&self) -> usize {
        (self.max_connections / self.workers()).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_share_the_connections_and_each_has_one() {
        let limits = |max_connections| Limits {
            workers: Some(4),
            max_connections,
            head: Duration::ZERO,
            keep_alive: Duration::ZERO,
            idle: Duration::ZERO,
            answer: Duration::ZERO,
            shutdown: Duration::ZERO,
        };
        assert_eq!(limits(103).connections_per_worker(), 25);
        assert_eq!(limits(3).connections_per_worker(), 1);
    }
}
