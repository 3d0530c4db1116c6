use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64},
};

use super::{
    ended::{EndedSpan, SpanKind},
    span::TraceSpan,
    state::TracerState,
};
use crate::{
    ports::{Clock, IdSource},
    values::TraceContext,
};

/// Begins spans, and hands each that has ended over. The default is off: then there are no spans.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<TracerState>>);

impl Tracer {
    /// A tracer that begins no spans.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// A tracer that records this share of the new traces, from 0 to 1. Of a trace that another program began, spans are
    /// recorded if that program does so.
    ///
    /// `ended` gets each recorded span at its end. It must not wait: a call waits for it.
    pub fn new(
        ids: &dyn IdSource,
        clock: Arc<dyn Clock>,
        ratio: f64,
        ended: impl Fn(EndedSpan) + Send + Sync + 'static,
    ) -> Self {
        let (one, other) = ids.uuid().as_u64_pair();
        Self(Some(Arc::new(TracerState {
            clock,
            ended: Box::new(ended),
            ratio,
            seeds: [one, other],
            drawn: AtomicU64::new(0),
        })))
    }

    /// Whether it begins spans.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Begins a span: in the trace of its parent, or else in a new one. `None` if the tracer is off.
    #[must_use]
    pub fn begin(
        &self,
        kind: SpanKind,
        name: &'static str,
        parent: Option<&TraceContext>,
    ) -> Option<TraceSpan> {
        let state = self.0.as_ref()?;
        Some(TraceSpan::begin(state, kind, name, parent))
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() {
            "Tracer(on)"
        } else {
            "Tracer(off)"
        })
    }
}
