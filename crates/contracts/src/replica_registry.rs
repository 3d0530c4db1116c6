//! Cases of the `ReplicaRegistry` contract.

use lemon_domain::ports::Replica;
use uuid::Uuid;

use crate::{race::race, store::Store, subject::Subject};

/// Emits the cases for a function that makes a fresh, empty [`Subject<dyn Store>`](crate::Store).
#[macro_export]
macro_rules! replica_registry_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::replica_registry,
            $subject,
            [
                a_replica_is_listed_once_with_its_latest_version_until_it_leaves,
                concurrent_signs_of_life_list_each_replica_once,
                a_sign_of_life_is_read_back_at_once,
                to_leave_twice_or_unseen_changes_nothing,
            ]
        );
    };
}

fn replica(n: u128, version: &str) -> Replica {
    Replica {
        id: Uuid::from_u128(n),
        version: version.to_owned(),
    }
}

async fn listed(store: &Subject<dyn Store>) -> Vec<Replica> {
    let seen = store.replicas().await.unwrap();
    seen.into_iter().map(|seen| seen.replica).collect()
}

/// Contract 1.
pub async fn a_replica_is_listed_once_with_its_latest_version_until_it_leaves(
    store: Subject<dyn Store>,
) {
    assert_eq!(listed(&store).await, []);
    for version in ["1.0.0", "1.1.0"] {
        store.beat(&replica(1, version)).await.unwrap();
    }
    store.beat(&replica(2, "1.0.0")).await.unwrap();
    assert_eq!(
        listed(&store).await,
        [replica(2, "1.0.0"), replica(1, "1.1.0")]
    );
    store.leave(Uuid::from_u128(2)).await.unwrap();
    assert_eq!(listed(&store).await, [replica(1, "1.1.0")]);
}

/// Contract 1.
pub async fn concurrent_signs_of_life_list_each_replica_once(store: Subject<dyn Store>) {
    race(20, |i| {
        let store = store.share();
        let replica = replica(u128::try_from(i % 4).unwrap(), "1.0.0");
        async move { store.beat(&replica).await.unwrap() }
    })
    .await;
    assert_eq!(listed(&store).await.len(), 4);
}

/// Contract 2.
pub async fn a_sign_of_life_is_read_back_at_once(store: Subject<dyn Store>) {
    store.beat(&replica(1, "1.0.0")).await.unwrap();
    let seen = store.replicas().await.unwrap();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].ago < lemon_domain::ports::REPLICA_SILENCE);
}

/// Contract 3.
pub async fn to_leave_twice_or_unseen_changes_nothing(store: Subject<dyn Store>) {
    store.beat(&replica(1, "1.0.0")).await.unwrap();
    store.beat(&replica(2, "1.0.0")).await.unwrap();
    for gone in [2, 2, 3] {
        store.leave(Uuid::from_u128(gone)).await.unwrap();
    }
    assert_eq!(listed(&store).await, [replica(1, "1.0.0")]);
}
