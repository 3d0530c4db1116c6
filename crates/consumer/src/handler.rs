use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;

/// Handles the messages of a queue.
///
/// # Contract
/// 1. A message may come again after it was handled, and twice at once: queues deliver at least once. Handling it again
///    must do no harm.
/// 2. The future of `handle` may be dropped at any await: when the lease of the delivery is lost, and when the grace
///    period of a drain is over.
/// 3. No reason quotes the body: it goes to logs and to the dead-letter queue. It names the field and the kind of fault.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// A decoded body.
    type Message: Send + Sync;

    /// Decodes a body.
    ///
    /// # Errors
    /// If it cannot be handled. The message is dead-lettered with the reason.
    fn decode(&self, body: &str) -> Result<Self::Message, Malformed>;

    /// Handles a message.
    async fn handle(&self, message: &Self::Message) -> Outcome;
}

#[async_trait]
impl<H: Handler> Handler for Arc<H> {
    type Message = H::Message;

    fn decode(&self, body: &str) -> Result<H::Message, Malformed> {
        (**self).decode(body)
    }

    async fn handle(&self, message: &H::Message) -> Outcome {
        (**self).handle(message).await
    }
}

/// What to do with a message that was handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is done: the message is acknowledged. The dependencies of every message were available.
    Done,
    /// It was done before, or need not be done: the message is acknowledged. Unlike `Done`, it does not show that the
    /// dependencies of other messages are available.
    AlreadyDone,
    /// It failed and may succeed later: the message goes back to the queue. After its last receive it is dead-lettered.
    Retry {
        /// How long it waits; without it, the back-off of its receive count.
        after: Option<Duration>,
        /// The reason.
        reason: String,
    },
    /// It will never succeed: the message is dead-lettered.
    DeadLetter {
        /// The reason.
        reason: String,
    },
    /// Something that every message needs is unavailable: the delivery is held and handled again until it is available,
    /// and fewer messages are received meanwhile. If other messages succeed, the fault is in this message, and it is
    /// retried later.
    Hold {
        /// The reason.
        reason: String,
    },
}

impl Outcome {
    /// Retry it, by the back-off.
    pub fn retry(reason: impl Into<String>) -> Self {
        Self::Retry {
            after: None,
            reason: reason.into(),
        }
    }

    /// Retry it after that time.
    pub fn retry_after(after: Duration, reason: impl Into<String>) -> Self {
        Self::Retry {
            after: Some(after),
            reason: reason.into(),
        }
    }

    /// Dead-letter it.
    pub fn dead_letter(reason: impl Into<String>) -> Self {
        Self::DeadLetter {
            reason: reason.into(),
        }
    }

    /// Hold it.
    pub fn hold(reason: impl Into<String>) -> Self {
        Self::Hold {
            reason: reason.into(),
        }
    }
}

/// Why a body cannot be handled: the place and the kind of fault, never the text at that place. Otherwise anybody who
/// writes to the queue could write to logs and dead letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(Cow<'static, str>);

impl Malformed {
    /// Malformed for this reason.
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self(reason.into())
    }
}

/// A handler of undecoded bodies, made by [`from_fn`].
#[derive(Clone)]
pub struct FromFn<F>(F);

/// Makes a handler of a function that takes a body.
pub fn from_fn<F, T>(handle: F) -> FromFn<F>
where
    F: Fn(String) -> T + Send + Sync + 'static,
    T: Future<Output = Outcome> + Send,
{
    FromFn(handle)
}

#[async_trait]
impl<F, T> Handler for FromFn<F>
where
    F: Fn(String) -> T + Send + Sync + 'static,
    T: Future<Output = Outcome> + Send,
{
    type Message = String;

    fn decode(&self, body: &str) -> Result<String, Malformed> {
        Ok(body.to_owned())
    }

    async fn handle(&self, message: &String) -> Outcome {
        (self.0)(message.clone()).await
    }
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromFn")
    }
}
