use std::{
    fs,
    hash::{BuildHasher, Hasher, RandomState},
    io,
    path::Path,
    sync::{Arc, Weak},
    time::Duration,
};

use async_trait::async_trait;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};
use url::Url;

use super::{
    Hold, READY_WITHIN, TestService,
    local::{LocalServer, Stop, free_port},
    shared,
};

/// The number of ports that are tried: another process may take one first.
const ATTEMPTS: usize = 3;
/// The time-out for a server to make its files and answer.
const START_WITHIN: Duration = Duration::from_mins(1);

/// Makes the files of a server and becomes the server. PostgreSQL refuses to run as root; in that case the user is
/// Debian's `postgres`.
///
/// No data outlives a test, so nothing must reach the disk.
const START: &str = r#"
set -e
folder=$1 port=$2 postgres=$3
shift 3
if [ "$(id -u)" = 0 ]; then
    chown postgres "$folder"
    set -- setpriv --reuid=postgres --regid=postgres --clear-groups
fi
"$@" "${postgres%/*}/initdb" --pgdata="$folder/data" --username=lemon --auth=trust \
    --encoding=UTF8 --locale=C --no-sync
rules=$(cat "$folder/data/pg_hba.conf")
printf '%s\n' 'host all +by_password all scram-sha-256' "$rules" > "$folder/data/pg_hba.conf"
exec "$@" "$postgres" -D "$folder/data" -p "$port" -h 127.0.0.1 -k "$folder" \
    -c fsync=off -c max_connections=400
"#;

/// The server of the running tests.
static RUNNING: Mutex<Weak<PostgresServer>> = Mutex::const_new(Weak::new());

/// A PostgreSQL for tests.
#[derive(Debug)]
pub struct PostgresServer {
    url: Url,
    _server: Option<Hold>,
}

impl PostgresServer {
    /// The server of this process; it runs as long as a test holds it.
    ///
    /// # Panics
    /// If no way works.
    pub async fn get() -> Arc<Self> {
        shared(&RUNNING).await
    }

    /// Its address, with the user who makes databases.
    pub(super) const fn url(&self) -> &Url {
        &self.url
    }

    /// Its host and port.
    ///
    /// # Panics
    /// If the address was given without a host.
    #[must_use]
    pub fn address(&self) -> (String, u16) {
        let host = self.url.host_str().expect("a host").to_owned();
        (host, self.url.port().unwrap_or(5432))
    }

    /// The address of a new, empty database that no other test uses. It is not removed: if the server's address comes
    /// from the environment, its user must be allowed to make databases, and it must be a server for tests.
    ///
    /// # Panics
    /// If the database cannot be made.
    pub async fn database(&self) -> Url {
        self.new_database("").await
    }

    /// The address of a new database with everything that another has, to which nobody may be connected by then: the
    /// server waits some seconds for sessions that are ending.
    ///
    /// # Panics
    /// If the database cannot be made.
    pub async fn copy(&self, database: &Url) -> Url {
        let template = database.path().trim_start_matches('/');
        self.new_database(&format!(" TEMPLATE {template}")).await
    }

    async fn new_database(&self, how: &str) -> Url {
        let made = self.make_database_by(how).await;
        let (name, server) =
            made.expect("the PostgreSQL server answers, and the user may make databases");
        server.close().await.expect("the connection ends");
        let mut url = self.url.clone();
        url.set_path(&name);
        url
    }

    /// The address of a database for a role that owns it, has no other rights, and must give a password: a server from
    /// the environment must ask for one.
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn owned(&self, database: &Url) -> Url {
        let server = connect(database).await;
        let server = server.expect("the PostgreSQL server answers");
        let name = database.path().trim_start_matches('/');
        let role = format!("owner_of_{name}");
        for change in [
            // Any number of tests may do this first.
            "DO $$ BEGIN CREATE ROLE by_password; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
            &format!("CREATE ROLE {role} LOGIN PASSWORD 'right' IN ROLE by_password"),
            &format!("ALTER DATABASE {name} OWNER TO {role}"),
        ] {
            let changed = server.execute_unprepared(change).await;
            changed.expect("the user may make roles");
        }
        server.close().await.expect("the connection ends");
        let mut url = database.clone();
        url.set_username(&role).expect("it has a host");
        url.set_password(Some("right")).expect("it has a host");
        url
    }

