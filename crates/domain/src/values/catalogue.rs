use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

use super::{BudgetName, BudgetPolicy, InvalidValue, QueueName, Service, ServiceType};

/// All services, in the order of the configuration.
#[derive(Debug, Clone)]
pub struct Catalogue(Vec<Arc<Service>>);

impl Catalogue {
    /// Checks and takes the entries.
    ///
    /// Services may share the queue of ready messages, because these name their service, and the queue of
    /// notifications. The queues of jobs to train and to delete belong to the workers of one service.
    ///
    /// # Errors
    /// If two share a type or path; if a queue has two roles, or two services share a queue of jobs to train or to
    /// delete; if a budget's name occurs twice or is the cooldown's; if a use takes no units from a budget, more than
    /// its limit, or not exactly one from the day's; if the day's budget is shared, or a shared budget has two limits
    /// or windows; if a training's deadline or attempts are out of bounds.
    pub fn new(services: Vec<Service>) -> Result<Self, InvalidValue> {
        let mut names = BTreeSet::new();
        let mut roles = BTreeMap::new();
        let mut shared = BTreeMap::new();
        for service in &services {
            let fault = names_fault(service, &mut names)
                .or_else(|| budgets_fault(service))
                .or_else(|| sharing_fault(service, &mut shared))
                .or_else(|| training_fault(service))
                .or_else(|| queues_fault(service, &mut roles));
            if let Some(fault) = fault {
                return Err(InvalidValue::together("the service catalogue", fault));
            }
        }
        Ok(Self(services.into_iter().map(Arc::new).collect()))
    }

    /// Every service.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.0.iter()
    }

    /// The service with that wire name.
    #[must_use]
    pub fn by_type(&self, service_type: &ServiceType) -> Option<&Arc<Service>> {
        self.0.iter().find(|s| s.service_type == *service_type)
    }

    /// Whether some service takes from a budget that others take from, too.
    #[must_use]
    pub fn shares(&self) -> bool {
        self.0.iter().any(|service| service.shares())
    }

    /// The queues that ready messages come from, each once.
    #[must_use]
    pub fn ready_queues(&self) -> BTreeSet<QueueName> {
        self.0.iter().map(|s| s.queues.ready.clone()).collect()
    }

    /// Every queue of every service, each once.
    #[must_use]
    pub fn queues(&self) -> BTreeSet<QueueName> {
        self.0
            .iter()
            .flat_map(|s| roles(s).map(|(_, queue)| queue.clone()))
            .collect()
    }
}

/// What a queue is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Train,
    Ready,
    Notify,
    Delete,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Ready => "ready",
            Self::Notify => "notify",
            Self::Delete => "delete",
        }
    }

    fn is_of_one_service(self) -> bool {
        match self {
            Self::Train | Self::Delete => true,
            Self::Ready | Self::Notify => false,
        }
    }
}

fn roles(service: &Service) -> [(Role, &QueueName); 4] {
    let queues = &service.queues;
    [
        (Role::Train, &queues.train),
        (Role::Ready, &queues.ready),
        (Role::Notify, &queues.notify),
        (Role::Delete, &queues.delete),
    ]
}

fn names_fault<'a>(service: &'a Service, names: &mut BTreeSet<&'a str>) -> Option<String> {
    let new = names.insert(service.service_type.as_str()) && names.insert(service.path.as_str());
    (!new).then(|| format!("has {} twice", service.service_type))
}

fn budgets_fault(service: &Service) -> Option<String> {
    let of = &service.service_type;
    if service.daily.units != 1 || service.daily.name != BudgetName::daily() {
        let daily = BudgetName::daily();
        return Some(format!(
            "does not take exactly one unit of the budget {of}.{daily}"
        ));
    }
    let mut names = BTreeSet::from([&service.daily.name]);
    service.budgets.iter().find_map(|budget| {
        let name = &budget.name;
        if !names.insert(name) {
            Some(format!("has the budget {of}.{name} twice"))
        } else if name.as_str() == BudgetName::COOLDOWN {
            Some(format!(
                "has the budget {of}.{name}, but answers use this name for the cooldown"
            ))
        } else if budget.units == 0 {
            Some(format!("takes nothing from the budget {of}.{name}"))
        } else if budget.units > budget.limit {
            let (units, limit) = (budget.units, budget.limit);
            Some(format!(
                "takes {units} units at once from the budget {of}.{name}, which has {limit}"
            ))
        } else {
            None
        }
    })
}

fn sharing_fault<'a>(
    service: &'a Service,
    shared: &mut BTreeMap<&'a BudgetName, (&'a BudgetPolicy, &'a ServiceType)>,
) -> Option<String> {
    let of = &service.service_type;
    if service.daily.is_shared {
        return Some(format!("shares the budget of the day's places, {of}.daily"));
    }
    service
        .budgets
        .iter()
        .filter(|budget| budget.is_shared)
        .find_map(|budget| {
            let (first, by) = *shared.entry(&budget.name).or_insert((budget, of));
            let same = first.limit == budget.limit && first.window == budget.window;
            (!same).then(|| {
                let name = &budget.name;
                format!(
                    "has the shared budget {name} with other limits or windows for {by} and {of}"
                )
            })
        })
}

fn training_fault(service: &Service) -> Option<String> {
    let fault = service.training.fault()?;
    Some(format!("has for {} {fault}", service.service_type))
}

fn queues_fault<'a>(
    service: &'a Service,
    taken: &mut BTreeMap<&'a QueueName, (Role, &'a ServiceType)>,
) -> Option<String> {
    let of = &service.service_type;
    roles(service).into_iter().find_map(|(role, queue)| match taken.entry(queue) {
        Entry::Vacant(free) => {
            free.insert((role, of));
            None
        }
        Entry::Occupied(taken) => {
            let (first, by) = *taken.get();
            (first != role || role.is_of_one_service()).then(|| {
                let (first, role) = (first.name(), role.name());
                format!("has the queue {queue} twice, as {by}'s {first} queue and {of}'s {role} queue")
            })
        }
    })
}
