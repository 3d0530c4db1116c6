use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::sleep;

use crate::{
    plan::{ACTIVE, CROWD, REPLICAS, Side},
    process::Process,
    world::World,
};

/// The replicas that run, and what happens to them.
pub(crate) struct Town {
    pub(crate) world: Arc<World>,
    running: Mutex<[Option<Arc<Process>>; REPLICAS]>,
}

/// What can happen to the whole.
#[derive(Debug, Clone, Copy)]
enum Event {
    Crash,
    Stop,
    Freeze,
    Forget,
    Outage,
}

impl Town {
    pub(crate) fn new(world: Arc<World>) -> Arc<Self> {
        Arc::new(Self {
            world,
            running: Mutex::default(),
        })
    }

    /// A replica that serves, if one does.
    pub(crate) fn any(&self) -> Option<Arc<Process>> {
        let running = self.running.lock();
        let serving: Vec<_> = running
            .iter()
            .flatten()
            .filter(|it| it.serves && !it.stop.is_cancelled() && !it.life.is_over())
            .collect();
        if serving.is_empty() {
            return None;
        }
        let index = self.world.dice.below(serving.len() as u64);
        let index = usize::try_from(index).unwrap_or_default();
        Some(Arc::clone(serving[index]))
    }

    /// Runs a replica, and starts it again whenever it ends.
    pub(crate) async fn run(self: Arc<Self>, index: usize) {
        loop {
            let replica = Process::start(&self.world, index);
            self.running.lock()[index] = Some(Arc::clone(&replica));
            replica.life.over().await;
            let name = &replica.life.name;
            self.world.chronicle.note(name, "is gone", 0, String::new);
            self.running.lock()[index] = None;
            replica.abort();
            drop(replica);
            sleep(self.world.dice.seconds(1..40)).await;
        }
    }

    /// Lets the planned events happen.
    pub(crate) fn begin_events(self: &Arc<Self>) {
        let plan = &self.world.plan;
        for (event, times) in [
            (Event::Crash, plan.crashes),
            (Event::Stop, plan.stops),
            (Event::Freeze, plan.freezes),
            (Event::Forget, plan.forgets),
            (Event::Outage, plan.outages),
        ] {
            for _ in 0..times {
                let at = self.time_of_event();
                let town = Arc::clone(self);
                tokio::spawn(async move {
                    sleep(at).await;
                    town.let_happen(event).await;
                });
            }
        }
    }

    /// Any time, or while many come at once: then more is under way.
    fn time_of_event(&self) -> Duration {
        let dice = &self.world.dice;
        if dice.happens(5_000) {
            return dice.seconds(1..ACTIVE.as_secs());
        }
        let crowds = u64::try_from(ACTIVE.as_millis()).unwrap_or(u64::MAX) / CROWD;
        Duration::from_millis(CROWD) * u32::try_from(1 + dice.below(crowds - 1)).unwrap_or(1)
            + dice.millis(2..60 + self.world.plan.pace)
    }

    async fn let_happen(&self, event: Event) {
        let world = &self.world;
        let length = world.dice.seconds(2..70);
        let words = || format!(" {event:?}, {} s", length.as_secs());
        world.chronicle.note("world", "event:", event as u64, words);
        let index = usize::try_from(world.dice.below(REPLICAS as u64)).unwrap_or_default();
        let replica = self.running.lock()[index].clone();
        match (event, replica) {
            (Event::Forget, _) => world.counter.forget_all(),
            (Event::Outage, _) => world.begin_outage(world.dice.pick(&Side::ALL), length),
            (Event::Crash, Some(replica)) => replica.life.end(),
            (Event::Freeze, Some(replica)) => replica.life.freeze(length),
            (Event::Stop, Some(replica)) => {
                replica.stop.cancel();
                sleep(Duration::from_secs(25)).await;
                replica.life.end();
            }
            (Event::Crash | Event::Freeze | Event::Stop, None) => {}
        }
    }
}
