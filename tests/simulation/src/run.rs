use std::sync::Arc;

use lemon_domain::ports::{DeadLetterChoice, QueueKeeping};
use tokio::{runtime::Builder, time::sleep};

use crate::{
    invariant::Violation,
    mutation::Mutation,
    people::SimulatedPerson,
    plan::{ACTIVE, QUIET, REPLICAS},
    town::Town,
    watch::look_in_the_end,
    world::World,
};

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// The invariant that did not hold, if any.
    pub violation: Option<Violation>,
    /// A digest of all events: equal for equal runs.
    pub digest: u64,
    /// How many events there were.
    pub events: u64,
    /// The faults that were planned.
    pub plan: String,
    /// What happened, in words, if they were asked for.
    pub words: String,
}

/// Runs a seed to its end, or to the first violation.
///
/// # Panics
/// If no runtime can be built.
#[must_use]
pub fn run(seed: u64, mutation: Option<Mutation>, in_words: bool) -> Ran {
    // The jitter of back-offs comes from here.
    fastrand::seed(seed);
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let runtime = runtime.expect("a runtime without I/O");
    runtime.block_on(async {
        let world = World::new(seed, mutation, in_words);
        tokio::select! {
            biased;
            () = world.chronicle.broken() => {}
            () = play(&world) => {}
        }
        Ran {
            violation: world.chronicle.violation(),
            digest: world.chronicle.digest(),
            events: world.chronicle.events(),
            plan: world.plan.in_words(),
            words: world.chronicle.words(),
        }
    })
}

/// Faults and people, then quiet, then the accounts.
async fn play(world: &Arc<World>) {
    let town = Town::new(Arc::clone(world));
    for index in 0..REPLICAS {
        tokio::spawn(Arc::clone(&town).run(index));
    }
    town.begin_events();
    for number in 1..=world.plan.people {
        let person = SimulatedPerson::sign_in(Arc::clone(&town), number).await;
        tokio::spawn(person.live());
    }
    sleep(ACTIVE).await;
    world.chronicle.note("world", "is healed", 0, String::new);
    world.heal();
    for ready in world.catalogue.ready_queues() {
        // As an operator does after the outage that used up the receives of a message.
        drop(world.queue.redrive(&ready, &DeadLetterChoice::All).await);
    }
    sleep(QUIET).await;
    look_in_the_end(&town).await;
}
