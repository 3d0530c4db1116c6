//! Traces: which steps a call takes, in this process and in others, and how long each takes.

mod current;
mod ended;
mod span;
mod state;
mod tracer;

pub use current::{current_trace, in_current_trace, in_span, in_trace, step};
pub use ended::{EndedSpan, SpanKind, SpanValue};
pub use span::TraceSpan;
pub use tracer::Tracer;
