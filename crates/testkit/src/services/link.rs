use std::io;

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// A line to a server that a test can cut, stall and mend, wherever the server runs.
#[derive(Debug)]
pub struct Link {
    server: (String, u16),
    port: u16,
    stalled: watch::Sender<bool>,
    forwarder: JoinSet<()>,
}

impl Link {
    /// A line to a host and port, from a free port of this machine.
    pub async fn to(server: (String, u16)) -> Self {
        let mut link = Self {
            server,
            port: 0,
            stalled: watch::Sender::new(false),
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

    /// Closes all connections and refuses new ones, as a server that was stopped.
    pub async fn cut(&mut self) {
        self.forwarder.shutdown().await;
    }

    /// Keeps connections but passes nothing on, as a server that hangs.
    pub fn stall(&self) {
        self.stalled.send_replace(true);
    }

    /// Leads to the server again. What came while it was stalled is passed on now.
    pub async fn mend(&mut self) {
        self.stalled.send_replace(false);
        if self.forwarder.is_empty() {
            self.listen().await;
        }
    }

    async fn listen(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await;
        let listener = listener.expect("a free port");
        self.port = listener.local_addr().expect("its address").port();
        let (server, stalled) = (self.server.clone(), self.stalled.subscribe());
        self.forwarder.spawn(forward(listener, server, stalled));
    }
}

async fn forward(listener: TcpListener, server: (String, u16), stalled: watch::Receiver<bool>) {
    let mut lines = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        lines.spawn(connect(client, server.clone(), stalled.clone()));
    }
}

/// Passes on in both directions until either end closes.
async fn connect(
    client: TcpStream,
    server: (String, u16),
    stalled: watch::Receiver<bool>,
) -> io::Result<()> {
    let server = TcpStream::connect(server).await?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        end = pass(from_client, to_server, stalled.clone()) => end,
        end = pass(from_server, to_client, stalled) => end,
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut stalled: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if stalled.wait_for(|stalled| !stalled).await.is_err() || read == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..read]).await?;
    }
}
