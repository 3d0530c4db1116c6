use std::fmt;

use super::{AccountId, ServiceType};

/// A task for an account that has asked for a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Task {
    /// The kind of task.
    pub kind: TaskKind,
    /// The service.
    pub service: ServiceType,
    /// The account.
    pub account: AccountId,
}

impl Task {
    /// The sequence in which it keeps its order: that of an account and service.
    #[must_use]
    pub const fn sequence(&self) -> (AccountId, &ServiceType) {
        (self.account, &self.service)
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())
    }
}

/// The kinds of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskKind {
    /// Ask the workers to train.
    Train,
    /// Tell the person that it is ready.
    Notify,
    /// Ask the workers to delete what they trained.
    Delete,
}

impl TaskKind {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Train, Self::Notify, Self::Delete];

    /// The name in the store and in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Notify => "notify",
            Self::Delete => "delete",
        }
    }
}
