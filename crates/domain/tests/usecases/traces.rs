use std::{sync::Arc, time::Duration};

use futures::{FutureExt, future::join};
use lemon_domain::{
    ports::Clock,
    traces::{
        EndedSpan, SpanKind, SpanValue, Tracer, current_trace, in_current_trace, in_span, in_trace,
        step,
    },
    values::TraceContext,
};
use lemon_fakes::{FakeClock, SequentialIds};
use parking_lot::Mutex;
use tokio::task::yield_now;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn parent() -> TraceContext {
    TraceContext::parse(PARENT, Some("vendor=opaque")).unwrap()
}

/// A tracer, its clock, and the spans that have ended.
struct Traced {
    clock: Arc<FakeClock>,
    tracer: Tracer,
    ended: Arc<Mutex<Vec<EndedSpan>>>,
}

impl Traced {
    fn with(ratio: f64) -> Self {
        let (clock, ended) = (Arc::<FakeClock>::default(), Arc::<Mutex<Vec<_>>>::default());
        let spans = Arc::clone(&ended);
        let tracer = Tracer::new(
            &SequentialIds::default(),
            clock.clone(),
            ratio,
            move |span| spans.lock().push(span),
        );
        Self {
            clock,
            tracer,
            ended,
        }
    }

    fn ended(&self) -> Vec<EndedSpan> {
        self.ended.lock().clone()
    }
}

#[test]
fn a_span_is_handed_over_at_its_end_with_its_times() {
    let traced = Traced::with(1.0);
    let (kind, began) = (SpanKind::Server, traced.clock.now());
    let mut span = traced
        .tracer
        .begin(kind, "request", Some(&parent()))
        .unwrap();
    traced.clock.advance(Duration::from_millis(7));
    span.rename("GET /".to_owned());
    span.set("http.response.status_code", 500_u16);
    span.fail();
    let context = span.context().clone();
    assert!(traced.ended().is_empty());
    drop(span);
    let expected = EndedSpan {
        name: "GET /".into(),
        kind,
        parent: Some(parent().span()),
        started_at: began,
        ended_at: began + Duration::from_millis(7),
        attributes: vec![("http.response.status_code", SpanValue::Number(500))],
        failed: true,
        context: context.clone(),
    };
    assert_eq!(traced.ended(), [expected]);
    assert_eq!(context.trace(), parent().trace());
    assert_ne!(context.span(), parent().span());
    assert_eq!(context.tracestate(), parent().tracestate());
}

#[test]
fn without_a_parent_each_span_begins_its_own_trace() {
    let traced = Traced::with(1.0);
    for _ in 0..100 {
        drop(traced.tracer.begin(SpanKind::Server, "request", None));
    }
    let mut begun: Vec<_> = traced
        .ended()
        .iter()
        .map(|span| (span.context.trace().get(), span.context.span().get()))
        .collect();
    assert!(traced.ended().iter().all(|span| span.parent.is_none()));
    begun.sort_unstable();
    begun.dedup_by_key(|(trace, _)| *trace);
    assert_eq!(begun.len(), 100);
}

#[test]
fn the_ratio_decides_about_new_traces_and_the_caller_about_its_own() {
    let share = |ratio| {
        let traced = Traced::with(ratio);
        for _ in 0..10_000 {
            drop(traced.tracer.begin(SpanKind::Server, "request", None));
        }
        traced.ended().len()
    };
    assert_eq!((share(0.0), share(1.0)), (0, 10_000));
    let quarter = share(0.25);
    assert!((2_200..2_800).contains(&quarter), "{quarter} of 10,000");

    let traced = Traced::with(0.0);
    drop(
        traced
            .tracer
            .begin(SpanKind::Server, "request", Some(&parent())),
    );
    assert_eq!(traced.ended().len(), 1);
    let traced = Traced::with(1.0);
    let not_sampled = TraceContext::parse(&PARENT.replace("-01", "-00"), None).unwrap();
    let span = traced
        .tracer
        .begin(SpanKind::Server, "request", Some(&not_sampled));
    assert!(!span.unwrap().context().is_sampled());
    assert!(traced.ended().is_empty());
}

#[test]
fn a_tracer_that_is_off_begins_nothing() {
    let tracer = Tracer::default();
    assert!(!tracer.is_on());
    assert!(
        tracer
            .begin(SpanKind::Server, "request", Some(&parent()))
            .is_none()
    );
    let current = in_span(None, async { current_trace() }).now_or_never();
    assert_eq!(current, Some(None));
}

#[tokio::test]
async fn steps_are_spans_within_the_current_one_and_nobody_elses() {
    let traced = Traced::with(1.0);
    let span = traced
        .tracer
        .begin(SpanKind::Server, "request", None)
        .unwrap();
    let call = in_span(Some(&span), async {
        yield_now().await;
        assert_eq!(current_trace().as_ref(), Some(span.context()));
        let inner = step("reserve", async {
            yield_now().await;
            current_trace()
        })
        .await;
        (inner, current_trace())
    });
    let other = async {
        yield_now().await;
        step("nobody's", async { current_trace() }).await
    };
    let ((inner, after), others) = join(call, other).await;
    assert_eq!((after.as_ref(), others), (Some(span.context()), None));
    assert_eq!(current_trace(), None);
    let ended = traced.ended();
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].name, "reserve");
    assert_eq!(ended[0].parent, Some(span.context().span()));
    assert_eq!(Some(&ended[0].context), inner.as_ref());
}

#[tokio::test]
async fn a_trace_context_is_passed_on_without_a_tracer_and_into_tasks() {
    let call = in_trace(Some(parent()), async {
        let step = step("not recorded", async { current_trace() });
        let own = tokio::spawn(in_current_trace(async { current_trace() }));
        let lost = tokio::spawn(async { current_trace() });
        (step.await, own.await.unwrap(), lost.await.unwrap())
    });
    let expected = (Some(parent()), Some(parent()), None);
    assert_eq!(call.await, expected);
}

#[test]
fn a_call_that_panics_leaves_no_trace_context_behind() {
    let call = in_trace(Some(parent()), async { panic!("on purpose") });
    let call = std::panic::AssertUnwindSafe(call).catch_unwind();
    assert!(call.now_or_never().unwrap().is_err());
    assert_eq!(current_trace(), None);
}
