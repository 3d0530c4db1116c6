//! The spans of calls, and where what they cause is in a trace.

use std::{sync::Arc, time::Duration};

use lemon_domain::{
    ports::{Clock, Outbox},
    traces::{EndedSpan, SpanKind, SpanValue, Tracer},
    values::TraceContext,
};
use lemon_fakes::{FakeClock, SequentialIds};
use parking_lot::Mutex;
use reqwest::{Method, RequestBuilder};

use crate::{
    app::{App, Setup},
    log::{lines_of, listen},
};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const REGISTER: &str = "/api/service/learn_me";

/// An application that is traced, and the spans that have ended.
struct Traced {
    app: App,
    ended: Arc<Mutex<Vec<EndedSpan>>>,
}

impl Traced {
    fn start() -> Self {
        let ended = Arc::<Mutex<Vec<_>>>::default();
        let (clock, spans) = (Arc::<FakeClock>::default(), Arc::clone(&ended));
        let ids = SequentialIds::default();
        let tracer = Tracer::new(&ids, clock, 1.0, move |span| spans.lock().push(span));
        let setup = Setup {
            tracer,
            ..Setup::default()
        };
        Self {
            app: App::start_with(setup),
            ended,
        }
    }

    /// The spans of a call, the outer one last.
    async fn spans(&self, call: RequestBuilder) -> Vec<EndedSpan> {
        self.ended.lock().clear();
        call.send().await.unwrap();
        self.ended.lock().clone()
    }

    fn call_within(&self, method: Method, path: &str) -> RequestBuilder {
        let call = self.app.call(method, path);
        call.header("traceparent", PARENT)
            .header("tracestate", "one=1")
            .header("tracestate", "two=2")
    }
}

/// The trace context of the only row in the outbox, which is taken out.
async fn row_of(app: &App) -> Option<TraceContext> {
    let (outbox, now) = (&app.store.inner, app.clock.now());
    let rows = outbox.claim(10, Duration::ZERO, now).await.unwrap();
    assert_eq!(rows.len(), 1);
    outbox.remove(&[rows[0].id]).await.unwrap();
    rows[0].trace.clone()
}

#[tokio::test]
async fn a_call_and_what_it_causes_are_in_the_trace_of_its_caller() {
    let traced = Traced::start();
    let parent = TraceContext::parse(PARENT, Some("one=1,two=2")).unwrap();
    let token = traced.app.sign_in(1).await;

    let call = traced.call_within(Method::POST, REGISTER);
    let spans = traced.spans(call.bearer_auth(&token)).await;
    let names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
    let outer = "POST /api/service/{service}";
    assert_eq!(names, ["reserve places", "store the registration", outer]);
    let call = &spans[2];
    assert_eq!(call.kind, SpanKind::Server);
    assert_eq!(call.parent, Some(parent.span()));
    assert!(!call.failed);
    for span in &spans {
        assert_eq!(span.context.trace(), parent.trace());
        assert_eq!(span.context.tracestate(), parent.tracestate());
    }
    for step in &spans[..2] {
        assert_eq!(step.kind, SpanKind::Internal);
        assert_eq!(step.parent, Some(call.context.span()));
    }
    assert_eq!(row_of(&traced.app).await.as_ref(), Some(&spans[1].context));

    let call = traced.call_within(Method::DELETE, REGISTER);
    let spans = traced.spans(call.bearer_auth(&token)).await;
    assert_eq!(row_of(&traced.app).await.as_ref(), Some(&spans[0].context));
    assert_eq!(spans[0].context.trace(), parent.trace());
}

#[tokio::test]
async fn without_a_caller_that_can_be_read_a_call_begins_a_trace() {
    let traced = Traced::start();
    let can_use = || traced.app.get("/api/service/learn_me/can-use");
    for call in [
        can_use(),
        can_use().header("traceparent", "hush"),
        can_use().header("traceparent", PARENT.to_uppercase()),
        can_use()
            .header("traceparent", PARENT)
            .header("traceparent", PARENT),
        can_use().header("traceparent", b"\xff".as_slice()),
    ] {
        let spans = traced.spans(call).await;
        assert_eq!(spans.len(), 1);
        assert_eq!(
            (spans[0].parent, spans[0].context.tracestate()),
            (None, None)
        );
        assert_ne!(spans[0].context.trace().to_string(), PARENT[3..35]);
    }
}

#[tokio::test]
async fn a_span_has_nothing_of_what_the_caller_says() {
    let traced = Traced::start();
    let call = traced.app.call(Method::POST, "/api/hush?hush=hush");
    let call = call.bearer_auth("hush").header("hush", "hush").body("hush");
    let spans = traced.spans(call).await;
    assert_eq!(spans[0].name, "POST");
    assert!(!format!("{spans:?}").contains("hush"), "{spans:?}");
    let status = ("http.response.status_code", SpanValue::Number(404));
    assert!(spans[0].attributes.contains(&status), "{spans:?}");
    let method = Method::from_bytes(b"HUSH").unwrap();
    let spans = traced.spans(traced.app.call(method, REGISTER)).await;
    assert_eq!(spans[0].name, "other /api/service/{service}");
}

#[tokio::test]
async fn a_preflight_is_no_span() {
    let traced = Traced::start();
    let call = traced.call_within(Method::OPTIONS, REGISTER);
    assert_eq!(traced.spans(call).await, []);
}

#[tokio::test]
async fn lines_of_the_log_name_the_trace() {
    listen();
    let traced = Traced::start();
    let call = traced.call_within(Method::GET, "/api/service");
    traced
        .spans(call.header("X-Request-Id", "line-of-a-trace"))
        .await;
    let lines = lines_of("line-of-a-trace");
    let named = format!("trace_id={}", &PARENT[3..35]);
    assert!(!lines.is_empty());
    assert!(lines.iter().all(|line| line.contains(&named)), "{lines:?}");
}

#[tokio::test]
async fn without_a_tracer_headers_are_ignored() {
    let app = App::start();
    let token = app.sign_in(1).await;
    let call = app.post(REGISTER).bearer_auth(&token);
    call.header("traceparent", PARENT).send().await.unwrap();
    assert_eq!(row_of(&app).await, None);
}
