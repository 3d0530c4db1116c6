//! Trace contexts.

use lemon_domain::values::TraceContext;

/// A trace context of its own for each number; that of an odd number has a state, too.
pub(crate) fn trace(n: usize) -> TraceContext {
    let traceparent = format!("00-{:032x}-{:016x}-01", n + 1, n + 7);
    let state = (n % 2 == 1).then_some("vendor=opaque:1,other@x=a b");
    TraceContext::parse(&traceparent, state).unwrap()
}
