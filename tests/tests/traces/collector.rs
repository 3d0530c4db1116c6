//! A collector that keeps what it gets.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use lemon_tests::wait_until;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value, trace::v1::Span,
};
use parking_lot::Mutex;
use prost::Message;

#[derive(Clone, Default)]
pub(crate) struct Collector {
    pub(crate) endpoint: String,
    requests: Arc<AtomicUsize>,
    is_full: Arc<AtomicBool>,
    got: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

/// A span, as a test looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeenSpan {
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) trace: String,
    pub(crate) state: String,
    pub(crate) attributes: BTreeMap<String, String>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let collector = Self::default();
        let own = collector.clone();
        let server = HttpServer::new(move || {
            let own = own.clone();
            App::new()
                .app_data(web::PayloadConfig::new(16 << 20))
                .default_service(web::to(move |request: HttpRequest, body: web::Bytes| {
                    let answer = own.answer(&request, &body);
                    async move { answer }
                }))
        });
        let server = server
            .workers(1)
            .disable_signals()
            .bind("127.0.0.1:0")
            .unwrap();
        let endpoint = format!("http://{}", server.addrs()[0]);
        tokio::spawn(server.run());
        Self {
            endpoint,
            ..collector
        }
    }

    fn answer(&self, request: &HttpRequest, body: &[u8]) -> HttpResponse {
        self.requests.fetch_add(1, SeqCst);
        assert_eq!(
            (request.method().as_str(), request.path()),
            ("POST", "/v1/traces")
        );
        let kind = request.headers().get("content-type");
        assert_eq!(kind.unwrap(), "application/x-protobuf");
        if self.is_full.load(SeqCst) {
            return HttpResponse::ServiceUnavailable().finish();
        }
        let got = ExportTraceServiceRequest::decode(body).unwrap();
        self.got.lock().push(got);
        HttpResponse::Ok().finish()
    }

    /// From now on it refuses everything, or takes everything.
    pub(crate) fn refuses(&self, is_full: bool) {
        self.is_full.store(is_full, SeqCst);
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(SeqCst)
    }

    /// All that it got, in words.
    pub(crate) fn everything(&self) -> String {
        format!("{:?}", self.got.lock())
    }

    /// The names by which the program calls itself.
    pub(crate) fn services(&self) -> Vec<String> {
        let got = self.got.lock();
        let resources = got.iter().flat_map(|got| &got.resource_spans);
        let attributes = resources.flat_map(|spans| &spans.resource.as_ref().unwrap().attributes);
        attributes
            .filter(|it| it.key == "service.name")
            .map(|it| text(it.value.as_ref().and_then(|it| it.value.as_ref())))
            .collect()
    }

    /// The spans of a trace so far, by name.
    pub(crate) fn spans(&self, trace: &str) -> BTreeMap<String, SeenSpan> {
        let got = self.got.lock();
        let spans = got.iter().flat_map(|got| &got.resource_spans);
        let spans = spans.flat_map(|spans| &spans.scope_spans);
        let spans = spans.flat_map(|spans| &spans.spans);
        spans
            .map(|span| (span.name.clone(), seen(span)))
            .filter(|(_, span)| span.trace == trace)
            .collect()
    }

    /// The spans of a trace, once one of that name is among them.
    pub(crate) async fn spans_with(&self, trace: &str, name: &str) -> BTreeMap<String, SeenSpan> {
        wait_until(&format!("{name} is exported"), async || {
            let spans = self.spans(trace);
            spans.contains_key(name).then_some(spans)
        })
        .await
    }
}

fn seen(span: &Span) -> SeenSpan {
    let attributes = span.attributes.iter();
    let attributes = attributes.map(|it| {
        let value = it.value.as_ref().and_then(|it| it.value.as_ref());
        (it.key.clone(), text(value))
    });
    assert!(span.start_time_unix_nano > 0);
    assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
    SeenSpan {
        id: hexadecimal(&span.span_id),
        parent: hexadecimal(&span.parent_span_id),
        trace: hexadecimal(&span.trace_id),
        state: span.trace_state.clone(),
        attributes: attributes.collect(),
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
