use std::{sync::Arc, time::Duration};

use lemon_domain::values::{
    BudgetName, BudgetPolicy, Catalogue, Period, QueueName, Service, ServicePath, ServiceQueues,
    ServiceType, TrainingPolicy, WindowPolicy,
};

/// How much there is: the places of a day, for each of the two services, and the units of the budget that both share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) places: [u32; 2],
    pub(crate) reads: u32,
}

impl Room {
    /// Not enough for all.
    pub(crate) const SCARCE: Self = Self {
        places: [4, 3],
        reads: 14,
    };
    /// Places for all, but not units.
    pub(crate) const AMPLE: Self = Self {
        places: [14, 12],
        reads: 22,
    };
}

/// How long a person waits between two uses.
pub(crate) const COOLDOWN: Duration = Duration::from_mins(4);
/// How long the workers may take, and how often they are asked.
pub(crate) const TRAINING: TrainingPolicy = TrainingPolicy {
    deadline: Duration::from_secs(80),
    attempts: 3,
};

/// Two services that share a budget; the day turns while people come. A later version takes other units per use.
pub(crate) fn catalogue(room: Room, later_version: bool) -> Arc<Catalogue> {
    let units = if later_version { [2, 3] } else { [1, 4] };
    let services = [0, 1].map(|index| service(index, room, units[index]));
    Arc::new(Catalogue::new(services.into()).expect("a catalogue"))
}

fn service(index: usize, room: Room, units: u32) -> Service {
    let window = WindowPolicy::parse(Period::Daily, "12:07", "Asia/Seoul").expect("a window");
    let name = ["learn", "paint"][index];
    let queue = |role: &str| QueueName::parse(&format!("{name}-{role}")).expect("a name");
    let policy = |name, limit, units, is_shared| BudgetPolicy {
        name,
        limit,
        units,
        window,
        is_shared,
    };
    let reads = BudgetName::parse("reads").expect("a name");
    Service {
        service_type: ServiceType::parse(&name.to_uppercase()).expect("a name"),
        path: ServicePath::parse(name).expect("a name"),
        daily: policy(BudgetName::daily(), room.places[index], 1, false),
        budgets: vec![policy(reads, room.reads, units, true)],
        cooldown: COOLDOWN,
        training: TRAINING,
        queues: ServiceQueues {
            train: queue("train"),
            ready: QueueName::parse("ready").expect("a name"),
            notify: queue("notify"),
            delete: queue("delete"),
        },
        notification: "It is ready.".into(),
    }
}
