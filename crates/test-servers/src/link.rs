use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// A link to a server anywhere, which a test can cut, silence, stall and mend.
#[derive(Debug)]
pub struct Link {
    server: (String, u16),
    port: u16,
    state: watch::Sender<LinkState>,
    connections: Arc<AtomicU64>,
    forwarder: JoinSet<()>,
}

/// What is forwarded.
#[derive(Debug, Clone, Default)]
struct LinkState {
    stalled: bool,
    answers_lost: bool,
    /// The answer to a request that contains these bytes is lost, and its connection is closed.
    lost_to: Option<Arc<[u8]>>,
    /// Connections with a lower number stay silent forever.
    silent_before: u64,
}

impl LinkState {
    fn loses_answer_to(&self, said: &[u8]) -> bool {
        let lost = self.lost_to.as_ref();
        lost.is_some_and(|part| said.windows(part.len()).any(|here| here == &**part))
    }
}

/// One direction of a connection.
#[derive(Debug, Clone, Copy)]
struct Direction {
    connection: u64,
    is_answer: bool,
}

impl Direction {
    fn is_open(self, state: &LinkState) -> bool {
        let silent = self.connection < state.silent_before;
        !(silent || state.stalled || self.is_answer && state.answers_lost)
    }
}

impl Link {
    /// A link to a host and port, from a free port of this machine.
    pub async fn to(server: (String, u16)) -> Self {
        let mut link = Self {
            server,
            port: 0,
            state: watch::Sender::default(),
            connections: Arc::default(),
            forwarder: JoinSet::new(),
        };
        link.listen().await;
        link
    }

    /// The port of this machine that leads to the server.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Closes all connections and refuses new ones, like a stopped server.
    pub async fn cut(&mut self) {
        self.forwarder.shutdown().await;
    }

    /// Keeps connections but forwards nothing, like a server that hangs.
    pub fn stall(&self) {
        self.state.send_modify(|state| state.stalled = true);
    }

    /// Forwards requests to the server, but no answers.
    pub fn lose_answers(&self) {
        self.state.send_modify(|state| state.answers_lost = true);
    }

    /// Forwards requests to the server, and closes the connection instead of forwarding the answer to a request that
    /// contains these bytes: the server has executed the request, and the client does not know.
    pub fn lose_answers_to(&self, part: impl Into<Vec<u8>>) {
        let part = Some(part.into().into());
        self.state.send_modify(|state| state.lost_to = part);
    }

    /// Forwards nothing over the existing connections, forever and without closing them; new connections work. A lost
    /// host, or a NAT that lost its state, looks like this.
    pub fn silence(&self) {
        let next = self.connections.load(Ordering::Relaxed);
        self.state.send_modify(|state| state.silent_before = next);
    }

    /// The number of connections so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Leads to the server again. Data that came while it was stalled is forwarded now, but not over silent
    /// connections.
    pub async fn mend(&mut self) {
        self.state.send_modify(|state| {
            *state = LinkState {
                silent_before: state.silent_before,
                ..LinkState::default()
            };
        });
        if self.forwarder.is_empty() {
            self.listen().await;
        }
    }

    async fn listen(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await;
        let listener = listener.expect("a free port");
        self.port = listener.local_addr().expect("its address").port();
        let (server, state) = (self.server.clone(), self.state.subscribe());
        let connections = Arc::clone(&self.connections);
        self.forwarder
            .spawn(forward(listener, server, state, connections));
    }
}

async fn forward(
    listener: TcpListener,
    server: (String, u16),
    state: watch::Receiver<LinkState>,
    connections: Arc<AtomicU64>,
) {
    let mut lines = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let connection = connections.fetch_add(1, Ordering::Relaxed);
        lines.spawn(connect(client, server.clone(), state.clone(), connection));
    }
}

/// Forwards in both directions until either end closes, or an answer is lost.
async fn connect(
    client: TcpStream,
    server: (String, u16),
    state: watch::Receiver<LinkState>,
    connection: u64,
) -> io::Result<()> {
    let server = TcpStream::connect(server).await?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let direction = |is_answer| Direction {
        connection,
        is_answer,
    };
    let answer_is_lost = AtomicBool::new(false);
    let asks = |state: &LinkState, said: &[u8]| {
        answer_is_lost.fetch_or(state.loses_answer_to(said), Ordering::Relaxed);
        true
    };
    let answers = |_: &LinkState, _: &[u8]| !answer_is_lost.load(Ordering::Relaxed);
    tokio::select! {
        end = pass(from_client, to_server, state.clone(), direction(false), asks) => end,
        end = pass(from_server, to_client, state, direction(true), answers) => end,
    }
}

/// Forwards until the connection closes, or until `goes_on` answers `false`.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<LinkState>,
    direction: Direction,
    goes_on: impl Fn(&LinkState, &[u8]) -> bool,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        {
            let open = state.wait_for(|state| direction.is_open(state)).await;
            if read == 0 || !open.is_ok_and(|state| goes_on(&state, &buffer[..read])) {
                return Ok(());
            }
        }
        to.write_all(&buffer[..read]).await?;
    }
}
