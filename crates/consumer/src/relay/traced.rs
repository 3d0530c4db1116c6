use lemon_domain::{
    ports::{OutboxEntry, Outgoing},
    traces::{SpanKind, TraceSpan, Tracer},
    values::QueueName,
};

/// The send of a row, and its span: that of the trace which the row belongs to. A row without a trace has none.
pub(super) struct TracedSend<T> {
    entry: OutboxEntry<T>,
    span: Option<TraceSpan>,
}

impl<T> TracedSend<T> {
    /// The message continues the trace from the span, or else from where the row was put.
    pub(super) fn begin(
        tracer: &Tracer,
        queue: &QueueName,
        entry: OutboxEntry<T>,
        body: String,
    ) -> (Self, Outgoing) {
        let span = entry.trace.as_ref().and_then(|trace| {
            let mut span = tracer.begin(SpanKind::Producer, "send", Some(trace))?;
            span.rename(format!("send {queue}"));
            span.set("messaging.destination.name", queue.to_string());
            span.set("request.id", entry.request_id.to_string());
            span.set("attempt", entry.attempt);
            Some(span)
        });
        let trace = match &span {
            Some(span) => Some(span.context().clone()),
            None => entry.trace.clone(),
        };
        let id = entry.request_id.get();
        (Self { entry, span }, Outgoing { id, body, trace })
    }

    /// Ends the span; answers the row.
    pub(super) fn end(self, is_sent: bool) -> OutboxEntry<T> {
        if let Some(mut span) = self.span
            && !is_sent
        {
            span.fail();
        }
        self.entry
    }
}
