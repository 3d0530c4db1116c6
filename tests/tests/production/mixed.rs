//! Each port is chosen by itself.

use futures::future::join_all;
use lemon_tests::{System, SystemBuilder, wait_until};

use crate::shared::Shared;

/// From the sign-in to the deletion, with one notification.
async fn journey(system: SystemBuilder) {
    let system = system
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "0")
        .start()
        .await;
    let person = system.sign_in(1).await;
    let registered = person.register(None).await.must_be(201);
    assert_eq!(registered["register_count"], 1);
    person.wait_until_ready().await;
    let posts = wait_until("the notification has come", async || {
        let posts = person.notifications().await;
        (!posts.is_empty()).then_some(posts)
    })
    .await;
    assert_eq!(posts.len(), 1);
    person.delete().await.must_be(200);
    let left = person.services().await.must_be(200);
    assert_eq!(left.as_array().unwrap().len(), 0);
    assert_eq!(person.can_use().await.must_be(200)["register_count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_choice_of_store_counter_and_queue_makes_the_journey() {
    let choices = (1..8_u8).map(async |choice| {
        let shared = Shared::new().await;
        let mut system = System::builder();
        if choice & 1 != 0 {
            system = shared.on_postgres(system);
        }
        if choice & 2 != 0 {
            system = shared.on_redis(system);
        }
        if choice & 4 != 0 {
            system = shared.on_sqs(system);
        }
        journey(system).await;
    });
    join_all(choices).await;
}
