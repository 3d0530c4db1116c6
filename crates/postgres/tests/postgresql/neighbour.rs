//! A server that is silent, cut off, locked or demoted for a while, and is well again.

use std::{future::Future, sync::Arc, time::Duration};

use lemon_domain::{
    ports::{Outbox, Publication, Registrations, StoreError},
    values::{Identity, RequestId, TrainingReady},
};
use lemon_postgres::{SqlStore, StoreConfig};
use lemon_test_servers::Link;
use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait, prelude::Uuid};
use tokio::time::timeout;

use super::{
    Fresh, PATIENCE, count,
    given::{account, learn_me, now, register},
    until,
};

/// For calls that nothing hinders: never over, on the slowest machine.
const LONG: Duration = Duration::from_secs(30);

/// For calls that are to fail, and to be made again.
const SHORT: Duration = Duration::from_secs(2);

/// A store whose line to the server a test can stall.
struct Linked {
    fresh: Fresh,
    link: Link,
    store: SqlStore,
    people: Vec<Identity>,
}

impl Linked {
    async fn new(connections: u32, people: u32, deadline: Duration) -> Self {
        let fresh = Fresh::new().await;
        let direct = fresh.store().await;
        let mut registered = Vec::new();
        for n in 1..=people {
            registered.push(register(&direct, n).await);
        }
        let link = Link::to(fresh.server.address()).await;
        let mut url = fresh.url.clone();
        url.set_port(Some(link.port())).unwrap();
        let config = StoreConfig::new(url.as_str())
            .with_max_connections(connections)
            .with_deadline(deadline);
        let store = SqlStore::connect(&config).await.unwrap();
        Self {
            fresh,
            link,
            store,
            people: registered,
        }
    }

    /// Has as many connections made as there may be.
    async fn warm_up(&self) {
        until(|| async {
            let users = self.people.iter().map(|person| person.user);
            let lists = join(users.map(|user| self.store.list(user))).await;
            lists.iter().all(Result::is_ok)
        })
        .await;
    }

    fn publish(&self, n: usize, public: bool) -> impl Future<Output = Result<(), StoreError>> {
        publish(&self.store, self.people[n], public)
    }

    /// Calls until one is answered; then what it says must be so, as everybody else sees it, at once.
    async fn publish_at_last(&self, outsider: &DatabaseConnection, n: usize) {
        until(|| async { self.publish(n, true).await.is_ok() }).await;
        let user = self.people[n].user;
        let public = format!("registrations WHERE public AND user_id = {user}");
        assert_eq!(count(outsider, &public).await, 1);
    }
}

fn publish(
    store: &SqlStore,
    person: Identity,
    public: bool,
) -> impl Future<Output = Result<(), StoreError>> + use<> {
    let store = store.clone();
    async move {
        let publication = Publication {
            user: person.user,
            service: learn_me(),
            public,
        };
        store.set_public(publication).await.map(drop)
    }
}

async fn join<T>(calls: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    futures::future::join_all(calls).await
}

fn nobody() -> TrainingReady {
    TrainingReady {
        account: account(999),
        service: learn_me(),
        request_id: None,
    }
}

