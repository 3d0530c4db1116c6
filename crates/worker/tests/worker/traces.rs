//! A trace goes from a registration through the outbox and the queues to the notification.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use lemon_domain::{
    ports::{Delivery, JobQueue, Outgoing},
    traces::{EndedSpan, SpanKind, Tracer, in_trace},
    values::{QueueName, TraceContext},
};
use lemon_worker::ReadyListener;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::world::{World, eventually};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn parent() -> TraceContext {
    TraceContext::parse(PARENT, Some("vendor=1")).unwrap()
}

fn tracer(world: &World) -> (Tracer, Arc<Mutex<Vec<EndedSpan>>>) {
    let ended = Arc::<Mutex<Vec<_>>>::default();
    let spans = Arc::clone(&ended);
    let tracer = Tracer::new(&*world.ids, world.clock.clone(), 1.0, move |span| {
        spans.lock().unwrap().push(span);
    });
    (tracer, ended)
}

async fn next(world: &World, queue: &QueueName) -> Delivery {
    let mut deliveries = world.queue.receive(queue, 1, Duration::ZERO).await.unwrap();
    deliveries.remove(0)
}

#[tokio::test]
async fn a_trace_reaches_the_workers_and_the_notification() {
    let world = World::new();
    let queues = world.queues();
    let (tracer, ended) = tracer(&world);
    let relay = world.relay().with_tracer(tracer.clone());
    in_trace(Some(parent()), Box::pin(world.registered(1))).await;
    relay.relay_batch().await.unwrap();
    let job = next(&world, &queues.train).await;
    let send = ended.lock().unwrap().pop().unwrap();
    assert_eq!((&*send.name, send.kind), ("send train", SpanKind::Producer));
    assert_eq!(send.parent, Some(parent().span()));
    assert_eq!(job.trace, Some(send.context));

    // As a worker passes it on.
    let body = json!({ "oauth_user_id": 1, "oauth_type": "TWITTER", "service_name": "LEARNME" });
    let ready = Outgoing {
        id: Uuid::nil(),
        body: body.to_string(),
        trace: job.trace.clone(),
    };
    let outcomes = world.queue.send(&queues.ready, vec![ready]).await;
    outcomes.into_iter().next().unwrap().unwrap();
    let listener = Arc::into_inner(world.listener()).unwrap();
    let listener = Arc::new(ReadyListener { tracer, ..listener });
    let stop = CancellationToken::new();
    let listening = tokio::spawn(listener.run(stop.clone()));
    eventually("the span of the ready message ends", async || {
        !ended.lock().unwrap().is_empty()
    })
    .await;
    stop.cancel();
    listening.await.unwrap().unwrap();
    let process = ended.lock().unwrap().pop().unwrap();
    assert_eq!(process.parent, Some(job.trace.unwrap().span()));

    relay.relay_batch().await.unwrap();
    let notify = next(&world, &queues.notify).await;
    let send = ended.lock().unwrap().pop().unwrap();
    assert_eq!(send.parent, Some(process.context.span()));
    assert_eq!(notify.trace, Some(send.context));
    assert_eq!(notify.trace.unwrap().trace(), parent().trace());
}

#[tokio::test]
async fn a_body_is_the_same_with_a_trace_and_without() {
    let fields = async |trace: Option<TraceContext>| {
        let world = World::new();
        in_trace(trace.clone(), Box::pin(world.registered(1))).await;
        world.relay().relay_batch().await.unwrap();
        let job = next(&world, &world.queues().train).await;
        // A relay that traces nothing passes on what it finds.
        assert_eq!(job.trace, trace);
        let body: Value = serde_json::from_str(&job.body).unwrap();
        body.as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(fields(Some(parent())).await, fields(None).await);
}

#[tokio::test]
async fn a_row_without_a_trace_is_sent_without_one_and_is_no_span() {
    let world = World::new();
    let (tracer, ended) = tracer(&world);
    world.registered(1).await;
    let relay = world.relay().with_tracer(tracer);
    relay.relay_batch().await.unwrap();
    assert_eq!(next(&world, &world.queues().train).await.trace, None);
    assert!(ended.lock().unwrap().is_empty());
}
