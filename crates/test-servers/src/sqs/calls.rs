//! Calls to SQS without an SDK, and so without its deadlines and retries.

use std::io;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::SqsServer;

/// The answer of a server.
#[derive(Debug)]
pub(super) struct SqsAnswer {
    status: u16,
    text: String,
}

impl SqsAnswer {
    /// The content of an answer of success.
    pub(super) fn accepted(self) -> io::Result<Value> {
        if self.status != 200 {
            return Err(io::Error::other(self.text));
        }
        let body = self
            .text
            .split_once("\r\n\r\n")
            .map_or("", |(_, body)| body);
        // Some actions have an empty answer.
        Ok(serde_json::from_str(body.trim()).unwrap_or_default())
    }

    /// Accepts any answer, even a refusal, unless it is a fault of the server.
    pub(super) fn answered(self) -> io::Result<()> {
        if self.status < 500 {
            return Ok(());
        }
        Err(io::Error::other(self.text))
    }
}

/// The answer to an action of the [JSON protocol](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html),
/// without a deadline. The server does not check signatures.
pub(super) async fn call(
    server: (&str, u16),
    action: &str,
    parameters: &Value,
) -> io::Result<SqsAnswer> {
    let mut stream = TcpStream::connect(server).await?;
    let parameters = parameters.to_string();
    // In HTTP/1.0, no answer is chunked.
    let request = format!(
        "POST / HTTP/1.0\r\nHost: {}:{}\r\n\
         X-Amz-Target: AmazonSQS.{action}\r\nContent-Type: application/x-amz-json-1.0\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential={}/20261123/{}/sqs/aws4_request, \
         SignedHeaders=host, Signature=none\r\nContent-Length: {}\r\n\r\n{parameters}",
        server.0,
        server.1,
        SqsServer::ACCESS_KEY,
        SqsServer::REGION,
        parameters.len(),
    );
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("the answer is not HTTP"))?;
    Ok(SqsAnswer { status, text })
}
