use std::borrow::Cow;

use chrono::{DateTime, Utc};

use crate::values::{SpanId, TraceContext};

/// What a span is to the others of its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// A call that this process answers.
    Server,
    /// A step within another span.
    Internal,
    /// A message is sent.
    Producer,
    /// A message is handled.
    Consumer,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpanValue {
    /// A text.
    Text(Cow<'static, str>),
    /// A number.
    Number(i64),
}

/// A span that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedSpan {
    /// What was done, such as `POST /api/service/{service}`.
    pub name: Cow<'static, str>,
    /// Its kind.
    pub kind: SpanKind,
    /// The trace context that this span is.
    pub context: TraceContext,
    /// The span that caused it, if it is not the first of its trace.
    pub parent: Option<SpanId>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// What is known about it. No secret, no body and no address of a person is among it.
    pub attributes: Vec<(&'static str, SpanValue)>,
    /// Whether it failed.
    pub failed: bool,
}

impl From<&'static str> for SpanValue {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for SpanValue {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<u16> for SpanValue {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl From<u32> for SpanValue {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}
