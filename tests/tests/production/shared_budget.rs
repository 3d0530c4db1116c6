//! A budget that services share, on several replicas.

use futures::future::{join, join_all};

use lemon_tests::SystemBuilder;

use crate::shared::Shared;

/// Two services that share a budget, with queues of this test.
fn sharing(shared: &Shared, system: SystemBuilder) -> SystemBuilder {
    let queues = [
        ("TRAIN", "draw"),
        ("READY", "ready"),
        ("NOTIFY", "notify"),
        ("DELETE", "rub-out"),
    ];
    queues
        .into_iter()
        .fold(system.shared_reads(), |system, (role, queue)| {
            let variable = format!("LEMON_SERVICES__DRAW_ME__QUEUES__{role}");
            system.env(&variable, &shared.queue(queue))
        })
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_and_two_services_never_take_too_much_from_one_budget() {
    let shared = Shared::without_queues().await;
    let made = sharing(&shared, shared.first());
    let made = made.run(&["queues", "create"]).await;
    assert!(made.status.success(), "{made:?}");
    let first = sharing(&shared, shared.first()).start().await;
    let second = sharing(&shared, shared.another(&first)).try_start();
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
    let late = first.sign_in(9).await.at(&second);
    let refused = late.register(None).await;
    assert_eq!(refused.code(), Some("quota_exhausted"));
    let left = format!("\"reads\";r={};t=", 100 - taken);
    let told = refused.header("ratelimit").unwrap();
    assert!(told.starts_with(&left), "{told}");
}
