//! Lines to the neighbours, and callers of what is behind them.

use lemon_test_servers::Link;
use lemon_tests::{Person, SteadyLoad, System, SystemBuilder};
use url::Url;

use super::shared::Shared;

/// Callers at a time: more than there are connections.
const CALLERS: usize = 16;

/// A line to each neighbour.
pub(crate) struct Lines {
    pub(crate) postgres: Link,
    pub(crate) redis: Link,
    pub(crate) sqs: Link,
    database: Url,
}

impl Lines {
    pub(crate) async fn of(shared: &Shared) -> Self {
        let postgres = Link::to(shared.postgres.address()).await;
        let mut database = shared.database.clone();
        database.set_port(Some(postgres.port())).unwrap();
        Self {
            postgres,
            redis: Link::to(shared.redis.address()).await,
            sqs: Link::to(shared.sqs.address()).await,
            database,
        }
    }

    /// A replica that comes to everything over these.
    pub(crate) fn lead(&self, system: SystemBuilder) -> SystemBuilder {
        let local = |scheme, line: &Link| format!("{scheme}://127.0.0.1:{}", line.port());
        system
            .env("LEMON_STORE__URL", self.database.as_str())
            .env("LEMON_QUOTA__URL", &local("redis", &self.redis))
            .env("AWS_ENDPOINT_URL_SQS", &local("http", &self.sqs))
    }
}

/// Callers of what is answered from the store alone.
pub(crate) fn callers_of_the_store(person: &Person) -> SteadyLoad {
    let person = person.clone();
    SteadyLoad::start(CALLERS, move || {
        let call = person.request(reqwest::Method::GET, "/api/service").send();
        async { call.await.is_ok_and(|answer| answer.status() == 200) }
    })
}

/// Callers of what is answered from the counter alone.
pub(crate) fn callers_of_the_counter(person: &Person) -> SteadyLoad {
    let person = person.clone();
    SteadyLoad::start(CALLERS, move || {
        let path = "/api/service/learn_me/can-use";
        let call = person.request(reqwest::Method::GET, path).send();
        async { call.await.is_ok_and(|answer| answer.status() == 200) }
    })
}

/// A caller who asks whether the queue answers, among others.
pub(crate) fn callers_of_the_queue(system: &System) -> SteadyLoad {
    let (client, ready) = (system.client().clone(), system.ops_url("/health/ready"));
    SteadyLoad::start(2, move || {
        let call = client.get(&ready).send();
        async { call.await.is_ok_and(|answer| answer.status() == 200) }
    })
}
