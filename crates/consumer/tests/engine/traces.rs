//! A message is handled in its trace.

use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use lemon_consumer::{Consumer, ConsumerConfig, Handler, Malformed, Outcome};
use lemon_domain::{
    ports::Outgoing,
    traces::{EndedSpan, SpanKind, SpanValue, Tracer, current_trace},
    values::TraceContext,
};
use lemon_fakes::{FakeClock, SequentialIds};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::subjects::{Subject, eventually, fake};

const SENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn sent() -> TraceContext {
    TraceContext::parse(SENT, Some("vendor=1")).unwrap()
}

/// Notes where each message is in a trace. A message `slow` is never done, and `bad` fails.
#[derive(Clone)]
struct Noting {
    seen: Arc<Mutex<Vec<Option<TraceContext>>>>,
    slow: Arc<Semaphore>,
}

impl Noting {
    fn new() -> Self {
        Self {
            seen: Arc::default(),
            slow: Arc::new(Semaphore::new(0)),
        }
    }
}

#[async_trait]
impl Handler for Noting {
    type Message = String;

    fn decode(&self, body: &str) -> Result<String, Malformed> {
        Ok(body.to_owned())
    }

    async fn handle(&self, body: &String) -> Outcome {
        tokio::task::yield_now().await;
        self.seen.lock().unwrap().push(current_trace());
        match body.as_str() {
            "slow" => {
                self.slow.add_permits(1);
                pending().await
            }
            "bad" => Outcome::dead_letter("on purpose"),
            _ => Outcome::Done,
        }
    }
}

type Ended = Arc<Mutex<Vec<EndedSpan>>>;

fn tracer() -> (Tracer, Ended) {
    let ended = Ended::default();
    let (spans, clock) = (Arc::clone(&ended), Arc::<FakeClock>::default());
    let ids = SequentialIds::default();
    let tracer = Tracer::new(&ids, clock, 1.0, move |span| {
        spans.lock().unwrap().push(span);
    });
    (tracer, ended)
}

async fn send(subject: &Subject, body: &str, trace: Option<TraceContext>) {
    let message = Outgoing {
        id: Uuid::nil(),
        body: body.to_owned(),
        trace,
    };
    let sent = subject.queue.send(&subject.name, vec![message]).await;
    sent.into_iter().collect::<Result<(), _>>().unwrap();
}

/// Handles what is in the queue.
async fn consume(subject: &Subject, handler: &Noting, tracer: Tracer, dead: u64) {
    let queue = Arc::clone(&subject.queue);
    let consumer = Consumer::new(queue, subject.name.clone(), handler.clone()).with_tracer(tracer);
    let stop = CancellationToken::new();
    let running = tokio::spawn(consumer.run(stop.clone()));
    subject.is_consumed(dead).await;
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_delivery_is_a_span_of_the_trace_that_its_sender_gave() {
    let (subject, handler, (tracer, ended)) = (fake().await, Noting::new(), tracer());
    send(&subject, "good", Some(sent())).await;
    consume(&subject, &handler, tracer, 0).await;
    let ended = ended.lock().unwrap().clone();
    assert_eq!(ended.len(), 1);
    let span = &ended[0];
    assert_eq!(
        (&*span.name, span.kind),
        ("process jobs", SpanKind::Consumer)
    );
    assert_eq!(span.parent, Some(sent().span()));
    assert_eq!(span.context.trace(), sent().trace());
    assert_eq!(span.context.tracestate(), sent().tracestate());
    assert!(!span.failed);
    let outcome = ("outcome", SpanValue::from("done"));
    assert!(span.attributes.contains(&outcome), "{span:?}");
    assert_eq!(*handler.seen.lock().unwrap(), [Some(span.context.clone())]);
}

#[tokio::test]
async fn a_delivery_without_a_trace_begins_one_and_a_dead_letter_is_a_failure() {
    let (subject, handler, (tracer, ended)) = (fake().await, Noting::new(), tracer());
    send(&subject, "bad", None).await;
    consume(&subject, &handler, tracer, 1).await;
    let ended = ended.lock().unwrap().clone();
    assert_eq!(ended.len(), 1);
    assert_eq!((ended[0].parent, ended[0].failed), (None, true));
}

#[tokio::test]
async fn without_a_tracer_what_a_message_causes_is_in_its_trace_all_the_same() {
    let (subject, handler) = (fake().await, Noting::new());
    send(&subject, "good", Some(sent())).await;
    consume(&subject, &handler, Tracer::off(), 0).await;
    send(&subject, "good", None).await;
    consume(&subject, &handler, Tracer::off(), 0).await;
    assert_eq!(*handler.seen.lock().unwrap(), [Some(sent()), None]);
}

#[tokio::test]
async fn a_message_that_is_given_back_keeps_its_trace() {
    let (subject, handler) = (fake().await, Noting::new());
    send(&subject, "slow", Some(sent())).await;
    let queue = Arc::clone(&subject.queue);
    let consumer = Consumer::new(queue, subject.name.clone(), handler.clone())
        .with_config(ConsumerConfig::default().with_grace(Duration::ZERO));
    let stop = CancellationToken::new();
    let running = tokio::spawn(consumer.run(stop.clone()));
    handler.slow.acquire().await.unwrap().forget();
    stop.cancel();
    running.await.unwrap().unwrap();
    eventually("the message is there again", async || {
        let again = subject.queue.receive(&subject.name, 1, Duration::ZERO);
        let again = again.await.unwrap();
        again.first().is_some_and(|again| {
            assert_eq!((again.attempt, &again.trace), (1, &Some(sent())));
            true
        })
    })
    .await;
}
