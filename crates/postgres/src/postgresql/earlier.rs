mod rows;
mod tables;

use std::{collections::VecDeque, future::Future, time::Duration};

use async_trait::async_trait;
use lemon_domain::ports::{EarlierPerson, EarlierSystemError, ImportSource};
use sea_orm::{
    SqlxError,
    sqlx::{
        AssertSqlSafe, ConnectOptions, Executor, Row,
        postgres::{PgConnectOptions, PgConnection},
        query, query_scalar,
    },
};
use secrecy::{ExposeSecret, SecretString};
use tokio::{sync::Mutex, time::timeout};

use self::{rows::add, tables::faults};
use super::{separate::CONNECT_WITHIN, server::name};
use crate::error::driver_cause;

/// How long one statement may take: the first one sorts all rows.
const STATEMENT_WITHIN: Duration = Duration::from_mins(5);

/// How long this side may take between two statements.
const IDLE_WITHIN: Duration = Duration::from_mins(5);

/// How many rows are fetched at a time.
const ROWS: usize = 1000;

/// One moment, in which nothing can be changed.
const BEGIN: &str = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// All rows in the order of the people whom they name. One sort of everything is quicker than a search of each person's
/// rows, for which the earlier system need not have an index. A time that cannot be read as one is null beside
/// `has_time`.
const CURSOR: &str = "
DECLARE earlier_rows NO SCROLL CURSOR FOR
SELECT * FROM (
    SELECT service_user_id::bigint AS person, 0 AS kind, NULL::bigint AS id, NULL::text AS provider,
        NULL::bigint AS provider_user_id, NULL::text AS token, NULL::text AS secret, NULL::text AS service,
        NULL::boolean AS ready, NULL::boolean AS public, NULL::timestamp AS can_use_time, NULL::boolean AS has_time
    FROM service_user
    UNION ALL
    SELECT service_user_id::bigint, 1, id::bigint, oauth_type::text, oauth_user_id::bigint, access_token::text,
        access_token_secret::text, NULL, NULL, NULL, NULL, NULL
    FROM oauth_token
    UNION ALL
    SELECT service_user_id::bigint, 2, id::bigint, NULL, NULL, NULL, NULL, service_type::text, is_ready, is_public,
        CASE WHEN can_use_time >= '0001-01-01' AND can_use_time < '10000-01-01' THEN can_use_time END,
        can_use_time IS NOT NULL
    FROM registered_service
) AS every_row ORDER BY person NULLS FIRST, kind, id NULLS FIRST";

/// The highest number of a row, or that the counter of the numbers has given; the counter may be missing, or another
/// user's.
const HIGHEST: &str = "
SELECT max(id) FROM (
    SELECT service_user_id::bigint AS id FROM service_user
    UNION ALL SELECT service_user_id::bigint FROM oauth_token
    UNION ALL SELECT service_user_id::bigint FROM registered_service
    UNION ALL SELECT last_value FROM pg_sequences
    WHERE format('%I.%I', schemaname, sequencename) = pg_get_serial_sequence('service_user', 'service_user_id')
) AS ids WHERE id <= $1";

/// Why the earlier system's database cannot be used. One line that names it and the cause, never a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EarlierDatabaseError {
    /// The address is not one of PostgreSQL.
    #[error("the address is none of PostgreSQL: postgres://user:password@host:port/database")]
    Address,
    /// The database does not answer, or refuses.
    #[error("cannot use {database}: {cause}")]
    Unreached {
        /// Which database.
        database: String,
        /// What it reports.
        cause: String,
    },
    /// It has not the tables of the earlier system.
    #[error("{database} is not the earlier system's: {faults}")]
    OtherTables {
        /// Which database.
        database: String,
        /// What is missing or different.
        faults: String,
    },
}

/// A picture of the earlier system's database, in PostgreSQL.
///
/// It is one transaction that can only read, and no writer waits for it.
#[derive(Debug)]
pub struct EarlierDatabase {
    database: String,
    /// `None` after an error: then the place in the cursor is not known.
    session: Mutex<Option<EarlierSession>>,
}

#[derive(Debug)]
struct EarlierSession {
    connection: PgConnection,
    /// Those who were read; the last one may not be complete before the end.
    people: VecDeque<EarlierPerson>,
    is_at_the_end: bool,
}

