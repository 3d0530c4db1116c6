use std::{fmt, sync::Arc};

use super::InvalidValue;

/// The name of a service on the wire, such as `LEARNME`: 1 to 32 of `A-Z`, `0-9`, `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceType(pub(super) Arc<str>);

impl ServiceType {
    /// Reads the wire name.
    ///
    /// # Errors
    /// If it is empty, too long or has other characters.
    pub fn parse(name: &str) -> Result<Self, InvalidValue> {
        let fits = (1..=32).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        if fits {
            Ok(Self(name.into()))
        } else {
            Err(InvalidValue::new(
                "service_type",
                "is not 1 to 32 characters of A-Z, 0-9 and _",
            ))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a service in a path, such as `learn_me`: 1 to 32 of `a-z`, `0-9`, `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServicePath(Arc<str>);

impl ServicePath {
    /// Reads a path segment.
    ///
    /// # Errors
    /// If it is empty, too long or has other characters.
    pub fn parse(path: &str) -> Result<Self, InvalidValue> {
        let fits = (1..=32).contains(&path.len())
            && path
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if fits {
            Ok(Self(path.into()))
        } else {
            Err(InvalidValue::new(
                "the service path",
                "is not 1 to 32 characters of a-z, 0-9 and _",
            ))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a queue: 1 to 80 of `A-Z`, `a-z`, `0-9`, `-`, `_`, the rule of
/// [SQS](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueName(Arc<str>);

impl QueueName {
    /// Reads a name.
    ///
    /// # Errors
    /// If it is empty, too long or has other characters.
    pub fn parse(name: &str) -> Result<Self, InvalidValue> {
        let fits = (1..=80).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if fits {
            Ok(Self(name.into()))
        } else {
            Err(InvalidValue::new(
                "the queue name",
                "is not 1 to 80 characters of A-Z, a-z, 0-9, - and _",
            ))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of its dead-letter queue, `<name>-dlq`. If the name is long, this text is too long for a queue.
    #[must_use]
    pub fn dead_letters(&self) -> String {
        format!("{self}-dlq")
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
