//! What the metrics tell of deliveries, on a queue in memory.
#![expect(clippy::panic, reason = "a handler fails by panicking")]

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use lemon_consumer::{Consumer, ConsumerConfig, Handler, Malformed, Outcome, register_metrics};
use lemon_domain::{
    ports::{JobQueue, Outgoing},
    values::QueueName,
};
use lemon_fakes::{FakeClock, MemoryJobQueue};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Does with a message what its body says.
struct Obedient;

#[async_trait]
impl Handler for Obedient {
    type Message = String;

    fn decode(&self, body: &str) -> Result<String, Malformed> {
        match body {
            "malformed" => Err(Malformed::new("it says so")),
            body => Ok(body.to_owned()),
        }
    }

    async fn handle(&self, message: &String) -> Outcome {
        match message.as_str() {
            "refused" => Outcome::dead_letter("it says so"),
            "exhausted" => Outcome::retry_after(Duration::ZERO, "it says so"),
            "panicked" => panic!("it says so"),
            _ => Outcome::Done,
        }
    }
}

/// On one thread, because the recorder is this thread's.
#[tokio::test]
async fn dead_letters_are_counted_by_their_reason() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let jobs = QueueName::parse("jobs").unwrap();
    register_metrics([&jobs], []);
    let queue = MemoryJobQueue::new(Arc::new(FakeClock::default()), [jobs.clone()]);
    let queue = Arc::new(queue);
    let bodies = ["malformed", "refused", "exhausted", "panicked", "done"];
    for body in bodies {
        let message = Outgoing {
            id: Uuid::nil(),
            body: body.to_owned(),
            trace: None,
        };
        queue.send(&jobs, vec![message]).await.remove(0).unwrap();
    }
    let config = ConsumerConfig::default().with_backoff(Duration::ZERO, Duration::ZERO);
    let consumer = Consumer::new(queue.clone(), jobs.clone(), Obedient).with_config(config);
    let stop = CancellationToken::new();
    let running = tokio::spawn(consumer.run(stop.clone()));
    loop {
        let depth = queue.depth(&jobs).await.unwrap();
        if (depth.waiting, depth.in_flight, depth.dead) == (0, 0, 4) {
            break;
        }
        tokio::task::yield_now().await;
    }
    stop.cancel();
    running.await.unwrap().unwrap();
    let text = recorder.handle().render();
    for line in [
        r#"lemon_dead_letters_total{queue="jobs",reason="malformed"} 1"#,
        r#"lemon_dead_letters_total{queue="jobs",reason="refused"} 1"#,
        r#"lemon_dead_letters_total{queue="jobs",reason="exhausted"} 1"#,
        r#"lemon_dead_letters_total{queue="jobs",reason="panicked"} 1"#,
        r#"lemon_dead_letters_total{queue="jobs",reason="failed_alone"} 0"#,
        r#"lemon_deliveries_total{queue="jobs",outcome="dead_lettered"} 4"#,
        r#"lemon_deliveries_total{queue="jobs",outcome="dead_letter_failed"} 0"#,
        r#"lemon_deliveries_total{queue="jobs",outcome="done"} 1"#,
        r#"lemon_deliveries_total{queue="jobs",outcome="retried"} 8"#,
        r#"lemon_deliveries_in_flight{queue="jobs"} 0"#,
    ] {
        assert!(text.contains(line), "{line} is missing: {text}");
    }
}
