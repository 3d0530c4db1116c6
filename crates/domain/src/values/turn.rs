use std::sync::Arc;

use super::{Holder, Scope, ServiceType, UserId};

/// Which of a person's uses of a service it is. In its name a place is held: a repeated call finds its own place, because
/// the turn is the same until a use is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Turn {
    /// The person.
    pub user: UserId,
    /// Counted from 1.
    pub number: u32,
}

impl Turn {
    /// The holder of its places, where the service shares no budget: `user:number`.
    #[must_use]
    pub fn holder(self) -> Holder {
        let Self { user, number } = self;
        Holder(format!("{user}:{number}").into())
    }

    /// The same where it shares one, in which turns of several services meet: `SERVICE:user:number`.
    #[must_use]
    pub fn holder_of(self, service: &ServiceType) -> Holder {
        let Self { user, number } = self;
        Holder(format!("{service}:{user}:{number}").into())
    }
}

impl Scope {
    /// The scope of the budgets that services share. No service has this name, for theirs are of capital letters.
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
