use std::{io, num::NonZeroUsize, thread::available_parallelism, time::Duration};

/// The most workers that a server may have.
const MAX_WORKERS: usize = 512;

/// What connections may take of time and room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Worker threads; as many as there are cores if none is given.
    pub workers: Option<usize>,
    /// Connections at a time, over all workers; each worker has at least one.
    pub max_connections: usize,
    /// A connection's first head, to arrive whole: who sent a part of it gets a 408.
    pub head: Duration,
    /// A connection that was answered, to send anything.
    pub keep_alive: Duration,
    /// A connection that was answered and sends something, to begin the next request: its whole head, or the rest of a
    /// body that nobody reads before it. From the answer on, as `keep_alive`, and longer than that: a head may begin at the
    /// last moment of it and still needs time to come whole.
    pub idle: Duration,
    /// An answer, to be taken: from its handler's end on.
    pub answer: Duration,
    /// Requests in hand, to finish after the stop. Whole seconds.
    pub shutdown: Duration,
}

impl Limits {
    /// Checks that the times fit together.
    ///
    /// # Errors
    /// If a connection could be cut that began its next request in time ([`io::ErrorKind::InvalidInput`]).
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

    /// No time ends earlier than after so long.
    pub(crate) fn shortest(&self) -> Duration {
        self.head
            .min(self.keep_alive)
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
