use std::{fs, io, path::Path, sync::Arc, time::Duration};

use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};
use url::Url;

use super::{
    READY_WITHIN,
    local::{self, LocalServer, Stop, free_port},
    postgres::PostgresServer,
};

/// The number of ports that are tried: another process may take one first.
const ATTEMPTS: usize = 3;

/// Becomes the program. `PgBouncer` refuses to run as root; in that case the user is Debian's `postgres`.
const START: &str = r#"
set -e
folder=$1 pgbouncer=$2
set --
if [ "$(id -u)" = 0 ]; then
    chown -R postgres "$folder"
    set -- setpriv --reuid=postgres --regid=postgres --clear-groups
fi
while [ ! -e "$folder/pgbouncer.ini" ]; do sleep 0.01; done
exec "$@" "$pgbouncer" "$folder/pgbouncer.ini"
"#;

/// When a pooler gives a session to another client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolMode {
    /// After the client has disconnected.
    Session,
    /// After each transaction.
    Transaction,
}

/// A `PgBouncer` before a PostgreSQL. It is always a program of this machine, also before a PostgreSQL in a container.
#[derive(Debug)]
pub struct Pooler {
    port: u16,
    _server: LocalServer,
    _behind: Arc<PostgresServer>,
}

impl Pooler {
    /// A pooler with so many sessions for each database.
    ///
    /// # Panics
    /// If there is no `pgbouncer`, or it does not start.
    pub async fn before(server: &Arc<PostgresServer>, mode: PoolMode, sessions: u32) -> Self {
        let program = local::program(&["pgbouncer"]);
        let program = program.unwrap_or_else(|fault| {
            panic!("this test needs PgBouncer, and there is none: {fault}.\nInstall pgbouncer.")
        });
        for _ in 0..ATTEMPTS {
            let port = free_port();
            let started = LocalServer::start("sh", Stop::Term, |folder| {
                let folder = folder.to_string_lossy();
                let args = ["-c", START, "sh", &folder, &program];
                args.map(ToOwned::to_owned).into()
            });
            let started = started.expect("a shell starts");
            let configuration = configuration(server.url(), port, mode, sessions);
            write(started.folder(), &configuration).expect("its folder takes its configuration");
            if answers(port).await {
                return Self {
                    port,
                    _server: started,
                    _behind: Arc::clone(server),
                };
            }
        }
        panic!("{program} does not answer");
    }

    /// Its host and port.
    #[must_use]
    pub fn address(&self) -> (String, u16) {
        ("127.0.0.1".to_owned(), self.port)
    }

    /// The address of a database through it.
    ///
    /// # Panics
    /// If the database's address has no host.
    #[must_use]
    pub fn to(&self, database: &Url) -> Url {
        let (host, port) = self.address();
        let mut url = database.clone();
        url.set_host(Some(&host)).expect("it has a host");
        url.set_port(Some(port)).expect("it has a host");
        url
    }
}

/// Everybody may connect, and is the server's user.
fn configuration(server: &Url, port: u16, mode: PoolMode, sessions: u32) -> String {
    let mode = match mode {
        PoolMode::Session => "session",
        PoolMode::Transaction => "transaction",
    };
    let host = server.host_str().unwrap_or("127.0.0.1");
    let host = if host == "localhost" {
        "127.0.0.1"
    } else {
        host
    };
    let password = server.password().map(|it| format!(" password='{it}'"));
    format!(
        "[databases]\n* = host={host} port={} user={}{}\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = any\npool_mode = {mode}\ndefault_pool_size = {sessions}\n\
         max_client_conn = 1000\n",
        server.port().unwrap_or(5432),
        server.username(),
        password.unwrap_or_default(),
    )
}

/// Writes the file that the program waits for, whole.
fn write(folder: &Path, configuration: &str) -> io::Result<()> {
    let draft = folder.join("draft");
    fs::write(&draft, configuration)?;
    fs::rename(draft, folder.join("pgbouncer.ini"))
}

/// Waits until something listens on a port.
async fn answers(port: u16) -> bool {
    let give_up = Instant::now() + READY_WITHIN / 10;
    while Instant::now() < give_up {
        match TcpStream::connect(("127.0.0.1", port)).await {
            // When nothing listens on a port, a connection to it may come from that same port.
            Ok(stream) if stream.local_addr().ok() != stream.peer_addr().ok() => return true,
            _ => sleep(Duration::from_millis(10)).await,
        }
    }
    false
}
