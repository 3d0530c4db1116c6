use std::fmt;

use chrono::{DateTime, Utc};
use lemon_domain::ports::Receipt;
use uuid::Uuid;

/// One receive of one message: `<row>.<receives>.<microseconds>.<id>`. The next receive has another handle, which makes this one
/// stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Handle {
    /// The row, by which the message is found directly. SQLite may give it to another message later.
    pub(super) number: i64,
    /// How often it was received, this time included.
    pub(super) receives: u32,
    /// When it was received, to the microsecond.
    pub(super) at: DateTime<Utc>,
    /// The message.
    pub(super) id: Uuid,
}

impl Handle {
    /// Reads a receipt; `None` if it has another form.
    pub(super) fn parse(receipt: &Receipt) -> Option<Self> {
        let mut parts = receipt.0.splitn(4, '.');
        Some(Self {
            number: parts.next()?.parse().ok()?,
            receives: parts.next()?.parse().ok()?,
            at: DateTime::from_timestamp_micros(parts.next()?.parse().ok()?)?,
            id: parts.next()?.parse().ok()?,
        })
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.at.timestamp_micros();
        write!(f, "{}.{}.{micros}.{}", self.number, self.receives, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_read_as_it_was_written() {
        let handle = Handle {
            number: 7,
            receives: 2,
            at: "2026-11-23T03:00:00.123456Z".parse().unwrap(),
            id: Uuid::from_u128(9),
        };
        assert_eq!(Handle::parse(&Receipt(handle.to_string())), Some(handle));
    }

    #[test]
    fn a_text_that_is_not_a_receipt_is_none() {
        for text in [
            "",
            "7",
            "7.2",
            "7.2.1",
            "7.2.1.x",
            "x.2.1.00000000-0000-0000-0000-000000000009",
            "7.2.x.00000000-0000-0000-0000-000000000009",
            "7.2.9223372036854775807.00000000-0000-0000-0000-000000000009",
            "7.-1..",
        ] {
            assert_eq!(Handle::parse(&Receipt(text.to_owned())), None, "{text:?}");
        }
    }
}
