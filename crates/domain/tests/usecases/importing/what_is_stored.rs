use chrono::TimeDelta;
use lemon_domain::{
    ports::{
        Accounts, Deletion, EarlierPerson, EarlierRegistration, EarlierTime, Outbox, Registrations,
    },
    usecases::{
        EarlierRow, ImportReport, Oddity, RegisterError, RegistrationsTally, Swept, TrainingSweep,
    },
    values::{Credentials, Identity, TrainingState, UserId},
};

use super::{
    account_row, import, in_seoul, listed, ordinary, person, registration_of, registration_row,
    remark,
};
use crate::world::{DAY, SECOND, World, account, learn_me};

#[tokio::test]
async fn people_keep_their_numbers_and_their_tokens_are_sealed() {
    let world = World::new();
    let report = import(&world, &[ordinary(&world, 41, 1), person(42, 2, vec![])]).await;
    assert_eq!((report.people.read, report.people.stored), (2, 2));
    assert_eq!(report.remarks, []);
    for (id, n) in [(41, 1), (42, 2)] {
        let stored = world.store.account(account(n)).await.unwrap().unwrap();
        assert_eq!(stored.user, UserId::new(id));
        let opened = world
            .keys
            .open_credentials(stored.account, &stored.credentials);
        let number = account(n).user_id;
        let (token, secret) = (format!("{number}-token"), format!("secret-of-{number}"));
        assert_eq!(opened.unwrap(), Credentials::new(token.clone(), secret));
        let sealed = String::from_utf8_lossy(&stored.credentials.data).into_owned();
        assert!(!sealed.contains(&token));
        // They sign in as the same person.
        assert_eq!(world.person(n).await.user, UserId::new(id));
    }
    assert!(registration_of(&world, 41).await.ready);
    assert_eq!(listed(&world, 42).await, []);
}

#[tokio::test]
async fn a_later_sign_up_gets_no_id_of_the_earlier_system() {
    let world = World::new();
    // Also none of somebody who was left out or removed: the source knows of number 900.
    let left_out = EarlierPerson {
        accounts: vec![],
        ..person(800, 2, vec![])
    };
    import(&world, &[person(7, 1, vec![]), left_out]).await;
    assert_eq!(world.person(3).await.user, UserId::new(901));
}

fn row(world: &World, row: i64, (ready, public): (bool, bool), days: i64) -> EarlierRegistration {
    EarlierRegistration {
        ready: Some(ready),
        public: Some(public),
        can_use_time: in_seoul(world.now() + TimeDelta::days(days)),
        ..registration_row(world, row)
    }
}

/// Rows of one person and service as (ready, public, days of cooldown) in the order of their numbers, and what they
/// become: ready, public, state, days.
#[tokio::test]
async fn registrations_that_are_there_several_times_become_one() {
    use TrainingState::{Failed, Ready, Training};
    const T: bool = true;
    const F: bool = false;
    for (rows, (ready, public, state, days)) in [
        (vec![(T, F, 1)], (T, F, Ready, 1)),
        (vec![(T, T, -1)], (T, T, Ready, -1)),
        (vec![(F, F, 1)], (F, F, Training, 1)),
        (vec![(F, F, -1)], (F, F, Failed, -1)),
        // One of them is ready.
        (vec![(F, F, 1), (T, F, 2), (F, F, 3)], (T, F, Ready, 3)),
        // The ready one says whether it is public, and of several the latest.
        (vec![(T, T, 1), (F, F, 1)], (T, T, Ready, 1)),
        (vec![(T, F, 1), (F, T, 1)], (T, F, Ready, 1)),
        (vec![(T, F, 1), (T, T, 1)], (T, T, Ready, 1)),
        (vec![(T, T, 1), (T, F, 1)], (T, F, Ready, 1)),
        // None is ready: the latest says it.
        (vec![(F, F, 1), (F, T, 1)], (F, T, Training, 1)),
        // The latest time, wherever it stands.
        (vec![(F, F, 5), (F, F, -1)], (F, F, Training, 5)),
    ] {
        let world = World::new();
        let numbered = (1..).zip(&rows);
        let registrations = numbered
            .map(|(n, (ready, public, days))| row(&world, n, (*ready, *public), *days))
            .collect();
        let report = import(&world, &[person(1, 1, registrations)]).await;
        let merged = u64::try_from(rows.len()).unwrap() - 1;
        assert_eq!(report.registrations.merged, merged, "{rows:?}");
        let stored = registration_of(&world, 1).await;
        assert_eq!(
            (stored.ready, stored.public, stored.state),
            (ready, public, state),
            "{rows:?}"
        );
        let expected = world.now() + TimeDelta::days(days);
        assert_eq!(stored.can_use_at, expected, "{rows:?}");
        assert_eq!(report.remarks, [], "{rows:?}");
    }
}

