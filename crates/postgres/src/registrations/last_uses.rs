use std::{collections::HashMap, sync::Arc, time::Duration};

use lemon_domain::values::{ServiceType, Use, UserId};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    SqlStore,
    entity::uses::Model,
    error::SqlError,
    row,
    together::{Together, Waiting, tell_all},
};

/// Uses that are read in one statement at most.
const MAX_TOGETHER: usize = 256;

/// Statements under way at once, as long as each is answered soon: one is on its way while the server works on another.
const UNDER_WAY: usize = 2;

/// How long a question waits for the statements under way. A quick server has answered by then; one that hangs holds
/// nobody up.
const PATIENCE: Duration = Duration::from_millis(10);

/// The use of each person who is asked for, with the number of the question. The limit has the server look each one up
/// by its key; a join could read all that there is. Columns have names: a prepared statement with `*` fails when a newer
/// version adds one.
const FIND: &str = "SELECT asked.number, last.user_id, last.service, last.turn, last.window_start, \
    last.cooldown_until, last.expires_at, last.request_id \
    FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS asked (user_id, service, number) \
    CROSS JOIN LATERAL (SELECT user_id, service, turn, window_start, cooldown_until, expires_at, request_id \
    FROM uses WHERE uses.user_id = asked.user_id AND uses.service = asked.service LIMIT 1) AS last";

/// Questions for people's latest uses, of which those that wait go to the server in one statement: on a busy server a
/// round trip costs more than what it asks for. A question that finds nothing under way waits for nobody.
#[derive(Debug, Clone)]
pub(crate) struct LastUses(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    waiting: Together<Question, Answer>,
    turns: Semaphore,
}

#[derive(Debug)]
struct Question {
    user: UserId,
    service: ServiceType,
}

type Answer = Result<Option<Use>, SqlError>;

impl Default for LastUses {
    fn default() -> Self {
        Self(Arc::new(Shared {
            waiting: Together::default(),
            turns: Semaphore::new(UNDER_WAY),
        }))
    }
}

impl LastUses {
    /// The person's latest use of the service.
    pub(super) async fn find(
        &self,
        store: &SqlStore,
        user: UserId,
        service: &ServiceType,
    ) -> Answer {
        let service = service.clone();
        let answer = self.0.waiting.put(Question { user, service });
        // Apart from this call, which may end at its deadline with the others' questions in hand.
        let (last_uses, of) = (self.clone(), store.clone());
        tokio::spawn(async move { last_uses.read_waiting(&of).await });
        answer
            .await
            .unwrap_or(Err(SqlError::TimedOut(store.deadline())))
    }

    /// Reads what waits, unless another has taken it by now.
    async fn read_waiting(&self, store: &SqlStore) {
        let _turn = timeout(PATIENCE, self.0.turns.acquire()).await;
        let together = self.0.waiting.take(MAX_TOGETHER);
        if together.is_empty() {
            return;
        }
        let read = timeout(store.deadline(), read(store, &together)).await;
        match read.unwrap_or(Err(SqlError::TimedOut(store.deadline()))) {
            Ok(rows) => tell_each(together, &rows),
            Err(error) => tell_all(together, error),
        }
    }
}

/// What is found, with the number of its question from 0.
async fn read(
    store: &SqlStore,
    together: &[Waiting<Question, Answer>],
) -> Result<Vec<(usize, QueryResult)>, SqlError> {
    let questions = || together.iter().map(|waiting| &waiting.question);
    let users: Vec<i64> = questions().map(|asked| asked.user.get()).collect();
    let services: Vec<String> = questions()
        .map(|asked| asked.service.as_str().to_owned())
        .collect();
    let values: [Value; 2] = [users.into(), services.into()];
    let reader = store.reader();
    let find = Statement::from_sql_and_values(reader.get_database_backend(), FIND, values);
    let rows = reader.query_all_raw(find).await?;
    let numbered = rows.into_iter().map(|row| {
        let number: i64 = row.try_get("", "number")?;
        let number = usize::try_from(number - 1);
        Ok((number.map_err(|error| DbErr::Type(error.to_string()))?, row))
    });
    numbered.collect()
}

/// A row that cannot be read is its person's trouble only.
fn tell_each(together: Vec<Waiting<Question, Answer>>, found: &[(usize, QueryResult)]) {
    let mut found: HashMap<usize, &QueryResult> =
        found.iter().map(|(number, row)| (*number, row)).collect();
    for (number, waiting) in together.into_iter().enumerate() {
        let row = found.remove(&number);
        waiting.tell(row.map(row::read::<Model>).transpose());
    }
}

#[cfg(test)]
mod tests {
    use futures::{future::join_all, poll};
    use lemon_domain::ports::Registrations;
    use lemon_test_servers::PostgresServer;

