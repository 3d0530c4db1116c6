//! Lines that go silent under load: nobody closes them, and new ones work. How long it takes until what is behind them is found
//! again is measured by `cargo xtask bench`.

use lemon_tests::wait_until;

use crate::{
    lines::{Lines, callers_of_the_counter, callers_of_the_queue, callers_of_the_store},
    shared::Shared,
};

#[tokio::test(flavor = "multi_thread")]
async fn services_are_found_again_while_calls_continue() {
    let shared = Shared::new().await;
    let lines = Lines::of(&shared).await;
    let system = lines.lead(shared.first()).start().await;
    let [first, second] = [system.sign_in(1).await, system.sign_in(2).await];
    first.register(None).await.must_be(201);
    first.wait_until_ready().await;

    let mut store = callers_of_the_store(&first);
    store.good_again().await;
    lines.postgres.silence();
    store.good_again().await;
    drop(store);

    let mut counter = callers_of_the_counter(&first);
    counter.good_again().await;
    lines.redis.silence();
    counter.good_again().await;
    drop(counter);

    let mut queue = callers_of_the_queue(&system);
    queue.good_again().await;
    lines.sqs.silence();
    queue.good_again().await;
    second.register(None).await.must_be(201);
    // What the queue still gives to a poll on a dead line comes again only after its visibility timeout.
    wait_until("the second job is sent", async || {
        (system.sent_trainings().len() == 2).then_some(())
    })
    .await;
}