#[tokio::test]
async fn the_account_tells_what_was_stored_as_what() {
    let world = World::new();
    let states = [(true, 1), (true, -1), (false, 1), (false, -1)];
    let people: Vec<_> = (1..)
        .zip(states)
        .map(|(n, (ready, days))| {
            let rows = vec![row(&world, n.into(), (ready, false), days)];
            person(n.into(), n, rows)
        })
        .collect();
    let ImportReport { registrations, .. } = import(&world, &people).await;
    let expected = RegistrationsTally {
        read: 4,
        ready: 2,
        training: 1,
        failed: 1,
        ..RegistrationsTally::default()
    };
    assert_eq!(registrations, expected);
}

#[tokio::test]
async fn times_that_are_no_cooldowns_are_told() {
    let whole = learn_me(1).cooldown;
    let world = World::new();
    let eleven_years = in_seoul(world.now() + TimeDelta::days(11 * 366));
    let long_ago = EarlierTime::At("0001-01-01T00:00:00".parse().unwrap());
    for (time, oddity, can_use_at) in [
        (EarlierTime::Unknown, Some(Oddity::NoTime), world.now()),
        (
            EarlierTime::Beyond,
            Some(Oddity::OddTime),
            world.now() + whole,
        ),
        (eleven_years, Some(Oddity::OddTime), world.now() + whole),
        (long_ago, None, "0000-12-31T15:32:08Z".parse().unwrap()),
    ] {
        let world = World::new();
        let odd = EarlierRegistration {
            can_use_time: time,
            ..registration_row(&world, 5)
        };
        let report = import(&world, &[person(1, 1, vec![odd])]).await;
        let remarks = oddity.map(|it| remark(EarlierRow::Registration(5), it));
        assert_eq!(report.remarks, Vec::from_iter(remarks), "{time:?}");
        assert_eq!(
            registration_of(&world, 1).await.can_use_at,
            can_use_at,
            "{time:?}"
        );
    }
}

#[tokio::test]
async fn an_imported_cooldown_runs_to_its_end_and_takes_no_place() {
    let world = World::new();
    let service = learn_me(1);
    import(&world, &[ordinary(&world, 7, 1)]).await;
    let who = Identity {
        user: UserId::new(7),
        account: account(1),
    };
    let until = world.now() + TimeDelta::days(1);
    let refused = world.register(who, &service).await;
    assert!(
        matches!(refused, Err(RegisterError::CooldownActive { until: end }) if end == until),
        "{refused:?}"
    );
    // Today's only place is free.
    let other = world.person(2).await;
    assert_eq!(world.register(other, &service).await.unwrap().position, 1);
    world.clock.advance(DAY);
    world.register(who, &service).await.unwrap();
    let again = registration_of(&world, 7).await;
    assert!(again.ready);
    assert_eq!(again.state, TrainingState::Training);
}

#[tokio::test]
async fn a_training_under_way_ends_at_its_deadline_and_is_not_announced_again() {
    let world = World::new();
    let service = learn_me(1);
    let under_way = vec![row(&world, 1, (false, false), 1)];
    import(&world, &[person(7, 1, under_way)]).await;
    let sweep = TrainingSweep {
        deadlines: world.store.clone(),
        quotas: world.quotas(),
        clock: world.clock.clone(),
    };
    let overdue = async || sweep.overdue(&service, None, 10).await.unwrap();
    world.clock.advance(service.training.deadline / 2);
    assert_eq!(overdue().await, []);
    world.clock.advance(service.training.deadline / 2);
    let found = overdue().await;
    let swept = sweep.settle(&service, &found[0]).await.unwrap();
    assert!(
        matches!(swept, Swept::Failed { given_back: Ok(()) }),
        "{swept:?}"
    );
    assert_eq!(world.store.backlog(world.now()).await.unwrap().rows, 0);
    // They may ask for a place of the day.
    let who = Identity {
        user: UserId::new(7),
        account: account(1),
    };
    world.register(who, &service).await.unwrap();
}

#[tokio::test]
async fn several_accounts_of_a_person_are_theirs() {
    let world = World::new();
    let mut several = ordinary(&world, 7, 1);
    several.accounts.push(account_row(71, 2));
    let report = import(&world, &[several]).await;
    let expected = remark(EarlierRow::Person(7), Oddity::SeveralAccounts);
    assert_eq!(report.remarks, [expected]);
    for n in [1, 2] {
        assert_eq!(world.person(n).await.user, UserId::new(7));
    }
    // The registration is of the later row.
    let deletion = Deletion {
        user: UserId::new(7),
        service: learn_me(1).service_type,
        at: world.now(),
    };
    let deleted = world.store.delete(deletion).await.unwrap();
    assert!(deleted.is_some());
    let rows = world.store.claim(1, SECOND, world.now()).await.unwrap();
    assert_eq!(rows[0].content.account, account(2));
}
