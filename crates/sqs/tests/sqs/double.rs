//! A server that speaks SQS' protocol and answers what a test tells it to.

use std::time::Duration;

use lemon_domain::values::QueueName;
use lemon_sqs::{SqsConfig, SqsJobQueue, SqsQueues};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::header};

use crate::common::client_with;

/// The deadline of the calls to it: much longer than an answer takes on a busy machine, for most of them succeed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(4);

pub(crate) struct Double(MockServer);

impl Double {
    /// It knows the address of every queue, and nothing else.
    pub(crate) async fn start() -> Self {
        let double = Self(MockServer::start().await);
        let address = json!({ "QueueUrl": "http://sqs.example/1/Jobs" });
        let known = answer(&address);
        double.mount("GetQueueUrl", known, None, u8::MAX).await;
        double
    }

    pub(crate) fn uri(&self) -> String {
        self.0.uri()
    }

    pub(crate) fn job_queue(&self) -> SqsJobQueue {
        SqsJobQueue::new(&client_with(&self.uri(), &config()), config())
    }

    pub(crate) fn queues(&self) -> SqsQueues {
        SqsQueues::new(&client_with(&self.uri(), &config()), config())
    }

    /// From now on it answers so to an operation, once earlier answers that are limited have been given.
    pub(crate) async fn answers(&self, operation: &str, answer: ResponseTemplate) {
        self.mount(operation, answer, None, 5).await;
    }

    /// It answers so to the next call of an operation.
    pub(crate) async fn answers_once(&self, operation: &str, answer: ResponseTemplate) {
        self.mount(operation, answer, Some(1), 5).await;
    }

    async fn mount(
        &self,
        operation: &str,
        answer: ResponseTemplate,
        times: Option<u64>,
        priority: u8,
    ) {
        let target = format!("AmazonSQS.{operation}");
        let mut mock = Mock::given(header("x-amz-target", target.as_str()))
            .respond_with(answer)
            .with_priority(priority);
        if let Some(times) = times {
            mock = mock.up_to_n_times(times);
        }
        mock.mount(&self.0).await;
    }

    /// The bodies of the calls of an operation so far.
    pub(crate) async fn calls(&self, operation: &str) -> Vec<Value> {
        let target = format!("AmazonSQS.{operation}");
        let calls = self.0.received_requests().await.unwrap();
        let calls = calls.iter().filter(|call| {
            let named = call.headers.get("x-amz-target");
            named.is_some_and(|name| name.as_bytes() == target.as_bytes())
        });
        calls.map(|call| call.body_json().unwrap()).collect()
    }
}

pub(crate) fn config() -> SqsConfig {
    SqsConfig::default().with_deadline(DEADLINE)
}

pub(crate) fn jobs() -> QueueName {
    QueueName::parse("Jobs").unwrap()
}

/// A success.
pub(crate) fn answer(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(body.to_string(), "application/x-amz-json-1.0")
}

/// An error, as the protocol has it.
pub(crate) fn error(status: u16, code: &str, message: &str) -> ResponseTemplate {
    let body = json!({ "__type": format!("com.amazonaws.sqs#{code}"), "message": message });
    ResponseTemplate::new(status).set_body_raw(body.to_string(), "application/x-amz-json-1.0")
}

/// The outcome of a batch: ids that succeeded, and ids that did not, with codes and whose fault it is.
pub(crate) fn batch(successful: &[&str], failed: &[(&str, &str, bool)]) -> ResponseTemplate {
    let successful = successful.iter().map(
        |id| json!({ "Id": id, "MessageId": format!("message-{id}"), "MD5OfMessageBody": "" }),
    );
    let failed = failed.iter().map(|(id, code, senders)| {
        json!({ "Id": id, "Code": code, "SenderFault": senders, "Message": "it did not work" })
    });
    answer(&json!({
        "Successful": successful.collect::<Vec<_>>(),
        "Failed": failed.collect::<Vec<_>>(),
    }))
}
