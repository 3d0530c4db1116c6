use std::sync::Arc;

use lemon_domain::{
    ports::{Expiring, Housekeeping, PURGE_PORTION},
    values::Credentials,
};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tokio::sync::watch;

use super::{
    Fresh, count,
    given::{register, sign_in},
};

const MANY: u64 = 20_000;

/// Places of years ago.
const OLD: &str = "INSERT INTO places (service, budget, window_start, seat, user_id, turn, units, at, expires_at)
    SELECT 'LEARNME', 'daily', '2019-11-22T12:00:00Z', n, (SELECT min(id) FROM users), 1, 1, '2019-11-22T12:00:00Z',
    timestamptz '2020-11-22T12:00:00Z' + n * interval '1 second' FROM generate_series(1, $1) n";

/// Each portion and each registration is within the store's deadline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_expired_places_are_removed_in_portions_while_people_register() {
    let fresh = Fresh::new().await;
    let store = Arc::new(fresh.store().await);
    sign_in(&store, 1_000_000, &Credentials::new("token", "secret")).await;
    let db = fresh.outsider().await;
    let many = i64::try_from(MANY).unwrap().into();
    let old = Statement::from_sql_and_values(DbBackend::Postgres, OLD, [many]);
    db.execute_raw(old).await.unwrap();
    let (purged, is_purged) = watch::channel(false);
    let registering = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            let mut n = 0;
            // As many as there are places.
            while n == 0 || n < 400 && !*is_purged.borrow() {
                n += 1;
                register(&store, n).await;
            }
            n
        }
    });
    let (mut rows, mut portions) = (0, 0);
    loop {
        let now = store.time().await.unwrap();
        let portion = store.purge(Expiring::Places, now).await.unwrap();
        assert!(portion.rows <= u64::from(PURGE_PORTION));
        (rows, portions) = (rows + portion.rows, portions + 1);
        if !portion.more {
            break;
        }
    }
    purged.send_replace(true);
    let registered = registering.await.unwrap();
    assert_eq!(rows, MANY);
    assert!(portions > MANY / u64::from(PURGE_PORTION));
    assert_eq!(count(&db, "places").await, i64::from(registered));
}
