use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use futures::future::try_join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Headers of an answer at most.
const MAX_HEADERS: usize = 32;

/// A request to be sent as it stands, and the status it must be answered with.
#[derive(Clone)]
pub(crate) struct Request {
    bytes: Vec<u8>,
    status: &'static str,
}

impl Request {
    pub(crate) fn get(path: &str) -> Self {
        let bytes = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n");
        Self {
            bytes: bytes.into(),
            status: "200",
        }
    }

    /// A GET by a person who has signed in.
    pub(crate) fn get_as(path: &str, token: &str) -> Self {
        let bytes =
            format!("GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n");
        Self {
            bytes: bytes.into(),
            status: "200",
        }
    }

    /// A POST without a body.
    pub(crate) fn post(path: &str, token: &str) -> Self {
        let bytes = format!(
            "POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"
        );
        Self {
            bytes: bytes.into(),
            status: "201",
        }
    }

    /// The same, but it must be refused.
    pub(crate) fn refused(self) -> Self {
        Self {
            status: "429",
            ..self
        }
    }
}

/// Sends the request over and over on as many connections for a while; answers how often a second it was answered.
pub(crate) async fn repeat(
    to: SocketAddr,
    request: Request,
    connections: usize,
    time: Duration,
) -> anyhow::Result<f64> {
    let request = Arc::new(request);
    let start = Instant::now();
    let counts = spread(connections, || {
        let request = request.clone();
        async move {
            let mut connection = Connection::open(to).await?;
            let mut answered = 0_u32;
            while start.elapsed() < time {
                connection.call(&request).await?;
                answered += 1;
            }
            Ok(answered)
        }
    });
    let answered: u32 = counts.await?.iter().sum();
    Ok(f64::from(answered) / start.elapsed().as_secs_f64())
}

/// Sends each request once over as many connections; answers how many a second were answered.
pub(crate) async fn once_each(
    to: SocketAddr,
    requests: Vec<Request>,
    connections: usize,
) -> anyhow::Result<f64> {
    let requests = Arc::new(requests);
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let counts = spread(connections, || {
        let (requests, next) = (requests.clone(), next.clone());
        async move {
            let mut connection = Connection::open(to).await?;
            let mut answered = 0_u32;
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                connection.call(request).await?;
                answered += 1;
            }
            Ok(answered)
        }
    });
    let answered: u32 = counts.await?.iter().sum();
    Ok(f64::from(answered) / start.elapsed().as_secs_f64())
}

/// Runs as many tasks at once, on all cores.
async fn spread<T: Send + 'static, F>(tasks: usize, task: impl Fn() -> F) -> anyhow::Result<Vec<T>>
where
    F: Future<Output = anyhow::Result<T>> + Send + 'static,
{
    let tasks = (0..tasks).map(|_| tokio::spawn(task()));
    try_join_all(tasks).await?.into_iter().collect()
}

/// A kept-alive HTTP/1.1 connection that does as little as can be: what the client costs, both sides of a comparison
/// pay, and it hides their difference.
struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(to: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            answer: Vec::with_capacity(4096),
        })
    }

    /// Sends the request and reads its answer to the end.
    async fn call(&mut self, request: &Request) -> anyhow::Result<()> {
        self.stream.write_all(&request.bytes).await?;
        self.answer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.answer).await?;
            ensure!(read > 0, "the connection was closed");
            if let Some(length) = answer_length(&self.answer)?
                && self.answer.len() >= length
            {
                break;
            }
        }
        let status = self.answer.get(9..12).unwrap_or_default();
        if status != request.status.as_bytes() {
            bail!("answered {}", String::from_utf8_lossy(&self.answer));
        }
        Ok(())
    }
}

/// How long the answer is, head and body, once its head is there.
fn answer_length(answer: &[u8]) -> anyhow::Result<Option<usize>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(answer)? else {
        return Ok(None);
    };
    let length = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .context("an answer without a content length")?;
    let body: usize = str::from_utf8(length.value)?.parse()?;
    Ok(Some(head + body))
}
