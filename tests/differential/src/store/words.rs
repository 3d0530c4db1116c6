//! Steps in words.

use std::fmt;

use super::step::{FurtherPlace, RequestStep, StoreStep, Whose};

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = if self.other_service {
            "the other service"
        } else {
            "the service"
        };
        write!(f, "person {} and {service}", self.person)
    }
}

impl fmt::Display for FurtherPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let budget = if self.shared {
            "the shared budget"
        } else {
            "the month's budget"
        };
        write!(
            f,
            " and seat {} of {budget} with {} units",
            self.seat, self.units
        )
    }
}

impl fmt::Display for RequestStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let further = self.further.map(|it| it.to_string()).unwrap_or_default();
        let attempt = self.attempt.map(|it| format!(", attempt {it}"));
        write!(
            f,
            "a request of {}, {} turns on, with seat {} of the day{further}{}, and a cooldown of {} h",
            self.whose,
            self.turns_on,
            self.seat,
            attempt.unwrap_or_default(),
            self.cooldown_hours
        )
    }
}

impl fmt::Display for StoreStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(request) => request.fmt(f),
            Self::Finish { whose, named } => {
                write!(f, "a ready message about {whose}, which names {named:?}")
            }
            Self::Delete(whose) => write!(f, "a deletion by {whose}"),
            Self::LastUse(whose) => write!(f, "a question for the last use of {whose}"),
            Self::Retry(whose) => write!(f, "a retry for {whose}"),
            Self::SetPublic { whose, public } => write!(f, "{whose}: public is {public}"),
            Self::Answered { whose, attempt } => {
                write!(f, "a question for attempt {attempt} of {whose}")
            }
            Self::RepeatRequest => f.write_str("the latest request again"),
            Self::Pass { minutes } => write!(f, "{minutes} minutes pass"),
            // The arguments have names that say it.
            other => write!(f, "{other:?}"),
        }
    }
}
