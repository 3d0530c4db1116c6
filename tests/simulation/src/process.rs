use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use lemon_consumer::{ConsumerConfig, Control, Relay, RelayConfig};
use lemon_domain::{
    ports::Clock,
    traces::Tracer,
    usecases::{
        Dispatch, PeopleCare, Quotas, Registering, RegisteringPorts, TrainingSweep, Trainings,
    },
    values::Catalogue,
};
use lemon_worker::{JobRenderer, ReadyListener, TrainingWatch, Upkeep};
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    catalogue::catalogue,
    line::{Life, Line, SkewedClock},
    world::World,
};

/// How often the upkeep works.
const UPKEEP: Duration = Duration::from_mins(1);

/// One process, as `serve` wires it.
pub(crate) struct Process {
    pub(crate) life: Arc<Life>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) registering: Arc<Registering>,
    pub(crate) people: PeopleCare,
    pub(crate) quotas: Arc<Quotas>,
    pub(crate) stop: CancellationToken,
    /// Whether people reach it.
    pub(crate) serves: bool,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// What every part of a replica gets.
struct ReplicaParts {
    line: Arc<Line>,
    clock: Arc<dyn Clock>,
    catalogue: Arc<Catalogue>,
    quotas: Arc<Quotas>,
    stop: CancellationToken,
}

impl Process {
    /// Starts it.
    pub(crate) fn start(world: &Arc<World>, index: usize) -> Arc<Self> {
        let life = Life::new(index);
        world.chronicle.note(&life.name, "starts", 0, String::new);
        let ports = Arc::new(Line {
            world: Arc::clone(world),
            life: Arc::clone(&life),
        });
        let clock: Arc<dyn Clock> = Arc::new(SkewedClock {
            world: Arc::clone(world),
            ahead: TimeDelta::milliseconds(world.plan.skews[index]),
        });
        let is_later = world.plan.other_units && world.dice.happens(5_000);
        let catalogue = catalogue(world.plan.room, is_later);
        let quotas = Arc::new(Quotas::new(
            ports.clone(),
            ports.clone(),
            Arc::clone(&clock),
            Registering::GRACE,
        ));
        let all = ReplicaParts {
            line: ports,
            clock,
            catalogue,
            quotas,
            stop: CancellationToken::new(),
        };
        let serves = world.plan.wild != Some(index);
        let tasks = all.spawn(serves);
        Arc::new(all.replica(life, serves, tasks))
    }

    /// Drops what it does, wherever it waits.
    pub(crate) fn abort(&self) {
        for task in self.tasks.lock().drain(..) {
            task.abort();
        }
    }
}

impl ReplicaParts {
    fn replica(self, life: Arc<Life>, serves: bool, tasks: Vec<JoinHandle<()>>) -> Process {
        Process {
            life,
            registering: Arc::new(Registering::new(RegisteringPorts {
                registrations: self.line.clone(),
                quotas: Arc::clone(&self.quotas),
                clock: Arc::clone(&self.clock),
                ids: self.line.clone(),
            })),
            people: PeopleCare {
                people: self.line.clone(),
                deadlines: self.line,
                clock: self.clock,
            },
            catalogue: self.catalogue,
            quotas: self.quotas,
            stop: self.stop,
            serves,
            tasks: Mutex::new(tasks),
        }
    }

    fn spawn(&self, serves: bool) -> Vec<JoinHandle<()>> {
        let mut tasks = vec![self.upkeep(), self.watch()];
        if serves {
            tasks.extend([self.relay(), self.listener()]);
        }
        tasks
    }

    fn upkeep(&self) -> JoinHandle<()> {
        let upkeep = Upkeep {
            housekeeping: self.line.clone(),
            quotas: Arc::clone(&self.quotas),
            catalogue: Arc::clone(&self.catalogue),
            clock: Arc::clone(&self.clock),
            every: UPKEEP,
        };
        let stop = self.stop.clone();
        tokio::spawn(async move { upkeep.run(stop).await })
    }

    fn watch(&self) -> JoinHandle<()> {
        let sweep = TrainingSweep {
            deadlines: self.line.clone(),
            quotas: Arc::clone(&self.quotas),
            clock: Arc::clone(&self.clock),
        };
        let watch = TrainingWatch::new(sweep, Arc::clone(&self.catalogue));
        tokio::spawn(watch.run(self.stop.clone()))
    }

    fn relay(&self) -> JoinHandle<()> {
        let dispatch = Dispatch {
            catalogue: Arc::clone(&self.catalogue),
            accounts: self.line.clone(),
            keys: Arc::clone(&self.line.world.keys),
            tickets: None,
        };
        let renderer = JobRenderer {
            dispatch: Arc::new(dispatch),
        };
        let mut config = RelayConfig::default().with_poll(Duration::from_secs(4));
        config.backoff.1 = Duration::from_secs(30);
        let relay = Relay::new(
            self.line.clone(),
            self.line.clone(),
            Arc::clone(&self.clock),
            renderer,
        )
        .with_config(config);
        let stop = self.stop.clone();
        tokio::spawn(async move { relay.run(stop).await })
    }

    fn listener(&self) -> JoinHandle<()> {
        // One poller: of several, chance decides which of them is woken first.
        let config = ConsumerConfig::default()
            .with_pollers(1)
            .with_concurrency(4)
            .with_backoff(Duration::from_secs(5), Duration::from_secs(40));
        let listener = ReadyListener {
            queue: self.line.clone(),
            trainings: Arc::new(Trainings {
                registrations: self.line.clone(),
                clock: Arc::clone(&self.clock),
                ids: self.line.clone(),
            }),
            catalogue: Arc::clone(&self.catalogue),
            config,
            control: Control::default(),
            tracer: Tracer::off(),
        };
        let stop = self.stop.clone();
        tokio::spawn(async move { drop(Arc::new(listener).run(stop).await) })
    }
}
