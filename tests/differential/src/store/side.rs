use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use chrono::{DateTime, Utc};
use lemon_contracts::Store;
use lemon_domain::{
    ports::{NewRegistration, OutboxEntry, OverdueTraining, StoreError},
    values::{BudgetKey, Holder, Identity, RequestId, Task, UserId},
};

use super::{
    given::{account, request_id},
    step::{PEOPLE, StoreStep},
};

/// When a step is taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) now: DateTime<Utc>,
    /// Which step of its sequence, from 1.
    pub(super) number: u32,
}

impl Moment {
    /// An id that belongs to this step.
    pub(super) fn request_id(self) -> RequestId {
        request_id(self.number)
    }
}

/// A store, and what it answered so far that later steps need.
pub(super) struct StoreSide {
    pub(super) store: Arc<dyn Store>,
    /// The number that each person has in this store.
    pub(super) users: [Option<UserId>; PEOPLE],
    /// Who was forgotten and has not signed in since.
    pub(super) forgotten: [bool; PEOPLE],
    pub(super) rows: Vec<OutboxEntry<Task>>,
    pub(super) overdue: Vec<OverdueTraining>,
    pub(super) request: Option<NewRegistration>,
    /// The latest request of each person, by the other service or not.
    pub(super) latest: BTreeMap<(usize, bool), RequestId>,
    /// Every budget of a request.
    pub(super) keys: Vec<BudgetKey>,
}

impl StoreSide {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            users: [None; PEOPLE],
            forgotten: [false; PEOPLE],
            rows: Vec::new(),
            overdue: Vec::new(),
            request: None,
            latest: BTreeMap::new(),
            keys: Vec::new(),
        }
    }

    /// Takes a step. The answer in words, without the numbers that are a store's own.
    pub(super) async fn take(&mut self, step: &StoreStep, moment: Moment) -> String {
        match step {
            StoreStep::SignIn { .. }
            | StoreStep::Bring { .. }
            | StoreStep::PutSignIn { .. }
            | StoreStep::TakeSignIn { .. }
            | StoreStep::DiscardSignIn { .. }
            | StoreStep::CompleteSignIn { .. }
            | StoreStep::Completed { .. }
            | StoreStep::RevokeOne { .. }
            | StoreStep::RevokeAll { .. }
            | StoreStep::Reseal { .. }
            | StoreStep::Forget { .. } => self.of_people(step, moment).await,
            StoreStep::Request(_)
            | StoreStep::RepeatRequest
            | StoreStep::Finish { .. }
            | StoreStep::Delete(_)
            | StoreStep::SetPublic { .. }
            | StoreStep::Answered { .. }
            | StoreStep::LastUse(_) => self.of_registrations(step, moment).await,
            StoreStep::Claim { .. }
            | StoreStep::Send
            | StoreStep::Remove { .. }
            | StoreStep::Postpone { .. }
            | StoreStep::SetAside { .. }
            | StoreStep::Overdue { .. }
            | StoreStep::Settle { .. }
            | StoreStep::Retry(_)
            | StoreStep::Purge(_)
            | StoreStep::CorrectTotals => self.of_upkeep(step, moment).await,
            StoreStep::Pass { .. } => String::new(),
        }
    }

    /// The person's number here; one that nobody has if they are not known.
    pub(super) fn user(&self, person: usize) -> UserId {
        self.users[person].unwrap_or_else(|| {
            let number = i64::try_from(person).unwrap_or_default();
            UserId::new(-1 - number)
        })
    }

    pub(super) fn identity(&self, person: usize) -> Identity {
        Identity {
            user: self.user(person),
            account: account(person),
        }
    }

    /// The same for every store: a person's number is their place among the people.
    pub(super) fn alike(&self, user: UserId) -> UserId {
        let person = self.users.iter().position(|it| *it == Some(user));
        let number = person.and_then(|it| i64::try_from(it).ok());
        UserId::new(number.unwrap_or(user.get()))
    }

    /// A holder with that number instead of the store's.
    pub(super) fn alike_holder(&self, holder: &Holder) -> String {
        let mut parts: Vec<String> = holder.as_str().split(':').map(str::to_owned).collect();
        if let [.., user, _] = &mut parts[..]
            && let Ok(number) = user.parse()
        {
            *user = self.alike(UserId::new(number)).to_string();
        }
        parts.join(":")
    }
}

/// The one with that number, from the latest backwards, modulo their number.
pub(super) fn latest<T>(all: &[T], number: usize) -> Option<&T> {
    let back = number.checked_rem(all.len())?;
    all.get(all.len() - 1 - back)
}

/// An answer in words; an error without the words of a store.
pub(super) fn told<T: Debug>(answer: Result<T, StoreError>) -> String {
    match answer {
        Ok(answer) => format!("{answer:?}"),
        Err(StoreError::UnknownPerson) => "no such person".to_owned(),
        Err(error) => format!("failed: {error:?}"),
    }
}
