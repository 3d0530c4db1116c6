use chrono::TimeDelta;
use lemon_domain::{
    ports::{PendingSignIn, PendingSignIns, SignInClaim, StoreError},
    sealing::Sealed,
    values::{RequestToken, Verifier},
};
use lemon_postgres::{SqlStore, StoreConfig};
use lemon_test_servers::Link;

use super::{Fresh, PATIENCE, given::now};

fn pending(token: &str) -> PendingSignIn {
    PendingSignIn {
        token: RequestToken::parse(token).unwrap(),
        secret: Sealed {
            key_id: "k1".to_owned(),
            data: vec![7; 40],
        },
        expires_at: now() + TimeDelta::minutes(10),
    }
}

fn claim(verifier: &str) -> SignInClaim {
    SignInClaim::of(&Verifier::parse(verifier).unwrap())
}

/// PostgreSQL has committed, and its answer does not come.
#[tokio::test]
async fn a_take_whose_answer_is_lost_can_be_repeated_by_the_same_claim_only() {
    let fresh = Fresh::new().await;
    let direct = fresh.store().await;
    let mut line = Link::to(fresh.server.address()).await;
    let mut url = fresh.url.clone();
    url.set_port(Some(line.port())).unwrap();
    let config = StoreConfig::new(url.as_str())
        .with_max_connections(1)
        .with_deadline(PATIENCE);
    let store = SqlStore::connect(&config).await.unwrap();
    for token in ["before", "request-token"] {
        store.put(pending(token)).await.unwrap();
    }
    let (mine, wanted) = (claim("mine"), pending("request-token"));
    let before = store.take(&pending("before").token, &mine, now()).await;
    assert_eq!(before.unwrap(), Some(pending("before")));

    line.lose_answers_to("request-token");
    let lost = store.take(&wanted.token, &mine, now()).await;
    assert!(
        lost.as_ref().is_err_and(StoreError::is_transient),
        "{lost:?}"
    );
    line.mend().await;
    let by_another = direct.take(&wanted.token, &claim("another"), now()).await;
    assert_eq!(by_another.unwrap(), None, "it was claimed");
    let again = store.take(&wanted.token, &mine, now()).await;
    assert_eq!(again.unwrap(), Some(wanted));
}
