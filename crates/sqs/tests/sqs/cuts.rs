//! Answers that are lost, and lines that go silent without being closed.

use std::time::Duration;

use futures::future::join_all;
use lemon_domain::{
    ports::{Depth, JobQueue, MAX_BATCH, QueueError, Receipt},
    values::QueueName,
};
use lemon_sqs::SqsJobQueue;
use lemon_test_servers::Link;
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::{
    common::{SOON, Sqs, await_depth, client_with, outgoing, send},
    double::{Double, answer, batch, config, error, jobs},
};

/// Idle connections at the time of a cut.
const CONNECTIONS: usize = 12;

/// A queue over a line.
fn through(line: &Link) -> SqsJobQueue {
    let client = client_with(&format!("http://127.0.0.1:{}", line.port()), &config());
    SqsJobQueue::new(&client, config())
}

/// Makes as many idle connections, by as many calls at once.
async fn warm_up(queue: &SqsJobQueue, name: &QueueName, line: &Link) {
    let warmed = async {
        while line.connections() < CONNECTIONS as u64 {
            join_all((0..CONNECTIONS).map(|_| queue.depth(name))).await;
        }
    };
    timeout(SOON, warmed).await.unwrap();
}

/// A queue over a line, with idle connections.
async fn warm(sqs: &Sqs, name: &QueueName) -> (SqsJobQueue, Link) {
    let line = Link::to(sqs.server.address()).await;
    let queue = through(&line);
    warm_up(&queue, name, &line).await;
    (queue, line)
}

#[tokio::test]
async fn after_a_silent_cut_a_call_that_may_be_repeated_succeeds_at_once() {
    let sqs = Sqs::get().await;
    let name = sqs.queue("Jobs").await;
    let (queue, line) = warm(&sqs, &name).await;
    line.silence();
    // The second attempt meets none of the other dead connections.
    queue.depth(&name).await.unwrap();
}

#[tokio::test]
async fn after_a_silent_cut_one_send_is_uncertain_and_the_next_ones_are_taken() {
    let sqs = Sqs::get().await;
    let name = sqs.queue("Jobs").await;
    let (queue, line) = warm(&sqs, &name).await;
    line.silence();
    let cut = queue.send(&name, outgoing(&["cut off"])).await.remove(0);
    assert!(
        matches!(&cut, Err(error) if error.is_transient() && !error.is_certain()),
        "{cut:?}"
    );
    for _ in 0..CONNECTIONS {
        send(&queue, &name, &["after"]).await;
    }
}

