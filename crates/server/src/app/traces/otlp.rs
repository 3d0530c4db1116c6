//! Spans as the [OpenTelemetry Protocol](https://opentelemetry.io/docs/specs/otlp/) writes them.

use chrono::{DateTime, Utc};
use lemon_domain::{
    traces::{EndedSpan, SpanKind, SpanValue},
    values::SpanId,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span, status},
};
use uuid::Uuid;

/// The flags of a span that say whether its parent is in another process: known, and remote.
const PARENT_IS_KNOWN: u32 = 0x100;
const PARENT_IS_REMOTE: u32 = 0x200;

/// The program whose spans they are.
pub(super) struct Source(Resource);

impl Source {
    pub(super) fn new(service_name: &str, instance: Uuid) -> Self {
        let attributes = [
            ("service.name", service_name.to_owned()),
            ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
            ("service.instance.id", instance.to_string()),
        ];
        let attributes = attributes.map(|(name, value)| text(name, value));
        Self(Resource {
            attributes: attributes.into(),
            ..Resource::default()
        })
    }

    /// The request that carries spans to a collector.
    pub(super) fn request(&self, spans: Vec<EndedSpan>) -> ExportTraceServiceRequest {
        let scope = InstrumentationScope {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let spans = ScopeSpans {
            scope: Some(scope),
            spans: spans.into_iter().map(written).collect(),
            ..ScopeSpans::default()
        };
        ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(self.0.clone()),
                scope_spans: vec![spans],
                ..ResourceSpans::default()
            }],
        }
    }
}

fn written(ended: EndedSpan) -> Span {
    let comes_in = matches!(ended.kind, SpanKind::Server | SpanKind::Consumer);
    let is_remote = comes_in && ended.parent.is_some();
    let remote = if is_remote { PARENT_IS_REMOTE } else { 0 };
    let parent = ended.parent.map(SpanId::get);
    let code = if ended.failed {
        status::StatusCode::Error
    } else {
        status::StatusCode::Unset
    };
    Span {
        trace_id: ended.context.trace().get().to_be_bytes().into(),
        span_id: ended.context.span().get().to_be_bytes().into(),
        trace_state: ended.context.tracestate().unwrap_or_default().to_owned(),
        parent_span_id: parent.map(|id| id.to_be_bytes().into()).unwrap_or_default(),
        flags: u32::from(ended.context.flags()) | PARENT_IS_KNOWN | remote,
        name: ended.name.into_owned(),
        kind: kind(ended.kind).into(),
        start_time_unix_nano: nanoseconds(ended.started_at),
        end_time_unix_nano: nanoseconds(ended.ended_at),
        attributes: ended.attributes.into_iter().map(attribute).collect(),
        status: Some(Status {
            code: code.into(),
            ..Status::default()
        }),
        ..Span::default()
    }
}

const fn kind(kind: SpanKind) -> span::SpanKind {
    match kind {
        SpanKind::Server => span::SpanKind::Server,
        SpanKind::Internal => span::SpanKind::Internal,
        SpanKind::Producer => span::SpanKind::Producer,
        SpanKind::Consumer => span::SpanKind::Consumer,
    }
}

fn nanoseconds(time: DateTime<Utc>) -> u64 {
    let nanoseconds = time.timestamp_nanos_opt().unwrap_or_default();
    u64::try_from(nanoseconds).unwrap_or_default()
}

fn attribute((name, value): (&'static str, SpanValue)) -> KeyValue {
    match value {
        SpanValue::Text(value) => text(name, value.into_owned()),
        SpanValue::Number(value) => key_value(name, Value::IntValue(value)),
    }
}

fn text(name: &str, value: String) -> KeyValue {
    key_value(name, Value::StringValue(value))
}

fn key_value(name: &str, value: Value) -> KeyValue {
    KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}