    use super::*;
    use crate::StoreConfig;

    async fn connected(url: &str) -> SqlStore {
        let config = StoreConfig {
            // A machine's speed shows nothing here.
            deadline: Duration::from_mins(1),
            ..StoreConfig::new(url)
        };
        let store = SqlStore::connect(&config).await.unwrap();
        store.migrate().await.unwrap();
        store
    }

    /// On one thread all ask before the first statement goes out.
    #[tokio::test]
    async fn questions_that_wait_are_sent_together_and_each_has_its_own_answer() {
        let postgres = PostgresServer::get().await;
        let store = connected(postgres.database().await.as_str()).await;
        let insert = "INSERT INTO users (id, created_at) SELECT n, now() FROM generate_series(1, 600) n; \
            INSERT INTO uses (user_id, service, turn, window_start, cooldown_until, expires_at) \
            SELECT n, 'LEARNME', n, now(), now(), now() FROM generate_series(1, 600) n WHERE n % 3 > 0";
        store.writer().execute_unprepared(insert).await.unwrap();
        let sent = store.database().server().unwrap().sent();
        sent.lock().unwrap().clear();
        let (service, other) = (
            ServiceType::parse("LEARNME").unwrap(),
            ServiceType::parse("OTHER").unwrap(),
        );
        let asked = (1..=600).map(|user| store.last_use(UserId::new(user), &service));
        let of_another = store.last_use(UserId::new(1), &other);
        let (answers, of_another) = tokio::join!(join_all(asked), of_another);
        for (user, answer) in (1..=600).zip(answers) {
            let turn = answer.unwrap().map(|last| last.turn);
            assert_eq!(turn, (user % 3 > 0).then_some(user), "{user}");
        }
        assert_eq!(of_another.unwrap(), None);
        assert_eq!(sent.lock().unwrap().len(), 601_usize.div_ceil(MAX_TOGETHER));
    }

    #[tokio::test]
    async fn a_row_that_cannot_be_read_is_the_trouble_of_its_person() {
        let postgres = PostgresServer::get().await;
        let store = connected(postgres.database().await.as_str()).await;
        let insert = "INSERT INTO users (id, created_at) VALUES (1, now()), (2, now()); \
            INSERT INTO uses (user_id, service, turn, window_start, cooldown_until, expires_at) VALUES \
            (1, 'LEARNME', 5000000000, now(), now(), now()), (2, 'LEARNME', 1, now(), now(), now())";
        store.writer().execute_unprepared(insert).await.unwrap();
        let service = ServiceType::parse("LEARNME").unwrap();
        let (spoilt, well) = tokio::join!(
            store.last_use(UserId::new(1), &service),
            store.last_use(UserId::new(2), &service),
        );
        assert!(spoilt.is_err());
        assert_eq!(well.unwrap().unwrap().turn, 1);
    }

    #[tokio::test]
    async fn a_question_does_not_wait_for_statements_that_hang() {
        let postgres = PostgresServer::get().await;
        let store = connected(postgres.database().await.as_str()).await;
        let last_uses = store.last_uses().unwrap();
        let _hanging = last_uses.0.turns.acquire_many(2).await.unwrap();
        let service = ServiceType::parse("LEARNME").unwrap();
        let found = store.last_use(UserId::new(1), &service).await.unwrap();
        assert_eq!(found, None);
    }

    #[tokio::test]
    async fn whoever_gives_up_takes_nobody_along() {
        let postgres = PostgresServer::get().await;
        let store = connected(postgres.database().await.as_str()).await;
        let service = ServiceType::parse("LEARNME").unwrap();
        let last_uses = store.last_uses().unwrap();
        let turns = last_uses.0.turns.acquire_many(2).await.unwrap();
        let mut first = Box::pin(store.last_use(UserId::new(1), &service));
        let mut second = Box::pin(store.last_use(UserId::new(2), &service));
        assert!(poll!(&mut first).is_pending());
        assert!(poll!(&mut second).is_pending());
        // Whoever has the next turn takes both questions; the first caller goes on only once.
        drop(turns);
        let _pending = poll!(&mut first);
        tokio::task::yield_now().await;
        drop(first);
        assert_eq!(second.await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_newer_version_may_add_a_column_meanwhile() {
        let postgres = PostgresServer::get().await;
        let store = connected(postgres.database().await.as_str()).await;
        let service = ServiceType::parse("LEARNME").unwrap();
        store.last_use(UserId::new(1), &service).await.unwrap();
        let add = "ALTER TABLE uses ADD COLUMN later int";
        store.writer().execute_unprepared(add).await.unwrap();
        store.last_use(UserId::new(1), &service).await.unwrap();
    }
}