#[tokio::test]
async fn a_long_poll_on_a_dead_line_is_sent_again_as_soon_as_another_call_found_a_new_one() {
    const POLLS: usize = 3;
    let double = Double::start().await;
    let attributes = answer(&json!({ "Attributes": {
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
    } }));
    double.answers("GetQueueAttributes", attributes).await;
    for _ in 0..POLLS {
        let silent = answer(&json!({})).set_delay(SOON);
        double.answers_once("ReceiveMessage", silent).await;
    }
    // Later than the first polls would leave time for.
    let message = json!({ "MessageId": "1", "ReceiptHandle": "receipt", "Body": "x" });
    let message = answer(&json!({ "Messages": [message] })).set_delay(Duration::from_secs(2));
    double.answers("ReceiveMessage", message).await;

    let server = double.uri().parse::<url::Url>().unwrap();
    let line = Link::to(("127.0.0.1".to_owned(), server.port().unwrap())).await;
    let (queue, name) = (through(&line), jobs());
    warm_up(&queue, &name, &line).await;
    let polling = join_all((0..POLLS).map(|_| queue.receive(&name, 1, Duration::from_secs(20))));
    let cutting = async {
        while double.calls("ReceiveMessage").await.len() < POLLS {
            sleep(Duration::from_millis(20)).await;
        }
        line.silence();
        queue.depth(&name).await.unwrap();
    };
    let both = timeout(2 * SOON, async { tokio::join!(polling, cutting) });
    for deliveries in both.await.unwrap().0 {
        assert_eq!(deliveries.unwrap().len(), 1);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_idle_connection_sends_keepalive_probes() {
    let double = Double::start().await;
    let queue = double.job_queue();
    double.answers("ReceiveMessage", answer(&json!({}))).await;
    queue.receive(&jobs(), 1, Duration::ZERO).await.unwrap();
    let port = double.uri().rsplit_once(':').unwrap().1.to_owned();
    let port = format!(":{:04X}", port.parse::<u16>().unwrap());
    // <https://www.kernel.org/doc/Documentation/networking/proc_net_tcp.txt>: the timer's kind is 2 for a keepalive.
    let connections = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let idle = connections.lines().filter_map(|line| {
        let fields: Vec<_> = line.split_ascii_whitespace().collect();
        (fields[2].ends_with(&port) && fields[3] == "01").then(|| fields[5].to_owned())
    });
    let idle: Vec<String> = idle.collect();
    assert!(!idle.is_empty(), "{connections}");
    for timer in idle {
        let (kind, hundredths) = timer.split_once(':').unwrap();
        let due = u64::from_str_radix(hundredths, 16).unwrap();
        assert!(kind == "02" && due <= 500, "{timer}");
    }
}

#[tokio::test]
async fn a_send_whose_answer_is_lost_is_made_once_and_other_calls_are_repeated() {
    let double = Double::start().await;
    let queue = double.job_queue();
    let late = batch(&["0"], &[]).set_delay(SOON);
    for operation in ["SendMessageBatch", "DeleteMessageBatch", "ReceiveMessage"] {
        double.answers(operation, late.clone()).await;
    }
    let receipts = [Receipt("receipt".to_owned())];
    for attempt in 1..=2 {
        let sent = queue.send(&jobs(), outgoing(&["a"])).await.remove(0);
        assert!(matches!(sent, Err(QueueError::Unavailable(_))), "{sent:?}");
        assert_eq!(double.calls("SendMessageBatch").await.len(), attempt);
    }
    queue.ack(&jobs(), &receipts).await.remove(0).unwrap_err();
    assert_eq!(double.calls("DeleteMessageBatch").await.len(), 2);
    let received = queue.receive(&jobs(), 1, Duration::ZERO).await;
    received.unwrap_err();
    assert_eq!(double.calls("ReceiveMessage").await.len(), 2);
}

#[tokio::test]
async fn a_failure_that_may_have_come_after_the_message_was_taken_is_not_repeated() {
    let double = Double::start().await;
    let broken = error(500, "InternalFailure", "Something broke");
    double.answers("SendMessageBatch", broken).await;
    let sent = double.job_queue().send(&jobs(), outgoing(&["a"])).await;
    assert!(matches!(sent[..], [Err(QueueError::Unavailable(_))]));
    assert_eq!(double.calls("SendMessageBatch").await.len(), 1);
}

#[tokio::test]
async fn a_message_that_was_not_sent_is_certainly_not_taken() {
    let sqs = Sqs::get().await;
    let name = sqs.queue("Jobs").await;
    let (queue, mut line) = warm(&sqs, &name).await;
    line.cut().await;
    // The idle connections were closed; from the first answerless call on nobody listens.
    let nobody = async {
        loop {
            let sent = queue.send(&name, outgoing(&["a"])).await.remove(0);
            match sent {
                Err(QueueError::Unreached(_)) => return,
                Err(QueueError::Unavailable(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    timeout(SOON, nobody).await.unwrap();
    line.mend().await;
    send(&queue, &name, &["b"]).await;
    let one = Depth {
        waiting: 1,
        ..Depth::default()
    };
    await_depth(&sqs.job_queue(), &name, one).await;
    assert_eq!(
        queue
            .receive(&name, MAX_BATCH, Duration::from_secs(1))
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn many_messages_cost_one_deadline_too() {
    let double = Double::start().await;
    let late = batch(&["0"], &[]).set_delay(SOON);
    double.answers("SendMessageBatch", late).await;
    let texts = vec!["x"; 1000];
    let (queue, name) = (double.job_queue(), jobs());
    let sent = timeout(SOON, queue.send(&name, outgoing(&texts)));
    let outcomes = sent.await.unwrap();
    assert!(outcomes.iter().all(Result::is_err));
    // One round of batches was under way, and no second one was begun that could not end.
    let rounds = double.calls("SendMessageBatch").await.len() / 8;
    assert!(rounds <= 2, "{rounds} rounds");
}
