use std::{collections::HashMap, time::Duration};

use lemon_batching::{Batch, Batches, Waiting};
use lemon_domain::values::{ServiceType, Use, UserId};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value};
#[cfg(feature = "sqlite")]
use serde_json::json;
use tokio::time::timeout;

use crate::{
    entity::uses::Model,
    error::{SqlError, tell_all},
    executor::Executor,
    row,
};

/// The use of each person in the question, with the question's number, and whether the person was forgotten since
/// ([`refuse_forgotten`](crate::accounts::refuse_forgotten)): a refusal is one round trip. The `LIMIT` makes the server look up each use by
/// its key; a plain join could read the whole table. The columns are named: a prepared statement with `*` fails when a
/// newer version adds a column. The questions are subqueries, so that the server does not see how many they are: it would
/// plan the statement each time, which takes it longer than to execute it.
const FIND_ON_POSTGRESQL: &str = "SELECT asked.number, last.user_id, last.service, last.turn, last.window_start, \
    last.cooldown_until, last.expires_at, last.request_id, account.is_forgotten \
    FROM unnest((SELECT $1::bigint[]), (SELECT $2::text[])) WITH ORDINALITY AS asked (user_id, service, number) \
    CROSS JOIN LATERAL (SELECT user_id, service, turn, window_start, cooldown_until, expires_at, request_id \
    FROM uses WHERE uses.user_id = asked.user_id AND uses.service = asked.service LIMIT 1) AS last \
    CROSS JOIN LATERAL (SELECT bool_and(credentials_key_id = '') AS is_forgotten \
    FROM accounts WHERE accounts.user_id = asked.user_id) AS account";

/// The same on SQLite, where the round trip is one to the thread of a connection. The questions are a JSON array of pairs.
#[cfg(feature = "sqlite")]
const FIND_ON_SQLITE: &str = "SELECT asked.key + 1 AS number, last.user_id, last.service, last.turn, last.window_start, \
    last.cooldown_until, last.expires_at, last.request_id, (SELECT min(credentials_key_id = '') \
    FROM accounts WHERE accounts.user_id = last.user_id) AS is_forgotten \
    FROM json_each(?1) AS asked CROSS JOIN uses AS last \
    ON last.user_id = asked.value ->> 0 AND last.service = asked.value ->> 1";

/// Reads people's latest uses.
#[derive(Debug, Clone)]
pub(crate) struct LastUses {
    batches: Batches<LastUsesBatch>,
    deadline: Duration,
}

struct LastUsesBatch {
    reader: Executor,
    deadline: Duration,
}

#[derive(Debug)]
struct LastUsesQuestion {
    user: UserId,
    service: ServiceType,
}

type LastUsesAnswer = Result<Option<Use>, SqlError>;

impl LastUses {
    pub(crate) fn new(reader: Executor, deadline: Duration) -> Self {
        Self {
            batches: Batches::new(LastUsesBatch { reader, deadline }),
            deadline,
        }
    }

    /// The person's latest use of the service.
    pub(crate) async fn find(&self, user: UserId, service: &ServiceType) -> LastUsesAnswer {
        let service = service.clone();
        let answer = self.batches.ask(LastUsesQuestion { user, service }).await;
        answer.unwrap_or(Err(SqlError::TimedOut(self.deadline)))
    }
}

impl Batch for LastUsesBatch {
    type Question = LastUsesQuestion;
    type Answer = LastUsesAnswer;

    const MAX_TOGETHER: usize = 256;

    async fn answer(&self, together: Vec<Waiting<LastUsesQuestion, LastUsesAnswer>>) {
        let read = timeout(self.deadline, read(&self.reader, &together)).await;
        match read.unwrap_or(Err(SqlError::TimedOut(self.deadline))) {
            Ok(rows) => tell_each(together, &rows),
            Err(error) => tell_all(together, error),
        }
    }
}

/// The rows that are found, each with the number of its question from 0.
async fn read(
    reader: &Executor,
    together: &[Waiting<LastUsesQuestion, LastUsesAnswer>],
) -> Result<Vec<(usize, QueryResult)>, SqlError> {
    let questions = together.iter().map(|waiting| &waiting.question);
    let find = match reader {
        Executor::Postgres(_) => {
            let (users, services): (Vec<i64>, Vec<String>) = questions
                .map(|asked| (asked.user.get(), asked.service.as_str().to_owned()))
                .unzip();
            let values: [Value; 2] = [users.into(), services.into()];
            Statement::from_sql_and_values(DbBackend::Postgres, FIND_ON_POSTGRESQL, values)
        }
        #[cfg(feature = "sqlite")]
        Executor::Sqlite(_) => {
            let pairs: Vec<_> = questions
                .map(|asked| json!([asked.user.get(), asked.service.as_str()]))
                .collect();
            let values: [Value; 1] = [json!(pairs).to_string().into()];
            Statement::from_sql_and_values(DbBackend::Sqlite, FIND_ON_SQLITE, values)
        }
    };
    let rows = reader.query_all_raw(find).await?;
    let numbered = rows.into_iter().map(|row| {
        let number: i64 = row.try_get("", "number")?;
        let number = usize::try_from(number - 1);
        Ok((number.map_err(|error| DbErr::Type(error.to_string()))?, row))
    });
    numbered.collect()
}

