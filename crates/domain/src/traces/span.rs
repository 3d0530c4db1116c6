use std::{borrow::Cow, fmt, mem, sync::Arc};

use chrono::{DateTime, Utc};

use super::{
    ended::{EndedSpan, SpanKind, SpanValue},
    state::TracerState,
};
use crate::values::{SpanId, TraceContext};

/// A span that has begun. It ends when it is dropped.
pub struct TraceSpan {
    tracer: Arc<TracerState>,
    kind: SpanKind,
    name: Cow<'static, str>,
    context: TraceContext,
    parent: Option<SpanId>,
    started_at: DateTime<Utc>,
    attributes: Vec<(&'static str, SpanValue)>,
    failed: bool,
}

impl TraceSpan {
    /// Begins a span: in the trace of its parent, or else in a new one.
    pub(super) fn begin(
        tracer: &Arc<TracerState>,
        kind: SpanKind,
        name: &'static str,
        parent: Option<&TraceContext>,
    ) -> Self {
        Self {
            kind,
            name: Cow::Borrowed(name),
            context: match parent {
                Some(parent) => parent.with_span(tracer.span_id()),
                None => tracer.root(),
            },
            parent: parent.map(TraceContext::span),
            started_at: tracer.clock.now(),
            attributes: Vec::new(),
            failed: false,
            tracer: Arc::clone(tracer),
        }
    }

    /// The trace context that this span is.
    #[must_use]
    pub const fn context(&self) -> &TraceContext {
        &self.context
    }

    pub(super) const fn tracer(&self) -> &Arc<TracerState> {
        &self.tracer
    }

    /// Gives it a name that is known only later.
    pub fn rename(&mut self, name: String) {
        self.name = Cow::Owned(name);
    }

    /// Adds an attribute, unless the span is not recorded.
    pub fn set(&mut self, name: &'static str, value: impl Into<SpanValue>) {
        if self.context.is_sampled() {
            self.attributes.push((name, value.into()));
        }
    }

    /// Marks it as failed.
    pub const fn fail(&mut self) {
        self.failed = true;
    }
}

impl Drop for TraceSpan {
    fn drop(&mut self) {
        if !self.context.is_sampled() {
            return;
        }
        (self.tracer.ended)(EndedSpan {
            name: mem::take(&mut self.name),
            kind: self.kind,
            context: self.context.clone(),
            parent: self.parent,
            started_at: self.started_at,
            ended_at: self.tracer.clock.now().max(self.started_at),
            attributes: mem::take(&mut self.attributes),
            failed: self.failed,
        });
    }
}

impl fmt::Debug for TraceSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceSpan")
            .field("name", &self.name)
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}
