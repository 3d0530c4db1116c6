// The few names of the AWS SDK that the guide's worker uses, over the JSON protocol and without signatures, which a server for
// tests does not check.

interface Message {
  MessageId: string;
  Body: string;
  ReceiptHandle: string;
  Attributes: { SentTimestamp: string };
}

class Command<Answer> {
  readonly answer?: Answer;
  constructor(readonly action: string, readonly input: Record<string, unknown>) {}
}

export class SendMessageCommand extends Command<{ MessageId: string }> {
  constructor(input: { QueueUrl: string | undefined; MessageBody: string | undefined }) {
    super("SendMessage", input);
  }
}

export class ReceiveMessageCommand extends Command<{ Messages?: Message[] }> {
  constructor(input: Record<string, unknown>) {
    super("ReceiveMessage", input);
  }
}

export class DeleteMessageCommand extends Command<unknown> {
  constructor(input: { QueueUrl: string; ReceiptHandle: string }) {
    super("DeleteMessage", input);
  }
}

export class SQSClient {
  constructor(_config: Record<string, never>) {}

  async send<Answer>(command: Command<Answer>): Promise<Answer> {
    const credential = `${process.env["AWS_ACCESS_KEY_ID"]}/20261123/${process.env["AWS_REGION"]}/sqs/aws4_request`;
    const answer = await fetch(process.env["AWS_ENDPOINT_URL"]!, {
      method: "POST",
      headers: {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": `AmazonSQS.${command.action}`,
        Authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host, Signature=none`,
      },
      body: JSON.stringify(command.input),
    });
    if (!answer.ok) throw new Error(`${command.action}: ${answer.status}`);
    const text = await answer.text();
    return JSON.parse(text === "" ? "{}" : text);
  }
}
