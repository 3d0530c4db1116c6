use std::fmt;

use super::{BudgetName, InvalidValue, Scope, ServiceType};

/// What an operator directs while the system runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Directive {
    /// The limit of a budget, instead of the configured one.
    Limit {
        /// Whose budget it is: a service's, or the shared one.
        scope: Scope,
        /// Its name.
        budget: BudgetName,
    },
    /// A part does not work for now.
    Pause(PausablePart),
}

/// A part of the system that can be paused.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PausablePart {
    /// A service: it takes no registrations.
    Service(ServiceType),
    /// The relay: jobs stay in the outbox.
    Relay,
    /// The listener: ready messages stay in their queues.
    Listener,
}

impl Directive {
    /// Reads the name by which it is stored, as [`Display`](fmt::Display) writes it.
    ///
    /// # Errors
    /// If it is not one: a newer program may know more directives.
    pub fn parse(name: &str) -> Result<Self, InvalidValue> {
        let parts: Vec<_> = name.split(':').collect();
        match parts[..] {
            ["limit", scope, budget] => Ok(Self::Limit {
                scope: if scope == Scope::shared().as_str() {
                    Scope::shared()
                } else {
                    Scope::from(&ServiceType::parse(scope)?)
                },
                budget: BudgetName::parse(budget)?,
            }),
            ["pause", "service", service] => {
                let service = ServiceType::parse(service)?;
                Ok(Self::Pause(PausablePart::Service(service)))
            }
            ["pause", "relay"] => Ok(Self::Pause(PausablePart::Relay)),
            ["pause", "listener"] => Ok(Self::Pause(PausablePart::Listener)),
            _ => Err(InvalidValue::new("a directive", "has no known name")),
        }
    }
}

impl fmt::Display for Directive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit { scope, budget } => write!(f, "limit:{scope}:{budget}"),
            Self::Pause(PausablePart::Service(service)) => write!(f, "pause:service:{service}"),
            Self::Pause(PausablePart::Relay) => f.write_str("pause:relay"),
            Self::Pause(PausablePart::Listener) => f.write_str("pause:listener"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_is_read_from_its_name() {
        for name in [
            "limit:LEARNME:daily",
            "limit:shared:reads",
            "pause:service:LEARNME",
            "pause:relay",
            "pause:listener",
        ] {
            assert_eq!(Directive::parse(name).unwrap().to_string(), name);
        }
        for other in ["", "limit", "limit:learn_me:daily", "pause:all", "a:b:c:d"] {
            assert!(Directive::parse(other).is_err(), "{other}");
        }
    }
}
