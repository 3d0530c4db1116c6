//! A budget that services share, on several replicas.

use futures::future::{join, join_all};

use crate::shared::Shared;

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_and_two_services_take_from_one_budget_and_never_too_much() {
    let shared = Shared::new().await;
    let first = shared.first().shared_reads().start().await;
    let second = shared.another(&first).shared_reads().try_start();
    let second = second.await.unwrap();
    let mut people = Vec::new();
    for n in 1..=8 {
        people.push(first.sign_in(n).await);
    }
    let both = join_all(people.iter().map(|person| async {
        let elsewhere = person.at(&second);
        join(person.register(None), elsewhere.register_to_be_drawn()).await
    }))
    .await;
    let accepted = |answers: Vec<u16>| {
        assert!(
            answers.iter().all(|it| [201, 429].contains(it)),
            "{answers:?}"
        );
        answers.iter().filter(|status| **status == 201).count()
    };
    let learning = accepted(both.iter().map(|(answer, _)| answer.status).collect());
    let drawing = accepted(both.iter().map(|(_, answer)| answer.status).collect());
    let taken = 30 * learning + 20 * drawing;
    assert!(taken <= 100 && taken + 30 > 100, "{learning} and {drawing}");

    // The counter is restored from the record of both services.
    shared.redis.forget(&shared.key_prefix).await;
    let late = second.sign_in(9).await;
    let refused = late.register(None).await;
    assert_eq!(refused.code(), Some("quota_exhausted"));
    let left = format!("\"reads\";r={};t=", 100 - taken);
    let told = refused.header("ratelimit").unwrap();
    assert!(told.starts_with(&left), "{told}");
}
