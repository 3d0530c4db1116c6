use std::collections::{BTreeMap, BTreeSet};

use super::import::{Arrival, Brought, ImportedAccount, ImportedPerson, ImportedRegistration};
use crate::values::{AccountId, ServiceType, UserId};

/// What a store knows of the people of an import, by which [`ImportTarget`](super::ImportTarget) decides what is new.
#[derive(Debug, Clone, Default)]
pub struct KnownHere {
    /// Those of the numbers that people have here.
    pub users: BTreeSet<UserId>,
    /// The person to whom each of the accounts belongs here.
    pub owners: BTreeMap<AccountId, UserId>,
    /// What those people are registered for here, or have used.
    pub used: BTreeSet<(UserId, ServiceType)>,
}

/// What is to be stored.
#[derive(Debug, Default)]
pub struct NewRows<'a> {
    /// New people.
    pub users: Vec<UserId>,
    /// New accounts, with their owners.
    pub accounts: Vec<(UserId, &'a ImportedAccount)>,
    /// New registrations, each with its person and the account that it belongs to.
    pub registrations: Vec<(UserId, AccountId, &'a ImportedRegistration)>,
}

impl NewRows<'_> {
    /// Whether there is nothing to store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.accounts.is_empty() && self.registrations.is_empty()
    }
}

impl KnownHere {
    /// Decides what becomes of each person, as the contract says.
    #[must_use]
    pub fn arrange(mut self, people: &[ImportedPerson]) -> (Vec<Brought>, NewRows<'_>) {
        let mut rows = NewRows::default();
        let brought = people.iter().map(|it| self.bring(it, &mut rows)).collect();
        (brought, rows)
    }

    fn bring<'a>(&mut self, person: &'a ImportedPerson, rows: &mut NewRows<'a>) -> Brought {
        let arrival = self.arrival(person);
        let home = match arrival {
            Arrival::Added | Arrival::Known => person.user,
            Arrival::KnownAs(other) => other,
            Arrival::IdTaken => {
                return Brought {
                    arrival,
                    added: Vec::new(),
                };
            }
        };
        if arrival == Arrival::Added {
            self.users.insert(home);
            rows.users.push(home);
        }
        for it in &person.accounts {
            // Only what nobody has: an account does not change its owner.
            self.owners.entry(it.account).or_insert_with(|| {
                rows.accounts.push((home, it));
                home
            });
        }
        let mut theirs = person.accounts.iter().map(|it| it.account);
        let account = theirs.find(|account| self.owners.get(account) == Some(&home));
        let mut added = Vec::new();
        for it in &person.registrations {
            let service = &it.shown.service;
            if let Some(account) = account
                && self.used.insert((home, service.clone()))
            {
                rows.registrations.push((home, account, it));
                added.push(service.clone());
            }
        }
        Brought { arrival, added }
    }

    fn arrival(&self, person: &ImportedPerson) -> Arrival {
        let owners = person
            .accounts
            .iter()
            .map(|it| self.owners.get(&it.account));
        let owners: Vec<Option<UserId>> = owners.map(Option::<&UserId>::copied).collect();
        let is_here = self.users.contains(&person.user);
        if is_here && owners.contains(&Some(person.user)) {
            Arrival::Known
        } else if !is_here && owners.contains(&None) {
            Arrival::Added
        } else {
            let another = owners.into_iter().flatten().next();
            another.map_or(Arrival::IdTaken, Arrival::KnownAs)
        }
    }
}