    /// Sets a database's clock ahead, for all later connections.
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn set_ahead(&self, database: &Url, by: Duration) {
        let server = connect(database).await;
        let server = server.expect("the PostgreSQL server answers");
        let name = database.path().trim_start_matches('/');
        // A function of this name is found in this schema first.
        for change in [
            format!(
                "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql \
                 AS 'SELECT pg_catalog.clock_timestamp() + interval ''{} seconds'''",
                by.as_secs()
            ),
            format!("ALTER DATABASE {name} SET search_path = public, pg_catalog"),
        ] {
            let changed = server.execute_unprepared(&change).await;
            changed.expect("the user owns the database");
        }
        server.close().await.expect("the connection ends");
    }

    async fn make_database(&self) -> Result<(String, DatabaseConnection), DbErr> {
        self.make_database_by("").await
    }

    async fn make_database_by(&self, how: &str) -> Result<(String, DatabaseConnection), DbErr> {
        let name = format!("test_{:016x}", RandomState::new().build_hasher().finish());
        let server = connect(&self.url).await?;
        let create = format!("CREATE DATABASE {name}{how}");
        server.execute_unprepared(&create).await?;
        Ok((name, server))
    }
}

/// Connects without a deadline.
async fn connect(url: &Url) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url.as_str());
    options
        .max_connections(1)
        .connect_timeout(READY_WITHIN)
        .acquire_timeout(READY_WITHIN);
    Database::connect(options).await
}

#[async_trait]
impl TestService for PostgresServer {
    const NAME: &'static str = "PostgreSQL";
    const VARIABLE: &'static str = "LEMON_TEST_POSTGRES_URL";
    const PROGRAMS: &'static [&'static str] = &["postgres"];

    fn at(url: String) -> Result<Self, String> {
        let url =
            Url::parse(&url).map_err(|error| format!("{} is wrong: {error}", Self::VARIABLE))?;
        Ok(Self { url, _server: None })
    }

    #[cfg(feature = "docker")]
    async fn contained() -> Result<Self, String> {
        let (container, url) = super::docker::postgres().await?;
        Ok(Self {
            _server: Some(Box::new(container)),
            ..Self::at(url)?
        })
    }

    fn address(&self) -> (String, u16) {
        Self::address(self)
    }

    async fn warm_up(&self) -> io::Result<()> {
        let (name, server) = self.make_database().await.map_err(io::Error::other)?;
        let mut url = self.url.clone();
        url.set_path(&name);
        let database = connect(&url).await.map_err(io::Error::other)?;
        let table = "CREATE TABLE warm_up (id BIGSERIAL PRIMARY KEY)";
        let made = database.execute_unprepared(table).await;
        database.close().await.map_err(io::Error::other)?;
        let drop = format!("DROP DATABASE {name}");
        let dropped = server.execute_unprepared(&drop).await;
        made.and(dropped).map_err(io::Error::other)?;
        server.close().await.map_err(io::Error::other)
    }

    async fn started(program: &str) -> Result<Self, String> {
        for _ in 0..ATTEMPTS {
            let port = free_port();
            // After `SIGTERM` it would wait for all clients to disconnect.
            let server = LocalServer::start("sh", Stop::Int, |folder| {
                let (port, folder) = (port.to_string(), folder.to_string_lossy());
                let args = ["-c", START, "sh", &folder, &port, program];
                args.map(ToOwned::to_owned).into()
            })?;
            if is_ready(server.folder()).await {
                let url = format!("postgres://lemon@127.0.0.1:{port}/postgres");
                return Ok(Self {
                    _server: Some(Box::new(server)),
                    ..Self::at(url)?
                });
            }
        }
        Err(format!("{program} does not answer"))
    }
}

/// Waits until the server in a folder has written that it is ready, in the eighth line of its lock file:
/// <https://www.postgresql.org/docs/current/storage-file-layout.html>.
async fn is_ready(folder: &Path) -> bool {
    let give_up = Instant::now() + START_WITHIN;
    while Instant::now() < give_up {
        let lock = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
        if lock
            .lines()
            .nth(7)
            .is_some_and(|status| status.trim() == "ready")
        {
            return true;
        }
        sleep(Duration::from_millis(10)).await;
    }
    false
}
