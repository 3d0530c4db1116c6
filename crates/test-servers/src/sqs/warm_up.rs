use std::io;

use serde_json::{Value, json};

use super::calls::call;

/// Makes each kind of call that the tests make. Even a server that says that it is ready may need long for its first
/// queue, or for the first message in it, and tests call with a deadline.
pub(super) async fn warm_up(server: (&str, u16), prefix: &str) -> io::Result<()> {
    let caller = WarmUpClient { server };
    caller.accepted("ListQueues", json!({})).await?;
    let dead_letters = json!({ "QueueName": format!("{prefix}warm-up-dlq") });
    let dead_letters = caller.create(dead_letters).await?;
    let arn = caller.arn(&dead_letters).await?;
    let redrive = json!({ "deadLetterTargetArn": arn, "maxReceiveCount": 5 });
    let name = format!("{prefix}warm-up");
    let attributes = json!({ "RedrivePolicy": redrive.to_string() });
    let queue = json!({ "QueueName": name, "Attributes": attributes });
    let queue = caller.create(queue).await?;
    caller.set_up(&name, &queue).await?;
    caller.send(&queue).await?;
    caller.receive(&queue).await?;
    caller.move_back(&dead_letters, &arn).await?;
    for queue in [queue, dead_letters] {
        let it = json!({ "QueueUrl": queue });
        caller.accepted("DeleteQueue", it).await?;
    }
    Ok(())
}

struct WarmUpClient<'a> {
    server: (&'a str, u16),
}

impl WarmUpClient<'_> {
    async fn accepted(&self, action: &str, parameters: Value) -> io::Result<Value> {
        call(self.server, action, &parameters).await?.accepted()
    }

    async fn answered(&self, action: &str, parameters: Value) -> io::Result<()> {
        call(self.server, action, &parameters).await?.answered()
    }

    /// Creates a queue; answers its URL.
    async fn create(&self, queue: Value) -> io::Result<Value> {
        let created = self.accepted("CreateQueue", queue).await?;
        Ok(created["QueueUrl"].clone())
    }

    /// The ARN of a queue, by which another queue refers to it.
    async fn arn(&self, queue: &Value) -> io::Result<Value> {
        let all = json!({ "QueueUrl": queue, "AttributeNames": ["All"] });
        let found = self.accepted("GetQueueAttributes", all).await?;
        Ok(found["Attributes"]["QueueArn"].clone())
    }

    async fn set_up(&self, name: &str, queue: &Value) -> io::Result<()> {
        let named = json!({ "QueueName": name });
        self.accepted("GetQueueUrl", named).await?;
        let settings = json!({ "QueueUrl": queue, "Attributes": { "VisibilityTimeout": "30" } });
        self.accepted("SetQueueAttributes", settings).await?;
        Ok(())
    }

    async fn send(&self, queue: &Value) -> io::Result<()> {
        let one = json!({ "QueueUrl": queue, "MessageBody": "1" });
        self.accepted("SendMessage", one).await?;
        let entries: Vec<_> = (2..=4)
            .map(|id| json!({ "Id": id.to_string(), "MessageBody": id.to_string() }))
            .collect();
        let batch = json!({ "QueueUrl": queue, "Entries": entries });
        self.accepted("SendMessageBatch", batch).await?;
        Ok(())
    }

    /// Receives a message and makes every call for it. A message that is not visible yet is removed with its queue.
    async fn receive(&self, queue: &Value) -> io::Result<()> {
        let wait = json!({ "QueueUrl": queue, "MaxNumberOfMessages": 1, "WaitTimeSeconds": 1 });
        let received = self.accepted("ReceiveMessage", wait).await?;
        let receipt = &received["Messages"][0]["ReceiptHandle"];
        let one = json!({ "QueueUrl": queue, "ReceiptHandle": receipt, "VisibilityTimeout": 30 });
        self.answered("ChangeMessageVisibility", one).await?;
        let entry = json!({ "Id": "1", "ReceiptHandle": receipt, "VisibilityTimeout": 30 });
        let batch = json!({ "QueueUrl": queue, "Entries": [entry] });
        self.answered("ChangeMessageVisibilityBatch", batch).await?;
        let one = json!({ "QueueUrl": queue, "ReceiptHandle": receipt });
        self.answered("DeleteMessage", one).await?;
        let entry = json!({ "Id": "1", "ReceiptHandle": receipt });
        let batch = json!({ "QueueUrl": queue, "Entries": [entry] });
        self.answered("DeleteMessageBatch", batch).await
    }

    /// Not every server supports moving messages; the tests that need it check for that.
    async fn move_back(&self, dead_letters: &Value, arn: &Value) -> io::Result<()> {
        let source = json!({ "SourceArn": arn });
        self.answered("StartMessageMoveTask", source.clone())
            .await?;
        self.answered("ListMessageMoveTasks", source).await?;
        let it = json!({ "QueueUrl": dead_letters });
        self.answered("ListDeadLetterSourceQueues", it).await
    }
}
