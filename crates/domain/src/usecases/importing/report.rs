use std::{collections::BTreeMap, fmt};

use crate::{
    ports::{Arrival, Brought, ImportedPerson},
    values::{TrainingState, UserId},
};

/// The account of an import. Everything that was read is counted once: as stored, known before, merged or left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// People.
    pub people: PeopleTally,
    /// Registrations.
    pub registrations: RegistrationsTally,
    /// What was odd, in the order in which it was found.
    pub remarks: Vec<Remark>,
}

/// What became of the people of the earlier system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PeopleTally {
    /// Those that were read.
    pub read: u64,
    /// Stored with their number.
    pub stored: u64,
    /// Known here before, by their number or by their account.
    pub known: u64,
    /// Left out; a remark says why.
    pub left_out: u64,
}

/// What became of the registrations of the earlier system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RegistrationsTally {
    /// Those that were read.
    pub read: u64,
    /// Stored, with a training that has finished.
    pub ready: u64,
    /// Stored, with a training that is under way.
    pub training: u64,
    /// Stored, with a training that was never finished.
    pub failed: u64,
    /// Merged into another one of the same person and service.
    pub merged: u64,
    /// Known here before.
    pub known: u64,
    /// Left out; a remark says why.
    pub left_out: u64,
}

/// Something odd about one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remark {
    /// The row.
    pub row: EarlierRow,
    /// What is odd, and what was done about it.
    pub oddity: Oddity,
}

/// A row of the earlier system, by the name of its table and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlierRow {
    /// A person.
    Person(i64),
    /// An account.
    Account(i64),
    /// A registration.
    Registration(i64),
}

/// What can be odd about a row, and what is done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// An account or a registration names no person.
    NamesNobody,
    /// Its person is not there.
    PersonIsMissing,
    /// The number of a person is not positive, or too high.
    IdOutOfRange,
    /// A person has no account that can be stored.
    NoAccount,
    /// The number of a person is another person's here.
    IdTaken,
    /// A person is known here by another number.
    KnownAs(UserId),
    /// A person has several accounts.
    SeveralAccounts,
    /// An account is not one at Twitter.
    OtherProvider,
    /// An account has no valid number at Twitter.
    NoProviderUserId,
    /// An account is also that of a person with a lower number.
    AccountOf(i64),
    /// An account is there twice.
    RepeatedAccount,
    /// An account has no token with which anybody could act.
    NoCredentials,
    /// A registration is for a service that is not in the catalogue.
    UnknownService,
    /// A flag of a registration is neither true nor false.
    UnknownFlag,
    /// A registration has no time.
    NoTime,
    /// A registration has a time that is no cooldown's.
    OddTime,
}

impl Oddity {
    /// A sentence that is the same for all rows.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NamesNobody => "its service_user_id is null: left out",
            Self::PersonIsMissing => "its person is not in service_user: left out",
            Self::IdOutOfRange => {
                "the id is not from 1 to 4503599627370496: left out, with all its rows"
            }
            Self::NoAccount => {
                "no usable row of oauth_token is this person's: left out, with all its rows"
            }
            Self::IdTaken => {
                "the id is that of another Twitter account here: left out, with all its rows"
            }
            Self::KnownAs(_) => {
                "signed in here before, and has another id here: registrations go there"
            }
            Self::SeveralAccounts => {
                "has several Twitter accounts: registrations go to the latest one"
            }
            Self::OtherProvider => "oauth_type is not TWITTER: left out",
            Self::NoProviderUserId => "oauth_user_id is not a positive number: left out",
            Self::AccountOf(_) => "a person with a lower id has the same oauth_user_id: left out",
            Self::RepeatedAccount => "a later row has the same oauth_user_id: left out",
            Self::NoCredentials => {
                "the token or its secret is not usable: the person must sign in again"
            }
            Self::UnknownService => "no service of the catalogue has this service_type: left out",
            Self::UnknownFlag => "is_ready or is_public is null: taken as false",
            Self::NoTime => "can_use_time is null: no cooldown",
            Self::OddTime => {
                "can_use_time is more than ten years ahead or no date: a whole cooldown begins now"
            }
        }
    }
}

impl fmt::Display for EarlierRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(id) => write!(f, "service_user {id}"),
            Self::Account(id) => write!(f, "oauth_token {id}"),
            Self::Registration(id) => write!(f, "registered_service {id}"),
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.row, self.oddity.reason())?;
        match self.oddity {
            Oddity::KnownAs(user) => write!(f, " (id {user})"),
            Oddity::AccountOf(id) => write!(f, " (id {id})"),
            _ => Ok(()),
        }
    }
}

impl RegistrationsTally {
    /// All that were stored.
    #[must_use]
    pub const fn stored(&self) -> u64 {
        self.ready + self.training + self.failed
    }
}

impl ImportReport {
    pub(super) fn remark(&mut self, row: EarlierRow, oddity: Oddity) {
        self.remarks.push(Remark { row, oddity });
    }

    /// Counts what became of a person and their registrations.
    pub(super) fn count(&mut self, person: &ImportedPerson, brought: &Brought) {
        let row = EarlierRow::Person(person.user.get());
        match brought.arrival {
            Arrival::Added => self.people.stored += 1,
            Arrival::Known => self.people.known += 1,
            Arrival::KnownAs(other) => {
                self.people.known += 1;
                self.remark(row, Oddity::KnownAs(other));
            }
            Arrival::IdTaken => {
                self.people.left_out += 1;
                self.remark(row, Oddity::IdTaken);
            }
        }
        for it in &person.registrations {
            let tally = &mut self.registrations;
            let place = if brought.added.contains(&it.shown.service) {
                match it.shown.state {
                    TrainingState::Ready => &mut tally.ready,
                    TrainingState::Training => &mut tally.training,
                    TrainingState::Failed => &mut tally.failed,
                }
            } else if brought.arrival == Arrival::IdTaken {
                &mut tally.left_out
            } else {
                &mut tally.known
            };
            *place += 1;
        }
    }

    /// How many rows each reason is about.
    #[must_use]
    pub fn reasons(&self) -> BTreeMap<&'static str, u64> {
        let mut reasons = BTreeMap::new();
        for remark in &self.remarks {
            *reasons.entry(remark.oddity.reason()).or_default() += 1;
        }
        reasons
    }
}