/// A transaction.
async fn finish(store: &SqlStore) -> Result<(), StoreError> {
    let id = RequestId::new(Uuid::nil());
    store.finish(&nobody(), id, now()).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answered_call_is_committed_even_if_the_server_was_silent_for_a_while() {
    let mut linked = Linked::new(10, 20, SHORT).await;
    let outsider = linked.fresh.outsider().await;
    linked.warm_up().await;
    linked.link.stall();
    // One for each connection: a call that waits for one would try it out and find it silent.
    let begun = join((0..10).map(|_| finish(&linked.store))).await;
    for outcome in begun {
        assert!(outcome.unwrap_err().is_transient());
    }
    linked.link.mend().await;
    for n in 0..linked.people.len() {
        linked.publish_at_last(&outsider, n).await;
    }
    until(|| async {
        let open = "pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in %'";
        count(&outsider, open).await == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_cut_is_found_while_calls_go_on() {
    let linked = Linked::new(4, 8, SHORT).await;
    linked.warm_up().await;
    let calls: Vec<_> = (0..8)
        .map(|n| {
            let (store, person) = (linked.store.clone(), linked.people[n]);
            tokio::spawn(async move {
                loop {
                    let _ = publish(&store, person, true).await;
                    let _ = store.list(person.user).await;
                }
            })
        })
        .collect();
    linked.link.silence();
    // As many in a row as cannot be had by luck.
    until(|| async {
        for _ in 0..20 {
            if finish(&linked.store).await.is_err() {
                return false;
            }
        }
        true
    })
    .await;
    for call in calls {
        call.abort();
    }
}

/// Each of the other dead connections would cost a call: none is so old that it is tried for that.
#[tokio::test]
async fn after_a_silent_cut_one_call_fails_and_the_next_ones_are_answered() {
    let linked = Linked::new(8, 8, 2 * SHORT).await;
    linked.warm_up().await;
    linked.link.silence();
    let list = |n: usize| linked.store.list(linked.people[n].user);
    assert!(list(0).await.unwrap_err().is_transient());
    for n in 0..linked.people.len() {
        list(n).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_without_notifications_notices_a_silent_cut() {
    let linked = Linked::new(4, 0, LONG).await;
    let changed = || async { timeout(PATIENCE, linked.store.changed()).await.is_ok() };
    // That it listens.
    assert!(changed().await);
    linked.link.silence();
    let other = linked.fresh.store().await;
    register(&other, 1).await;
    assert!(
        changed().await,
        "it listens again, and looks what it missed"
    );
    register(&other, 2).await;
    assert!(changed().await);
}

#[tokio::test]
async fn after_a_cut_calls_go_out_over_fresh_connections_at_once() {
    let mut linked = Linked::new(4, 8, LONG).await;
    linked.warm_up().await;
    linked.link.cut().await;
    assert!(finish(&linked.store).await.unwrap_err().is_certain());
    linked.link.mend().await;
    linked.warm_up().await;
    linked.link.cut().await;
    linked.link.mend().await;
    for person in &linked.people {
        finish(&linked.store).await.unwrap();
        linked.store.list(person.user).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_locked_for_a_while_delays_only_the_calls_that_need_it() {
    let linked = Linked::new(4, 8, SHORT).await;
    let outsider = linked.fresh.outsider().await;
    let locked = outsider.begin().await.unwrap();
    locked
        .execute_unprepared("LOCK TABLE registrations IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    for outcome in join((0..8).map(|n| linked.publish(n, true))).await {
        let error = outcome.unwrap_err();
        assert!(error.is_transient() && !error.is_of_the_call(), "{error:?}");
    }
    // What nobody waits for any more is not done when the lock is released.
    let waiting =
        "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until(|| async { count(&outsider, waiting).await == 0 }).await;
    locked.commit().await.unwrap();
    assert_eq!(count(&outsider, "registrations WHERE public").await, 0);
    for n in 0..linked.people.len() {
        linked.publish_at_last(&outsider, n).await;
    }
}

#[tokio::test]
async fn a_missing_table_is_no_fault_of_a_call() {
    let linked = Linked::new(4, 1, LONG).await;
    let outsider = linked.fresh.outsider().await;
    let sql = async |sql: &str| outsider.execute_unprepared(sql).await.unwrap();
    sql("ALTER TABLE registrations RENAME TO elsewhere").await;
    for error in [
        linked.publish(0, true).await.unwrap_err(),
        finish(&linked.store).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Unreached(_)), "{error:?}");
    }
    sql("ALTER TABLE elsewhere RENAME TO registrations").await;
    linked.publish(0, true).await.unwrap();
    finish(&linked.store).await.unwrap();
}

#[tokio::test]
async fn a_read_only_server_is_left() {
    let linked = Linked::new(4, 8, LONG).await;
    let outsider = linked.fresh.outsider().await;
    let sql = async |sql: &str| outsider.execute_unprepared(sql).await.unwrap();
    let name = linked.fresh.url.path().trim_start_matches('/').to_owned();
    sql(&format!(
        "ALTER DATABASE {name} SET default_transaction_read_only = on"
    ))
    .await;
    sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()")
    .await;
    // All connections are such as take no changes.
    linked.warm_up().await;
    let error = linked.publish(0, true).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreached(_)), "{error:?}");
    sql(&format!(
        "BEGIN READ WRITE; ALTER DATABASE {name} RESET default_transaction_read_only; COMMIT"
    ))
    .await;
    for outcome in join((0..8).map(|n| linked.publish(n, true))).await {
        outcome.unwrap();
    }
}

/// Polls a call so often, and drops it then.
async fn dropped_after<T>(polls: usize, call: impl Future<Output = T>) -> Option<T> {
    let mut call = std::pin::pin!(call);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return std::task::Poll::Ready(None);
        }
        left -= 1;
        call.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test]
async fn a_call_may_be_dropped_wherever_it_waits() {
    let linked = Linked::new(1, 2, LONG).await;
    let outsider = linked.fresh.outsider().await;
    let store = Arc::new(linked.store.clone());
    let mut is_done = false;
    let mut polls = 0;
    while !is_done {
        let transaction = dropped_after(polls, finish(&store)).await;
        linked.publish_at_last(&outsider, 0).await;
        let change = dropped_after(polls, linked.publish(1, true)).await;
        linked.publish_at_last(&outsider, 1).await;
        linked.publish(0, false).await.unwrap();
        linked.publish(1, false).await.unwrap();
        is_done = transaction.is_some() && change.is_some();
        polls += 1;
        assert!(polls < 1000, "a call has an end");
    }
}
