use std::{io, sync::Arc, time::Duration};

use deadpool::managed::{
    self, BuildError, Metrics, Object, PoolConfig, PoolError, QueueMode, RecycleError,
    RecycleResult,
};
use sea_orm::{
    ConnAcquireErr, DbErr, SqlxError, Statement, Values,
    sqlx::{
        AssertSqlSafe, ConnectOptions, Connection, Executor, Postgres,
        postgres::{PgConnectOptions, PgConnection, PgQueryResult, PgRow},
        query::Query,
        query_with,
    },
};
use sea_query_sqlx::SqlxValues;
use tokio::time::{Instant, timeout};

use super::{
    health::{Health, Mark},
    session::SessionSettings,
};
use crate::{
    config::{StoreConfig, patience},
    error::unchanged,
    observer::Observer,
    pool_status::PoolStatus,
    pooling::Pooling,
};

/// A connection that was idle for so long is tested before it is used: a server or a firewall may have dropped it.
const RESTED: Duration = Duration::from_secs(5);

/// The longest life of a connection: a server process grows with time, and the address may lead elsewhere by then.
const LIFETIME: Duration = Duration::from_mins(30);

/// How long closing a connection may take. It is closed in any case.
const FAREWELL: Duration = Duration::from_millis(200);

/// Connections to PostgreSQL.
///
/// The driver's own pool takes a connection back in any state, and tests it without a time limit. A connection whose
/// `BEGIN` was dropped before its answer returns to that pool inside of an unnoticed transaction
/// (<https://github.com/launchbadge/sqlx/issues/4385>). Here a connection returns only after a complete answer without
/// an error, and outside of a transaction. In every other case it is closed: after an error, and when its request or
/// its transaction is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    connections: managed::Pool<Manager>,
    patience: Duration,
}

impl Pool {
    /// Makes the pool without connecting.
    pub(super) fn new(options: PgConnectOptions, config: &StoreConfig) -> Result<Self, BuildError> {
        let patience = patience(config.deadline);
        let settings = SessionSettings::of_calls(config.deadline, config.pooling);
        let manager = Manager {
            options,
            begin: match config.pooling {
                Pooling::Session => "BEGIN".to_owned(),
                Pooling::Transaction => settings.begin(),
            },
            settings,
            pooling: config.pooling,
            prepares: config.prepared_statements,
            health: Arc::default(),
            proof: patience / 3,
            observer: config.observer.clone(),
        };
        let config = PoolConfig {
            max_size: usize::try_from(config.max_connections.max(1)).unwrap_or(usize::MAX),
            // A connection that is used often has its statements prepared.
            queue_mode: QueueMode::Lifo,
            ..PoolConfig::default()
        };
        Ok(Self {
            connections: managed::Pool::builder(manager).config(config).build()?,
            patience,
        })
    }

    /// A connection that works, as far as can be known. A failure has changed nothing.
    pub(super) async fn borrow(&self) -> Result<Borrowed, DbErr> {
        // Boxed, because the future contains everything that connecting needs.
        let place = timeout(self.patience, Box::pin(self.connections.get()))
            .await
            .map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))?
            .map_err(|error| match error {
                PoolError::Backend(error) => unchanged(error),
                _ => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
            })?;
        Ok(self.lend(place))
    }

    fn lend(&self, mut place: Object<Manager>) -> Borrowed {
        let manager = self.connections.manager();
        Borrowed {
            session: place.0.take(),
            place,
            asked: None,
            prepares: manager.prepares,
            health: Arc::clone(&manager.health),
            observer: manager.observer.clone(),
        }
    }

    /// The commands that begin a transaction.
    pub(super) fn begin(&self) -> &str {
        &self.connections.manager().begin
    }

    /// What its connections lead to.
    pub(super) fn pooling(&self) -> Pooling {
        self.connections.manager().pooling
    }

    /// How many connections there are now.
    pub(super) fn status(&self) -> PoolStatus {
        let managed::Status {
            max_size,
            size,
            available,
            waiting,
            ..
        } = self.connections.status();
        let number = |number| u32::try_from(number).unwrap_or(u32::MAX);
        PoolStatus {
            max: number(max_size),
            in_use: number(size.saturating_sub(available)),
            idle: number(available),
            waiting: Some(number(waiting)),
        }
    }

    /// Closes idle connections at once, and the others when their call ends.
    pub(crate) async fn close(&self) {
        let unused = self.connections.retain(|_, _| false).removed;
        self.connections.close();
        for session in unused.into_iter().filter_map(|place| place.0) {
            let _closed = timeout(FAREWELL, session.connection.close()).await;
        }
    }
}

/// Makes connections and tests them.
#[derive(Debug)]
struct Manager {
    options: PgConnectOptions,
    settings: SessionSettings,
    begin: String,
    pooling: Pooling,
    prepares: bool,
    health: Arc<Health>,
    /// How long a connection may take to answer a test.
    proof: Duration,
    observer: Option<Observer>,
}

