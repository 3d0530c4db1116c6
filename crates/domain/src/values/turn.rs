use std::sync::Arc;

use super::{Holder, Scope, ServiceType, UserId};

/// The number of a person's use of a service. A place is held in its name: a repeated call finds its own place, because
/// the turn is the same until a use is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Turn {
    /// The person.
    pub user: UserId,
    /// Counted from 1.
    pub number: u32,
}

impl Turn {
    /// The holder of its places, if the service shares no budget: `user:number`.
    #[must_use]
    pub fn holder(self) -> Holder {
        let Self { user, number } = self;
        Holder(format!("{user}:{number}").into())
    }

    /// The holder if the service shares a budget, in which turns of several services meet: `SERVICE:user:number`.
    #[must_use]
    pub fn holder_of(self, service: &ServiceType) -> Holder {
        let Self { user, number } = self;
        Holder(format!("{service}:{user}:{number}").into())
    }
}

impl Scope {
    /// The scope of the budgets that services share. No service has this name, because service names are in capital
    /// letters.
    #[must_use]
    pub fn shared() -> Self {
        Self("shared".into())
    }
}

impl From<&ServiceType> for Scope {
    /// Each service has budgets of its own, under its name.
    fn from(service: &ServiceType) -> Self {
        Self(Arc::clone(&service.0))
    }
}
