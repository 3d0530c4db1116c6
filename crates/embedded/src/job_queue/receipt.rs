use std::fmt;

use lemon_domain::ports::Receipt;
use uuid::Uuid;

/// One receive of one message: `<row>.<receives>.<id>`. The next receive has another handle, which makes this one
/// stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Handle {
    /// The row, by which the message is found directly. SQLite may give it to another message later.
    pub(super) number: i64,
    /// How often it was received, this time included.
    pub(super) receives: u32,
    /// The message.
    pub(super) id: Uuid,
}

impl Handle {
    /// Reads a receipt; `None` if it has another form.
    pub(super) fn parse(receipt: &Receipt) -> Option<Self> {
        let mut parts = receipt.0.splitn(3, '.');
        Some(Self {
            number: parts.next()?.parse().ok()?,
            receives: parts.next()?.parse().ok()?,
            id: parts.next()?.parse().ok()?,
        })
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.number, self.receives, self.id)
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
            "7.2.x",
            "x.2.00000000-0000-0000-0000-000000000009",
            "7.-1.",
        ] {
            assert_eq!(Handle::parse(&Receipt(text.to_owned())), None, "{text:?}");
        }
    }
}
