use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::{DbErr, SqlxError};

use crate::error::driver_error;

/// What the answers to requests have shown about a server: whether its connections can be trusted.
///
/// Events are numbered. A connection remembers the event number at which it was made, and that at which it last
/// answered.
#[derive(Debug, Default)]
pub(super) struct Health {
    events: AtomicU64,
    doubted: AtomicU64,
    left: AtomicU64,
}

/// The number of the latest event at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark(u64);

impl Health {
    /// Must be taken before a request: the answer says nothing about events that happen meanwhile.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.events.load(Ordering::SeqCst))
    }

    /// Notes a request without an answer: connections that have not answered since must be tested before use.
    pub(super) fn doubt(&self) {
        let event = self.events.fetch_add(1, Ordering::SeqCst) + 1;
        self.doubted.fetch_max(event, Ordering::SeqCst);
    }

    /// Notes that the server is gone or must not be used: no connection that was made before is used again.
    pub(super) fn leave(&self) {
        let event = self.events.fetch_add(1, Ordering::SeqCst) + 1;
        self.left.fetch_max(event, Ordering::SeqCst);
    }

    /// Notes what an error shows.
    pub(super) fn note(&self, error: &SqlxError) {
        match error {
            SqlxError::Database(refusal)
                if refusal.code().is_some_and(|code| is_wrong_server(&code)) =>
            {
                self.leave();
            }
            SqlxError::Io(_) | SqlxError::Tls(_) | SqlxError::Protocol(_) => self.leave(),
            // The answer was complete, or no request was sent.
            _ => {}
        }
    }

    /// Tells whether a connection that last answered at a mark must be tested before use.
    pub(super) fn is_doubted(&self, answered: Mark) -> bool {
        answered.0 < self.doubted.load(Ordering::SeqCst)
    }

    /// Tells whether a connection that was made at a mark must not be used.
    pub(super) fn is_left(&self, made: Mark) -> bool {
        made.0 < self.left.load(Ordering::SeqCst)
    }
}

/// Tells whether the connection broke, or the server ended it.
pub(super) fn is_broken(error: &DbErr) -> bool {
    match driver_error(error) {
        Some(SqlxError::Io(_) | SqlxError::Protocol(_)) => true,
        Some(SqlxError::Database(refusal)) => {
            // A pooler reports with class 08 that it has lost the server, or cannot reach it.
            let ends = |code: &str| code.starts_with("57P0") || code.starts_with("08");
            refusal.code().is_some_and(|code| ends(&code))
        }
        _ => false,
    }
}

/// Tells whether the server accepts no changes, because another is the primary now, or is shutting down
/// (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn is_wrong_server(code: &str) -> bool {
    ["25006", "57P01", "57P02", "57P03"].contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_answered_before_a_doubt_is_tested_and_a_later_one_is_not() {
        let health = Health::default();
        let before = health.mark();
        assert!(!health.is_doubted(before));
        health.doubt();
        assert!(health.is_doubted(before) && !health.is_left(before));
        assert!(!health.is_doubted(health.mark()));
    }

    #[test]
    fn a_connection_made_before_the_server_was_left_is_not_used_again() {
        let health = Health::default();
        let before = health.mark();
        health.note(&SqlxError::Io(std::io::ErrorKind::ConnectionReset.into()));
        assert!(health.is_left(before) && !health.is_left(health.mark()));
    }
}
