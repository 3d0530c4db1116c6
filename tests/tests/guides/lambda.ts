// Calls the worker's function with the messages of queues, as an event source of AWS Lambda does.
import {
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { handler } from "./worker.ts";

const sqs = new SQSClient({});

async function drive(QueueUrl: string): Promise<never> {
  while (true) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: 20,
        MessageSystemAttributeNames: ["SentTimestamp"],
      }),
    );
    if (Messages.length === 0) continue;
    const { batchItemFailures } = await handler({
      Records: Messages.map((message) => ({
        messageId: message.MessageId,
        body: message.Body,
        attributes: message.Attributes,
      })),
    });
    const failed = batchItemFailures.map((failure) => failure.itemIdentifier);
    for (const { MessageId, ReceiptHandle } of Messages) {
      if (!failed.includes(MessageId)) {
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      }
    }
  }
}

await Promise.all(Deno.args.map(drive));
