use std::{
    cell::RefCell,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use super::{ended::SpanKind, span::TraceSpan, state::TracerState};
use crate::values::TraceContext;

/// Where the call that is polled now is in its trace, and who records further steps.
#[derive(Clone)]
struct Position {
    context: TraceContext,
    tracer: Option<Arc<TracerState>>,
}

thread_local! {
    /// A call is polled by one thread at a time: so nothing needs to be passed through the ports.
    static CURRENT: RefCell<Option<Position>> = const { RefCell::new(None) };
}

/// The trace context from which the call that is polled now causes what it causes.
#[must_use]
pub fn current_trace() -> Option<TraceContext> {
    CURRENT.with_borrow(|current| current.as_ref().map(|it| it.context.clone()))
}

/// Runs a call within a span. Without one, it runs as it would otherwise.
pub fn in_span<F: Future>(
    span: Option<&TraceSpan>,
    call: F,
) -> impl Future<Output = F::Output> + use<F> {
    let position = span.map(|span| Position {
        context: span.context().clone(),
        tracer: Some(Arc::clone(span.tracer())),
    });
    CallAt::new(position, call)
}

/// Runs a call at a trace context, of which this process records nothing. Without one, it runs as it would
/// otherwise.
pub fn in_trace<F: Future>(
    context: Option<TraceContext>,
    call: F,
) -> impl Future<Output = F::Output> {
    let position = context.map(|context| Position {
        context,
        tracer: None,
    });
    CallAt::new(position, call)
}

/// The call, to be polled by another task at the trace context that is the current one now.
pub fn in_current_trace<F: Future>(call: F) -> impl Future<Output = F::Output> {
    CallAt::new(CURRENT.with_borrow(Clone::clone), call)
}

/// Runs a step of a call: a span within the current one, if that is recorded. The span begins now.
pub fn step<F: Future>(name: &'static str, step: F) -> impl Future<Output = F::Output> {
    let span = CURRENT.with_borrow(|current| {
        let Position { context, tracer } = current.as_ref()?;
        let tracer = tracer.as_ref().filter(|_| context.is_sampled())?;
        Some(TraceSpan::begin(
            tracer,
            SpanKind::Internal,
            name,
            Some(context),
        ))
    });
    let step = in_span(span.as_ref(), step);
    StepOf { step, _span: span }
}

pin_project! {
    /// A call, and where it is in its trace. Not an `async` function, which would hold the call twice: calls are large.
    struct CallAt<F> {
        #[pin]
        call: F,
        position: Option<Position>,
    }
}

impl<F> CallAt<F> {
    const fn new(position: Option<Position>, call: F) -> Self {
        Self { call, position }
    }
}

impl<F: Future> Future for CallAt<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if this.position.is_none() {
            return this.call.poll(context);
        }
        let _entered = Entered::at(this.position);
        this.call.poll(context)
    }
}

pin_project! {
    /// A step, with its span, which ends with it.
    struct StepOf<F> {
        #[pin]
        step: F,
        _span: Option<TraceSpan>,
    }
}

impl<F: Future> Future for StepOf<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.project().step.poll(context)
    }
}

/// While it lives, a position is the current one. A poll that panics ends it as well.
struct Entered<'a> {
    /// The former position meanwhile.
    position: &'a mut Option<Position>,
}

impl<'a> Entered<'a> {
    fn at(position: &'a mut Option<Position>) -> Self {
        CURRENT.with_borrow_mut(|current| mem::swap(current, position));
        Self { position }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|current| mem::swap(current, self.position));
    }
}