/// A row that cannot be read fails only its own question.
fn tell_each(
    together: Vec<Waiting<LastUsesQuestion, LastUsesAnswer>>,
    found: &[(usize, QueryResult)],
) {
    let mut found: HashMap<usize, &QueryResult> =
        found.iter().map(|(number, row)| (*number, row)).collect();
    for (number, waiting) in together.into_iter().enumerate() {
        let row = found.remove(&number);
        waiting.tell(row.map(last_use).transpose());
    }
}

fn last_use(row: &QueryResult) -> Result<Use, SqlError> {
    // `None` without any account: nothing was forgotten.
    let is_forgotten: Option<bool> = row.try_get("", "is_forgotten")?;
    if is_forgotten == Some(true) {
        return Err(SqlError::UnknownPerson);
    }
    row::read::<Model>(row)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use futures::future::join_all;
    use lemon_migrations::{Migrator, MigratorTrait};
    use lemon_test_servers::PostgresServer;
    use secrecy::ExposeSecret;

    use super::*;
    use crate::{
        config::StoreConfig,
        postgresql::{Server, open},
    };

    /// A database with the schema.
    async fn connected(config: StoreConfig) -> (Server, LastUses) {
        // The test must not depend on the machine's speed.
        let deadline = Duration::from_mins(1);
        let config = config.with_deadline(deadline);
        let options = config.url.expose_secret().parse().unwrap();
        let server = open(options, &config).await.unwrap();
        let migrating = server.for_migrations().await.unwrap();
        Migrator::up(&migrating, None).await.unwrap();
        let last_uses = LastUses::new(Executor::Postgres(server.reader()), deadline);
        (server, last_uses)
    }

    fn learn_me() -> ServiceType {
        ServiceType::parse("LEARNME").unwrap()
    }

    /// On one thread, all questions are asked before the first statement is sent.
    #[tokio::test]
    async fn waiting_questions_are_sent_together_and_each_has_its_own_answer() {
        let postgres = PostgresServer::get().await;
        let sent = Arc::<AtomicUsize>::default();
        let config = StoreConfig::new(postgres.database().await.as_str()).with_observer({
            let sent = Arc::clone(&sent);
            move |_| {
                sent.fetch_add(1, Ordering::SeqCst);
            }
        });
        let (server, last_uses) = connected(config).await;
        let insert = "INSERT INTO users (id, created_at) SELECT n, now() FROM generate_series(1, 600) n; \
            INSERT INTO uses (user_id, service, turn, window_start, cooldown_until, expires_at) \
            SELECT n, 'LEARNME', n, now(), now(), now() FROM generate_series(1, 600) n WHERE n % 3 > 0";
        server.writer().execute_unprepared(insert).await.unwrap();
        sent.store(0, Ordering::SeqCst);
        let (service, other) = (learn_me(), ServiceType::parse("OTHER").unwrap());
        let asked = (1..=600).map(|user| last_uses.find(UserId::new(user), &service));
        let of_another = last_uses.find(UserId::new(1), &other);
        let (answers, of_another) = tokio::join!(join_all(asked), of_another);
        for (user, answer) in (1..=600).zip(answers) {
            let turn = answer.unwrap().map(|last| last.turn);
            assert_eq!(turn, (user % 3 > 0).then_some(user), "{user}");
        }
        assert_eq!(of_another.unwrap(), None);
        let sent = sent.load(Ordering::SeqCst);
        assert_eq!(sent, 601_usize.div_ceil(LastUsesBatch::MAX_TOGETHER));
    }

    #[tokio::test]
    async fn a_row_that_cannot_be_read_fails_only_the_call_of_its_person() {
        let postgres = PostgresServer::get().await;
        let (server, last_uses) =
            connected(StoreConfig::new(postgres.database().await.as_str())).await;
        let insert = "INSERT INTO users (id, created_at) VALUES (1, now()), (2, now()); \
            INSERT INTO uses (user_id, service, turn, window_start, cooldown_until, expires_at) VALUES \
            (1, 'LEARNME', 5000000000, now(), now(), now()), (2, 'LEARNME', 1, now(), now(), now())";
        server.writer().execute_unprepared(insert).await.unwrap();
        let service = learn_me();
        let (spoilt, well) = tokio::join!(
            last_uses.find(UserId::new(1), &service),
            last_uses.find(UserId::new(2), &service),
        );
        assert!(spoilt.is_err());
        assert_eq!(well.unwrap().unwrap().turn, 1);
    }

    #[tokio::test]
    async fn a_newer_version_may_add_a_column_meanwhile() {
        let postgres = PostgresServer::get().await;
        let (server, last_uses) =
            connected(StoreConfig::new(postgres.database().await.as_str())).await;
        let service = learn_me();
        last_uses.find(UserId::new(1), &service).await.unwrap();
        let add = "ALTER TABLE uses ADD COLUMN later int";
        server.writer().execute_unprepared(add).await.unwrap();
        last_uses.find(UserId::new(1), &service).await.unwrap();
    }
}
