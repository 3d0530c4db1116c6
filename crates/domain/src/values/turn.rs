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
    /// The holder of its places: `user:number`.
    #[must_use]
    pub fn holder(self) -> Holder {
        let Self { user, number } = self;
        Holder(format!("{user}:{number}").into())
    }
}

impl From<&ServiceType> for Scope {
    /// Each service has budgets of its own, under its name.
    fn from(service: &ServiceType) -> Self {
        Self(service.as_str().into())
    }
}
