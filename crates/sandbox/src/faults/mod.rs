//! Faults of Twitter's that the sandbox acts out on request.

mod kind;

use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;

use crate::people::Person;

pub(crate) use kind::{AffectedCalls, FaultKind};

/// The most faults at a time.
const MOST: usize = 100;

/// A fault that is acted out until it is cleared, or until it has happened so often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ActedFault {
    pub(crate) fault: FaultKind,
    pub(crate) calls: AffectedCalls,
    /// The number of the person whose calls are affected; everybody's if there is none.
    pub(crate) person: Option<u32>,
    /// How often it still happens; always if there is no number.
    pub(crate) times: Option<u32>,
    /// How long a slow answer takes, or how long a limit lasts.
    pub(crate) seconds: u32,
}

impl ActedFault {
    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }

    fn affects(&self, path: &str, caller: Option<Person>) -> bool {
        let of_caller = self
            .person
            .is_none_or(|person| caller.is_some_and(|caller| caller.number() == person));
        of_caller && self.calls.include(path)
    }
}

/// The faults that are acted out. They are not stored: after a restart there are none.
#[derive(Debug, Default)]
pub(crate) struct ActedFaults(Mutex<Vec<ActedFault>>);

impl ActedFaults {
    /// Adds a fault, in place of the oldest if there are too many.
    pub(crate) fn add(&self, fault: ActedFault) {
        let mut faults = self.0.lock();
        if faults.len() >= MOST {
            faults.remove(0);
        }
        faults.push(fault);
    }

    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }

    pub(crate) fn list(&self) -> Vec<ActedFault> {
        self.0.lock().clone()
    }

    /// The fault of a call, which happens now: the latest that affects it.
    pub(crate) fn of(&self, path: &str, caller: Option<Person>) -> Option<ActedFault> {
        let mut faults = self.0.lock();
        let at = faults
            .iter()
            .rposition(|fault| fault.affects(path, caller))?;
        if let Some(times) = &mut faults[at].times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                return Some(faults.remove(at));
            }
        }
        Some(faults[at].clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(calls: AffectedCalls, person: Option<u32>, times: Option<u32>) -> ActedFault {
        ActedFault {
            fault: FaultKind::Locked,
            calls,
            person,
            times,
            seconds: 1,
        }
    }

    #[test]
    fn a_fault_affects_its_calls_and_its_person() {
        let faults = ActedFaults::default();
        faults.add(fault(AffectedCalls::Profile, Some(2), None));
        let of = |path, caller: u32| faults.of(path, Person::new(caller)).is_some();
        assert!(of("/2/users/me", 2));
        assert!(of("/1.1/account/verify_credentials.json", 2));
        assert!(!of("/2/users/me", 1));
        assert!(!of("/2/tweets", 2));
        assert!(!of("/timeline", 2));
        assert!(faults.of("/2/users/me", None).is_none());
        faults.clear();
        assert!(!of("/2/users/me", 2));
    }

    #[test]
    fn a_fault_happens_so_often_and_the_latest_first() {
        let faults = ActedFaults::default();
        faults.add(fault(AffectedCalls::All, None, None));
        faults.add(fault(AffectedCalls::Profile, None, Some(2)));
        let times = || faults.of("/2/users/me", None).unwrap().times;
        assert_eq!([times(), times(), times()], [Some(1), Some(0), None]);
        assert_eq!(faults.list().len(), 1);
        for _ in 0..2 * MOST {
            faults.add(fault(AffectedCalls::All, None, None));
        }
        assert_eq!(faults.list().len(), MOST);
    }
}