/// A slot of the pool: empty while its connection is in use, and after the connection was closed.
#[derive(Debug)]
struct PoolSlot(Option<PooledSession>);

/// A connection, and when it was made and last answered.
#[derive(Debug)]
struct PooledSession {
    connection: PgConnection,
    made: Mark,
    answered: Mark,
}

impl managed::Manager for Manager {
    type Type = PoolSlot;
    type Error = SqlxError;

    async fn create(&self) -> Result<PoolSlot, SqlxError> {
        let made = self.health.mark();
        let mut connection = self.options.connect().await?;
        if self.pooling == Pooling::Session {
            self.settings.apply(&mut connection).await?;
        }
        Ok(PoolSlot(Some(PooledSession {
            connection,
            made,
            answered: made,
        })))
    }

    async fn recycle(&self, place: &mut PoolSlot, metrics: &Metrics) -> RecycleResult<SqlxError> {
        let Some(mut session) = place.0.take() else {
            return Err(RecycleError::message("it was closed"));
        };
        if self.health.is_left(session.made) || metrics.age() >= LIFETIME {
            return Err(RecycleError::message("it must not be used again"));
        }
        if self.health.is_doubted(session.answered) || metrics.last_used() >= RESTED {
            session.answered = self.health.mark();
            let answer = timeout(self.proof, session.connection.ping()).await;
            if !matches!(answer, Ok(Ok(()))) {
                // The other idle connections most likely have the same fault, and testing each would cost the caller as
                // much time.
                self.health.leave();
                return Err(RecycleError::message("it does not answer"));
            }
        }
        place.0 = Some(session);
        Ok(())
    }
}

/// A connection in use. It is closed unless it is given back.
#[derive(Debug)]
pub(crate) struct Borrowed {
    place: Object<Manager>,
    session: Option<PooledSession>,
    /// When the request that has no complete answer yet was sent.
    asked: Option<Mark>,
    prepares: bool,
    health: Arc<Health>,
    observer: Option<Observer>,
}

impl Borrowed {
    /// Begins one request; [`Borrowed::answered`] must follow. If it does not, the connection is closed.
    fn ask(&mut self) -> Result<&mut PgConnection, SqlxError> {
        let unanswered = self.asked.replace(self.health.mark());
        match &mut self.session {
            Some(session) if unanswered.is_none() => Ok(&mut session.connection),
            _ => Err(SqlxError::Io(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Ends the request. After any error the connection is not used again.
    fn answered<T>(&mut self, answer: Result<T, SqlxError>) -> Result<T, SqlxError> {
        let asked = self.asked.take();
        match (&answer, &mut self.session, asked) {
            (Ok(_), Some(session), Some(asked)) => session.answered = asked,
            (Err(error), ..) => {
                self.health.note(error);
                self.session = None;
            }
            _ => {}
        }
        answer
    }

    /// The start of a statement, if there is an observer.
    fn begin_to_observe(&self) -> Option<Instant> {
        self.observer.as_ref().map(|_| Instant::now())
    }

    fn observe(&self, statement: &Statement, began: Option<Instant>, failed: bool) {
        if let (Some(observer), Some(began)) = (&self.observer, began) {
            observer.tell(statement, began.elapsed(), failed);
        }
    }

    /// Executes a statement that returns no rows.
    pub(super) async fn execute(
        &mut self,
        statement: &Statement,
    ) -> Result<PgQueryResult, SqlxError> {
        let began = self.begin_to_observe();
        let query = query(statement, self.prepares);
        let answer = query.execute(self.ask()?).await;
        self.observe(statement, began, answer.is_err());
        self.answered(answer)
    }

    /// Executes a statement and returns its rows.
    pub(super) async fn rows(&mut self, statement: &Statement) -> Result<Vec<PgRow>, SqlxError> {
        let began = self.begin_to_observe();
        let query = query(statement, self.prepares);
        let answer = query.fetch_all(self.ask()?).await;
        self.observe(statement, began, answer.is_err());
        self.answered(answer)
    }

    /// Executes a command without preparing it.
    pub(super) async fn execute_unprepared(
        &mut self,
        sql: &str,
    ) -> Result<PgQueryResult, SqlxError> {
        let answer = self.ask()?.execute(AssertSqlSafe(sql.to_owned())).await;
        self.answered(answer)
    }

    /// Returns it to the pool. No transaction may be open.
    pub(super) fn give_back(mut self) {
        if self.asked.is_none() {
            self.place.0 = self.session.take();
        }
    }
}

/// A statement with its values, which is prepared once per connection or each time.
fn query(statement: &Statement, once: bool) -> Query<'_, Postgres, SqlxValues> {
    let values = statement.values.clone().unwrap_or(Values(Vec::new()));
    query_with(AssertSqlSafe(statement.sql.as_str()), SqlxValues(values)).persistent(once)
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if self.asked.is_some() {
            self.health.doubt();
        }
    }
}