impl EarlierDatabase {
    /// Connects, and checks that the tables of the earlier system are there. Its picture is that of this moment.
    ///
    /// # Errors
    /// If the address is wrong, the database does not answer, or its tables are not those of the earlier system.
    pub async fn connect(url: &SecretString) -> Result<Self, EarlierDatabaseError> {
        let options = options(url)?;
        let database = name(&options);
        let unreached = |error: SqlxError| EarlierDatabaseError::Unreached {
            database: database.clone(),
            cause: driver_cause(&error),
        };
        let mut connection = timeout(CONNECT_WITHIN, options.connect())
            .await
            .map_err(|_| unreached(SqlxError::PoolTimedOut))?
            .map_err(unreached)?;
        begin(&mut connection).await.map_err(unreached)?;
        let faults = faults(&mut connection).await.map_err(unreached)?;
        if !faults.is_empty() {
            return Err(EarlierDatabaseError::OtherTables { database, faults });
        }
        connection.execute(CURSOR).await.map_err(unreached)?;
        Ok(Self {
            database,
            session: Mutex::new(Some(EarlierSession {
                connection,
                people: VecDeque::new(),
                is_at_the_end: false,
            })),
        })
    }

    /// Asks the session, which is lost if that fails or the caller stops waiting.
    async fn ask<T, A>(
        &self,
        ask: impl FnOnce(EarlierSession) -> A + Send,
    ) -> Result<T, EarlierSystemError>
    where
        A: Future<Output = Result<(EarlierSession, T), SqlxError>> + Send,
    {
        let unreadable = |cause: String| {
            let database = self.database.clone();
            let error = EarlierDatabaseError::Unreached { database, cause };
            EarlierSystemError::Unavailable(error.into())
        };
        let mut place = self.session.lock().await;
        let session = place.take();
        let session = session.ok_or_else(|| unreadable("the session was lost".to_owned()))?;
        match timeout(STATEMENT_WITHIN, ask(session)).await {
            Ok(Ok((session, answer))) => {
                *place = Some(session);
                Ok(answer)
            }
            Ok(Err(error)) => Err(unreadable(driver_cause(&error))),
            Err(_) => Err(unreadable("there was no answer".to_owned())),
        }
    }
}

fn options(url: &SecretString) -> Result<PgConnectOptions, EarlierDatabaseError> {
    let url = url.expose_secret();
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    if !matches!(scheme, Some("postgres" | "postgresql")) {
        return Err(EarlierDatabaseError::Address);
    }
    // The driver's message may quote the address, including the password.
    let options: PgConnectOptions = url.parse().map_err(|_| EarlierDatabaseError::Address)?;
    let options = options.disable_statement_logging();
    Ok(match options.get_application_name() {
        Some(_) => options,
        None => options.application_name("lemon-toolbox import"),
    })
}

async fn begin(connection: &mut PgConnection) -> Result<(), SqlxError> {
    let [statement, idle] = [STATEMENT_WITHIN, IDLE_WITHIN].map(|limit| limit.as_millis());
    let limits = format!(
        "{BEGIN}; SET LOCAL statement_timeout = {statement}; \
         SET LOCAL idle_in_transaction_session_timeout = {idle}"
    );
    connection.execute(AssertSqlSafe(limits)).await?;
    Ok(())
}

#[async_trait]
impl ImportSource for EarlierDatabase {
    async fn next(&self, max: u32) -> Result<Vec<EarlierPerson>, EarlierSystemError> {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        self.ask(|mut session| async move {
            session.read_more_than(max).await?;
            let complete = session.complete().min(max);
            let people = session.people.drain(..complete).collect();
            Ok((session, people))
        })
        .await
    }

    async fn highest_id(&self, most: i64) -> Result<Option<i64>, EarlierSystemError> {
        self.ask(|mut session| async move {
            let highest = query_scalar(HIGHEST).bind(most);
            let highest = highest.fetch_one(&mut session.connection).await?;
            Ok((session, highest))
        })
        .await
    }
}

impl EarlierSession {
    /// Fetches until so many people are complete, or to the end.
    async fn read_more_than(&mut self, complete: usize) -> Result<(), SqlxError> {
        let fetch = format!("FETCH FORWARD {ROWS} FROM earlier_rows");
        while self.complete() < complete && !self.is_at_the_end {
            let fetch = query(AssertSqlSafe(fetch.clone()));
            let rows = fetch.fetch_all(&mut self.connection).await?;
            self.is_at_the_end = rows.len() < ROWS;
            for row in &rows {
                let id: Option<i64> = row.try_get("person")?;
                add(&mut self.people, id, row)?;
            }
        }
        Ok(())
    }

    /// How many people have no further row.
    fn complete(&self) -> usize {
        let read = self.people.len();
        if self.is_at_the_end {
            read
        } else {
            read.saturating_sub(1)
        }
    }
}
