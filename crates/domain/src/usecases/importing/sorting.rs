use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    HIGHEST_ID,
    report::{EarlierRow, ImportReport, Oddity},
    seoul::instant,
};
use crate::{
    ports::{
        EarlierAccount, EarlierPerson, EarlierRegistration, EarlierTime, IdSource, ImportedAccount,
        ImportedPerson, ImportedRegistration,
    },
    sealing::{SealingKeys, fresh_nonce},
    values::{
        AccountId, Catalogue, Credentials, Provider, ProviderUserId, Registration, RequestId,
        Service, ServiceType, TrainingState, UserId,
    },
};

/// No cooldown is longer; a time that is further ahead means something else.
const LONGEST_COOLDOWN: TimeDelta = TimeDelta::days(10 * 366);

/// Decides what of the earlier system's rows is stored, and as what.
pub(super) struct Sorter<'a> {
    catalogue: &'a Catalogue,
    keys: &'a SealingKeys,
    ids: &'a dyn IdSource,
    now: DateTime<Utc>,
    /// The person to whom each account went. The column is unique there, but a copy of the tables may not be.
    owners: HashMap<AccountId, i64>,
}

impl<'a> Sorter<'a> {
    pub(super) fn new(
        catalogue: &'a Catalogue,
        keys: &'a SealingKeys,
        ids: &'a dyn IdSource,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            catalogue,
            keys,
            ids,
            now,
            owners: HashMap::new(),
        }
    }

    /// What is to be stored of a person; `None` if they are left out.
    pub(super) fn sort(
        &mut self,
        person: &EarlierPerson,
        report: &mut ImportReport,
    ) -> Option<ImportedPerson> {
        report.registrations.read += count(&person.registrations);
        let Some(id) = person.id else {
            leave_out_rows(person, Oddity::NamesNobody, report);
            return None;
        };
        if !person.is_there {
            leave_out_rows(person, Oddity::PersonIsMissing, report);
            return None;
        }
        report.people.read += 1;
        if !(1..=HIGHEST_ID).contains(&id) {
            leave_out(id, person, Oddity::IdOutOfRange, report);
            return None;
        }
        let accounts = self.accounts(id, &person.accounts, report);
        if accounts.is_empty() {
            leave_out(id, person, Oddity::NoAccount, report);
            return None;
        }
        if accounts.len() > 1 {
            report.remark(EarlierRow::Person(id), Oddity::SeveralAccounts);
        }
        Some(ImportedPerson {
            user: UserId::new(id),
            accounts,
            registrations: self.registrations(&person.registrations, report),
        })
    }

    /// A person's accounts that can be stored, the latest first.
    fn accounts(
        &mut self,
        id: i64,
        rows: &[EarlierAccount],
        report: &mut ImportReport,
    ) -> Vec<ImportedAccount> {
        let mut accounts: Vec<ImportedAccount> = Vec::new();
        for row in rows.iter().rev() {
            let found = self.account(id, row).and_then(|account| {
                let is_repeated = accounts.iter().any(|it| it.account == account);
                if is_repeated {
                    Err(Oddity::RepeatedAccount)
                } else {
                    Ok(account)
                }
            });
            match found {
                Ok(account) => {
                    let credentials = credentials(row).unwrap_or_else(|| {
                        report.remark(EarlierRow::Account(row.row), Oddity::NoCredentials);
                        Credentials::none()
                    });
                    let nonce = fresh_nonce(self.ids);
                    accounts.push(ImportedAccount {
                        account,
                        credentials: self.keys.seal_credentials(account, &credentials, nonce),
                    });
                }
                Err(oddity) => report.remark(EarlierRow::Account(row.row), oddity),
            }
        }
        accounts
    }

    /// The account of a row, if it can be this person's.
    fn account(&mut self, id: i64, row: &EarlierAccount) -> Result<AccountId, Oddity> {
        let provider = row.provider.as_deref().map(Provider::parse);
        let Some(Ok(provider)) = provider else {
            return Err(Oddity::OtherProvider);
        };
        let user_id = row.provider_user_id.map(ProviderUserId::try_from);
        let Some(Ok(user_id)) = user_id else {
            return Err(Oddity::NoProviderUserId);
        };
        let account = AccountId { provider, user_id };
        match *self.owners.entry(account).or_insert(id) {
            owner if owner == id => Ok(account),
            other => Err(Oddity::AccountOf(other)),
        }
    }

    /// A person's registrations, one for each service.
    fn registrations(
        &self,
        rows: &[EarlierRegistration],
        report: &mut ImportReport,
    ) -> Vec<ImportedRegistration> {
        let mut by_service: BTreeMap<ServiceType, Vec<&EarlierRegistration>> = BTreeMap::new();
        for row in rows {
            let name = row.service.as_deref().map(ServiceType::parse);
            match name {
                Some(Ok(service)) if self.catalogue.by_type(&service).is_some() => {
                    by_service.entry(service).or_default().push(row);
                }
                _ => {
                    report.registrations.left_out += 1;
                    report.remark(EarlierRow::Registration(row.row), Oddity::UnknownService);
                }
            }
        }
        let services = by_service.into_iter();
        let merged = services.filter_map(|(service, rows)| {
            let service = self.catalogue.by_type(&service)?;
            Some(self.merge(service, &rows, report))
        });
        merged.collect()
    }

    /// One registration of the rows of a person for a service, in the order of their numbers.
    fn merge(
        &self,
        service: &Service,
        rows: &[&EarlierRegistration],
        report: &mut ImportReport,
    ) -> ImportedRegistration {
        report.registrations.merged += count(rows).saturating_sub(1);
        for row in rows {
            if row.ready.is_none() || row.public.is_none() {
                report.remark(EarlierRow::Registration(row.row), Oddity::UnknownFlag);
            }
        }
        // The result that people see is that of the latest row with one.
        let finished = rows.iter().rfind(|row| row.ready == Some(true));
        let decisive = finished.or(rows.last());
        // The latest time, so that no cooldown becomes shorter.
        let times = rows.iter().map(|row| self.can_use_at(service, row, report));
        let can_use_at = times.max().unwrap_or(self.now);
        let state = if finished.is_some() {
            TrainingState::Ready
        } else if can_use_at > self.now {
            TrainingState::Training
        } else {
            TrainingState::Failed
        };
        ImportedRegistration {
            shown: Registration {
                service: service.service_type.clone(),
                request_id: RequestId::new(self.ids.uuid()),
                public: decisive.is_some_and(|row| row.public == Some(true)),
                ready: finished.is_some(),
                state,
                can_use_at,
            },
            // The workers have the job from the earlier system. So its deadline ends it, and it takes no training
            // beyond those that have a place.
            announcements: service.training.attempts,
        }
    }

    /// When the person may use the service again, according to one row.
    fn can_use_at(
        &self,
        service: &Service,
        row: &EarlierRegistration,
        report: &mut ImportReport,
    ) -> DateTime<Utc> {
        let mut odd = |oddity| report.remark(EarlierRow::Registration(row.row), oddity);
        match row.can_use_time {
            EarlierTime::At(local) if instant(local) <= self.now + LONGEST_COOLDOWN => {
                instant(local)
            }
            EarlierTime::Unknown => {
                odd(Oddity::NoTime);
                self.now
            }
            EarlierTime::At(_) | EarlierTime::Beyond => {
                odd(Oddity::OddTime);
                self.now + service.cooldown
            }
        }
    }
}

/// The credentials of a row, if anybody can act with them.
fn credentials(row: &EarlierAccount) -> Option<Credentials> {
    Credentials::parse(row.token.as_ref()?, row.secret.as_ref()?).ok()
}

fn count<T>(rows: &[T]) -> u64 {
    u64::try_from(rows.len()).unwrap_or(u64::MAX)
}

/// Leaves a person out, with all their rows.
fn leave_out(id: i64, person: &EarlierPerson, oddity: Oddity, report: &mut ImportReport) {
    report.people.left_out += 1;
    report.registrations.left_out += count(&person.registrations);
    report.remark(EarlierRow::Person(id), oddity);
}

/// Leaves rows out that are no person's.
fn leave_out_rows(person: &EarlierPerson, oddity: Oddity, report: &mut ImportReport) {
    report.registrations.left_out += count(&person.registrations);
    for row in &person.accounts {
        report.remark(EarlierRow::Account(row.row), oddity);
    }
    for row in &person.registrations {
        report.remark(EarlierRow::Registration(row.row), oddity);
    }
}
