//! The HTTP/1.1 client below the SDK. It does two things that the SDK's own client does not: it tells which calls were
//! certainly not sent, and it finds the service again after a silent cut.

mod connect;
mod generation;

use std::{sync::Arc, time::Duration};

use aws_sdk_sqs::config::{
    HttpClient, RuntimeComponents, SharedHttpClient,
    http::{HttpRequest, HttpResponse},
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::Full;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use self::{
    connect::{Connector, connector},
    generation::Generation,
};
use crate::{config::SqsConfig, error::SqsError};

/// The longest time of a call whose caller sets no limit.
const USUAL_LIMIT: Duration = Duration::from_mins(1);

/// The HTTP client that [`SqsJobQueue::connect`](crate::SqsJobQueue::connect) uses, for your own clients. TLS is rustls
/// with ring and the system's root certificates.
///
/// After a silent cut, dead connections are found by TCP's keepalive within ten seconds, or by the first call that is
/// not answered in time, which also closes all idle connections.
///
/// # Errors
/// [`SqsError::Tls`] if TLS cannot be set up.
pub fn http_client(config: &SqsConfig) -> Result<SharedHttpClient, SqsError> {
    let connector = connector(config.connect_limit())?;
    let current = Mutex::new(Arc::new(Generation::new(&connector, Vec::new())));
    Ok(SharedHttpClient::new(Client(Arc::new(HttpConnections {
        connector,
        current,
        patience: config.attempt_limit(),
    }))))
}

/// SQS did not answer within the limit.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
struct NoAnswer(Duration);

#[derive(Debug, Clone)]
struct Client(Arc<HttpConnections>);

impl HttpClient for Client {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Limited {
            connections: Arc::clone(&self.0),
            limit: settings.read_timeout().unwrap_or(USUAL_LIMIT),
        })
    }
}

/// The client with the time limit of one operation, from the call to the complete answer.
#[derive(Debug)]
struct Limited {
    connections: Arc<HttpConnections>,
    limit: Duration,
}

impl HttpConnector for Limited {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (connections, limit) = (Arc::clone(&self.connections), self.limit);
        HttpConnectorFuture::new(async move { connections.call(request, limit).await })
    }
}

/// Connections to any number of hosts.
#[derive(Debug)]
struct HttpConnections {
    connector: Connector,
    current: Mutex<Arc<Generation>>,
    /// The minimum time that a call waits on connections that are considered dead.
    patience: Duration,
}

impl HttpConnections {
    async fn call(
        &self,
        request: HttpRequest,
        limit: Duration,
    ) -> Result<HttpResponse, ConnectorError> {
        let request = whole(request)?;
        let (generation, started) = (self.current(), Instant::now());
        let answer = tokio::select! {
            answer = timeout(limit, generation.exchange(request)) => answer.ok(),
            () = generation.lost(started + self.patience) => None,
        };
        match answer {
            Some(Ok(answer)) => {
                let answer = HttpResponse::try_from(answer.map(SdkBody::from));
                answer.map_err(|error| ConnectorError::other(error.into(), None))
            }
            Some(Err(fault)) => Err(fault),
            None => {
                self.replace(&generation, started);
                Err(ConnectorError::timeout(NoAnswer(started.elapsed()).into()))
            }
        }
    }

    fn current(&self) -> Arc<Generation> {
        Arc::clone(&self.current.lock())
    }

    /// Closes the idle connections: if one is dead, the others probably are too, and each would cost a time-out.
    fn replace(&self, generation: &Arc<Generation>, unanswered_since: Instant) {
        let mut current = self.current.lock();
        if Arc::ptr_eq(&current, generation) {
            let suspects = generation.suspects(unanswered_since);
            *current = Arc::new(Generation::new(&self.connector, suspects));
        }
    }
}

/// Copies the body, which the SDK's calls have in memory.
fn whole(request: HttpRequest) -> Result<http::Request<Full<Bytes>>, ConnectorError> {
    let request = request.try_into_http1x();
    let request = request.map_err(|error| ConnectorError::user(error.into()))?;
    let (head, body) = request.into_parts();
    let body = body.bytes().map(Bytes::copy_from_slice);
    let body = body.ok_or_else(|| ConnectorError::user("the body is a stream".into()))?;
    Ok(http::Request::from_parts(head, Full::new(body)))
}
