//! The trace context of a message, as message attributes.

use std::collections::HashMap;

use aws_sdk_sqs::types::MessageAttributeValue;
use lemon_domain::{ports::MAX_BODY_BYTES, values::TraceContext};

/// The attributes, named as the headers of [W3C Trace Context](https://www.w3.org/TR/trace-context-1/).
pub(crate) const TRACEPARENT: &str = "traceparent";
pub(crate) const TRACESTATE: &str = "tracestate";

/// Their type.
pub(crate) const TYPE: &str = "String";

/// The attributes as names and values.
pub(crate) fn attributes(trace: &TraceContext) -> impl Iterator<Item = (&'static str, String)> {
    let state = trace.tracestate().map(|it| (TRACESTATE, it.to_owned()));
    [(TRACEPARENT, trace.traceparent())]
        .into_iter()
        .chain(state)
}

/// The size of the attributes. Names, types and values count:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>.
pub(crate) fn bytes(trace: &TraceContext) -> usize {
    attributes(trace)
        .map(|(name, value)| name.len() + TYPE.len() + value.len())
        .sum()
}

/// The trace context, if a message has room for it beside a body of that size.
pub(crate) fn fitting(trace: Option<TraceContext>, body: usize) -> Option<TraceContext> {
    trace.filter(|trace| body + bytes(trace) <= MAX_BODY_BYTES)
}

/// The attributes for a message.
pub(crate) fn written(trace: &TraceContext) -> Option<HashMap<String, MessageAttributeValue>> {
    let value = |(name, text): (&str, String)| {
        let value = MessageAttributeValue::builder()
            .data_type(TYPE)
            .string_value(text);
        Some((name.to_owned(), value.build().ok()?))
    };
    attributes(trace).map(value).collect()
}

/// The trace context that the attributes of a message give, if they give one that can be read.
pub(crate) fn read(
    attributes: Option<&HashMap<String, MessageAttributeValue>>,
) -> Option<TraceContext> {
    let text = |name| attributes?.get(name)?.string_value();
    TraceContext::parse(text(TRACEPARENT)?, text(TRACESTATE)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn trace() -> TraceContext {
        TraceContext::parse(PARENT, Some("vendor=one")).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let attributes = written(&trace()).unwrap();
        assert_eq!(attributes[TRACEPARENT].string_value(), Some(PARENT));
        assert_eq!(attributes[TRACESTATE].string_value(), Some("vendor=one"));
        assert_eq!(read(Some(&attributes)), Some(trace()));
    }

    #[test]
    fn attributes_that_are_malformed_or_missing_are_no_trace() {
        let mut attributes = written(&trace()).unwrap();
        let foreign = MessageAttributeValue::builder().data_type("String");
        let foreign = foreign.string_value("foreign").build().unwrap();
        attributes.insert(TRACEPARENT.to_owned(), foreign);
        assert_eq!(read(Some(&attributes)), None);
        attributes.remove(TRACEPARENT);
        assert_eq!(read(Some(&attributes)), None);
        assert_eq!(read(None), None);
    }

    #[test]
    fn a_body_that_leaves_no_room_goes_without_its_trace() {
        let room = "traceparentString".len() + 55 + "tracestateStringvendor=one".len();
        let most = MAX_BODY_BYTES - room;
        assert_eq!(fitting(Some(trace()), most), Some(trace()));
        assert_eq!(fitting(Some(trace()), most + 1), None);
    }
}
