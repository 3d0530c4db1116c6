//! How long it takes until a neighbour is found again whose lines went silent, while calls keep coming: from the cut until
//! each caller has had a good answer.

use std::time::Duration;

use lemon_tests::SteadyLoad;

use crate::{
    ROUNDS,
    figures::Figures,
    production::{
        lines::{Lines, callers_of_the_counter, callers_of_the_queue, callers_of_the_store},
        shared::Shared,
    },
};

/// Of each neighbour.
const LIMIT: f64 = 10.0;

pub(crate) async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    let shared = Shared::new().await;
    let lines = Lines::of(&shared).await;
    let system = lines.lead(shared.first()).start().await;
    let first = system.sign_in(1).await;
    let load = callers_of_the_store(&first);
    let took = longest(load, || lines.postgres.silence()).await;
    found(figures, "found again after a silent cut, PostgreSQL", took);
    let load = callers_of_the_counter(&first);
    let took = longest(load, || lines.redis.silence()).await;
    found(figures, "found again after a silent cut, Redis", took);
    let load = callers_of_the_queue(&system);
    let took = longest(load, || lines.sqs.silence()).await;
    found(figures, "found again after a silent cut, SQS", took);
    Ok(())
}

async fn longest(mut load: SteadyLoad, cut: impl Fn()) -> Duration {
    let mut longest = Duration::ZERO;
    for _ in 0..ROUNDS {
        load.good_again().await;
        cut();
        longest = longest.max(load.good_again().await);
    }
    longest
}

fn found(figures: &mut Figures, name: &'static str, took: Duration) {
    figures.cost(name, took.as_secs_f64(), "s", LIMIT);
}
