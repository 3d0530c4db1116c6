use std::time::Duration;

use aws_smithy_runtime_api::client::result::ConnectorError;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Connector;
use crate::not_sent::NotSent;

/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(20);

/// The connections that were made between two silences.
#[derive(Debug)]
pub(super) struct Generation {
    client: Client<Connector, Full<Bytes>>,
    answered: Mutex<Option<Instant>>,
    /// Cancelled when a later generation was answered, and this one was not.
    dead: CancellationToken,
    /// Earlier generations, which are dead if this one is answered.
    suspects: Mutex<Vec<CancellationToken>>,
}

impl Generation {
    pub(super) fn new(connector: &Connector, suspects: Vec<CancellationToken>) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector.clone());
        Self {
            client,
            answered: Mutex::default(),
            dead: CancellationToken::new(),
            suspects: Mutex::new(suspects),
        }
    }

    /// The complete answer. If the connection was closed before the call was written, the call is retried on another
    /// one.
    pub(super) async fn exchange(
        &self,
        request: http::Request<Full<Bytes>>,
    ) -> Result<http::Response<Bytes>, ConnectorError> {
        let answer = match self.client.request(request).await {
            Ok(answer) => answer,
            Err(error) if error.is_connect() => {
                return Err(ConnectorError::io(NotSent(error).into()));
            }
            Err(error) => return Err(ConnectorError::io(error.into())),
        };
        let (head, body) = answer.into_parts();
        let body = body.collect().await;
        let body = body.map_err(|error| ConnectorError::io(error.into()))?;
        self.is_answered();
        Ok(http::Response::from_parts(head, body.to_bytes()))
    }

    /// Returns when these connections are known to be dead, but not before this time.
    pub(super) async fn lost(&self, not_before: Instant) {
        self.dead.cancelled().await;
        sleep_until(not_before).await;
    }

    /// The generations that are dead if the next one is answered. They include this one only if it has answered nothing
    /// since then: a single call may just be slow.
    pub(super) fn suspects(&self, since: Instant) -> Vec<CancellationToken> {
        let answered = *self.answered.lock();
        let mut suspects = self.take_suspects();
        if answered.is_none_or(|answered| answered < since) {
            suspects.push(self.dead.clone());
        }
        suspects
    }

    fn is_answered(&self) {
        let mut answered = self.answered.lock();
        *answered = Some(Instant::now());
        drop(answered);
        for dead in self.take_suspects() {
            dead.cancel();
        }
    }

    fn take_suspects(&self) -> Vec<CancellationToken> {
        std::mem::take(&mut self.suspects.lock())
    }
}
