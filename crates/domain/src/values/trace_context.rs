use std::{fmt, sync::Arc};

use super::InvalidValue;

/// The flags that are known: sampled, and that the trace id is random. Others are not passed on.
const KNOWN_FLAGS: u8 = 0b11;
/// The flag of a trace whose spans are recorded.
const SAMPLED: u8 = 0b01;
/// The longest `tracestate` that is passed on, in bytes: what everybody must be able to.
const LONGEST_STATE: usize = 512;
/// The most members of a `tracestate`.
const MOST_MEMBERS: usize = 32;

/// The number of a trace. It is not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(u128);

impl TraceId {
    /// The trace of this number; `None` for 0.
    #[must_use]
    pub const fn new(id: u128) -> Option<Self> {
        if id == 0 { None } else { Some(Self(id)) }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u128 {
        self.0
    }
}

impl fmt::Display for TraceId {
    /// 32 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The number of a span in its trace. It is not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(u64);

impl SpanId {
    /// The span of this number; `None` for 0.
    #[must_use]
    pub const fn new(id: u64) -> Option<Self> {
        if id == 0 { None } else { Some(Self(id)) }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for SpanId {
    /// 16 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A position in a trace: what is caused from there is in the same trace. It is the content of the headers `traceparent`
/// and `tracestate` of [W3C Trace Context](https://www.w3.org/TR/trace-context-1/).
///
/// Its text is the `traceparent`, and behind a space the `tracestate` if there is one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace: TraceId,
    span: SpanId,
    flags: u8,
    state: Option<Arc<str>>,
}

impl TraceContext {
    /// The first span of a new trace.
    #[must_use]
    pub const fn root(trace: TraceId, span: SpanId, is_sampled: bool) -> Self {
        let flags = if is_sampled { SAMPLED } else { 0 };
        Self {
            trace,
            span,
            flags,
            state: None,
        }
    }

    /// Reads the headers. A `tracestate` that is malformed or longer than 512 bytes is left out, as the specification
    /// allows.
    ///
    /// # Errors
    /// If the `traceparent` is malformed.
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Result<Self, InvalidValue> {
        parse(traceparent, tracestate).ok_or(InvalidValue::new(
            "traceparent",
            "is not a version, a trace id, a span id and flags in hexadecimal digits",
        ))
    }

    /// Reads the text of a context.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn from_text(text: &str) -> Result<Self, InvalidValue> {
        match text.split_once(' ') {
            Some((traceparent, tracestate)) => Self::parse(traceparent, Some(tracestate)),
            None => Self::parse(text, None),
        }
    }

    /// Another span of the same trace.
    #[must_use]
    pub fn with_span(&self, span: SpanId) -> Self {
        Self {
            span,
            ..self.clone()
        }
    }

    /// The trace.
    #[must_use]
    pub const fn trace(&self) -> TraceId {
        self.trace
    }

    /// The span.
    #[must_use]
    pub const fn span(&self) -> SpanId {
        self.span
    }

    /// Whether spans of this trace are recorded.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The flags.
    #[must_use]
    pub const fn flags(&self) -> u8 {
        self.flags
    }

    /// The value of `traceparent`.
    #[must_use]
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-{:02x}", self.trace, self.span, self.flags)
    }

    /// The value of `tracestate`, if there is one.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.traceparent())?;
        match &self.state {
            Some(state) => write!(f, " {state}"),
            None => Ok(()),
        }
    }
}

fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<TraceContext> {
    let mut parts = traceparent.split('-');
    let version = hexadecimal(parts.next()?, 2)?;
    let trace = TraceId::new(hexadecimal(parts.next()?, 32)?)?;
    let span = SpanId::new(u64::try_from(hexadecimal(parts.next()?, 16)?).ok()?)?;
    let flags = u8::try_from(hexadecimal(parts.next()?, 2)?).ok()?;
    // A later version may have more parts; 255 is no version.
    let is_known = version == 0 && parts.next().is_none();
    let is_later = (1..255).contains(&version);
    (is_known || is_later).then(|| TraceContext {
        trace,
        span,
        flags: flags & KNOWN_FLAGS,
        state: tracestate.and_then(state),
    })
}

/// Lower-case digits, and exactly so many.
fn hexadecimal(text: &str, digits: usize) -> Option<u128> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_number = text.len() == digits && text.bytes().all(is_digit);
    is_number
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten()
}

fn state(text: &str) -> Option<Arc<str>> {
    let members = text
        .split(',')
        .map(|member| member.trim_matches([' ', '\t']));
    let members: Vec<_> = members.filter(|member| !member.is_empty()).collect();
    let is_whole = members.len() <= MOST_MEMBERS && members.iter().all(|it| is_member(it));
    let state = members.join(",");
    (is_whole && (1..=LONGEST_STATE).contains(&state.len())).then(|| state.into())
}

/// A key and a value: <https://www.w3.org/TR/trace-context-1/#list>.
fn is_member(member: &str) -> bool {
    let Some((key, value)) = member.split_once('=') else {
        return false;
    };
    let begins = |text: &str| {
        let first = text.bytes().next();
        first.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let is_of_key =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/".contains(&byte);
    let is_name =
        |text: &str, most| begins(text) && text.len() <= most && text.bytes().all(is_of_key);
    let is_key = match key.split_once('@') {
        Some((tenant, system)) => is_name(tenant, 241) && is_name(system, 14),
        None => is_name(key, 256),
    };
    let is_of_value = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'=' && byte != b',';
    is_key && (1..=256).contains(&value.len()) && value.bytes().all(is_of_value)
}
