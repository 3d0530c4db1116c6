//! People of the earlier system, and what becomes of them.

mod oddities;
mod repeating;
mod what_is_stored;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use lemon_domain::{
    ports::{
        EarlierAccount, EarlierPerson, EarlierRegistration, EarlierTime, ImportTarget,
        Registrations,
    },
    usecases::{
        EarlierRow, ImportError, ImportMode, ImportReport, Importing, Oddity, PeopleTally, Remark,
    },
    values::{Catalogue, ProviderUserId, Registration, UserId},
};
use lemon_fakes::MemoryEarlierSystem;

use crate::world::{World, account, learn_me};

/// An account of the same made-up person who signs in with that number.
fn account_row(row: i64, n: u32) -> EarlierAccount {
    let number: ProviderUserId = account(n).user_id;
    EarlierAccount {
        row,
        provider: Some("TWITTER".to_owned()),
        provider_user_id: Some(number.get()),
        token: Some(format!("{number}-token").into()),
        secret: Some(format!("secret-of-{number}").into()),
    }
}

/// A registration with a training that has finished, and a cooldown of another day.
fn registration_row(world: &World, row: i64) -> EarlierRegistration {
    EarlierRegistration {
        row,
        service: Some("LEARNME".to_owned()),
        ready: Some(true),
        public: Some(false),
        can_use_time: in_seoul(world.now() + TimeDelta::days(1)),
    }
}

/// What the clocks of Seoul show.
fn in_seoul(time: DateTime<Utc>) -> EarlierTime {
    EarlierTime::At((time + TimeDelta::hours(9)).naive_utc())
}

/// A person whose rows have ten times their number, and the next ones.
fn person(id: i64, n: u32, registrations: Vec<EarlierRegistration>) -> EarlierPerson {
    EarlierPerson {
        id: Some(id),
        is_there: true,
        accounts: vec![account_row(10 * id, n)],
        registrations,
    }
}

/// Somebody with an ordinary registration.
fn ordinary(world: &World, id: i64, n: u32) -> EarlierPerson {
    person(id, n, vec![registration_row(world, 10 * id)])
}

fn importing(world: &World, people: &[EarlierPerson], target: Arc<dyn ImportTarget>) -> Importing {
    Importing {
        source: Arc::new(MemoryEarlierSystem::new(people.to_vec(), Some(900))),
        target,
        catalogue: Arc::new(Catalogue::new(vec![learn_me(3)]).unwrap()),
        keys: world.keys.clone(),
        clock: world.clock.clone(),
        ids: world.ids.clone(),
    }
}

async fn run(world: &World, people: &[EarlierPerson], mode: ImportMode) -> ImportReport {
    let ran: Result<_, ImportError> = importing(world, people, world.store.clone())
        .run(mode)
        .await;
    let report = ran.unwrap();
    assert_complete(&report);
    report
}

async fn import(world: &World, people: &[EarlierPerson]) -> ImportReport {
    run(world, people, ImportMode::Store).await
}

/// Everything that was read is counted once.
fn assert_complete(report: &ImportReport) {
    let PeopleTally {
        read,
        stored,
        known,
        left_out,
    } = report.people;
    assert_eq!(read, stored + known + left_out, "{report:?}");
    let registrations = report.registrations;
    let counted = registrations.stored()
        + registrations.merged
        + registrations.known
        + registrations.left_out;
    assert_eq!(registrations.read, counted, "{report:?}");
}

fn remark(row: EarlierRow, oddity: Oddity) -> Remark {
    Remark { row, oddity }
}

async fn listed(world: &World, id: i64) -> Vec<Registration> {
    world.store.list(UserId::new(id)).await.unwrap()
}

async fn registration_of(world: &World, id: i64) -> Registration {
    listed(world, id).await.remove(0)
}
