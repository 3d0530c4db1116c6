use lemon_domain::{
    ports::{Accounts, EarlierAccount, EarlierPerson, EarlierRegistration},
    usecases::{EarlierRow, ImportReport, Oddity},
    values::{Credentials, UserId},
};

use super::{
    account_row, import, listed, ordinary, person, registration_of, registration_row, remark,
};
use crate::world::{World, account};

/// Imports one odd person beside an ordinary one, who must arrive whatever happens.
async fn beside_an_ordinary_one(world: &World, odd: EarlierPerson) -> ImportReport {
    let report = import(world, &[odd, ordinary(world, 500, 9)]).await;
    assert!(registration_of(world, 500).await.ready);
    report
}

/// The person is left out with everything; answers the remarks.
async fn is_left_out(odd: impl FnOnce(&World) -> EarlierPerson, remarks: &[(EarlierRow, Oddity)]) {
    let world = World::new();
    let odd = odd(&world);
    let (id, is_there) = (odd.id, odd.is_there);
    let rows = u64::try_from(odd.registrations.len()).unwrap();
    let report = beside_an_ordinary_one(&world, odd).await;
    let expected: Vec<_> = remarks.iter().map(|(row, it)| remark(*row, *it)).collect();
    assert_eq!(report.remarks, expected);
    assert_eq!(report.people.left_out, u64::from(is_there));
    assert_eq!(report.registrations.left_out, rows);
    assert_eq!(world.store.account(account(1)).await.unwrap(), None);
    assert_eq!(listed(&world, id.unwrap_or_default()).await, []);
}

#[tokio::test]
async fn rows_that_name_nobody_or_somebody_who_is_missing_are_left_out() {
    let rows = [
        (EarlierRow::Account(10), Oddity::PersonIsMissing),
        (EarlierRow::Registration(10), Oddity::PersonIsMissing),
    ];
    let missing = |world: &World| EarlierPerson {
        is_there: false,
        ..ordinary(world, 1, 1)
    };
    is_left_out(missing, &rows).await;
    let nobody = |world: &World| EarlierPerson {
        id: None,
        ..missing(world)
    };
    let rows = rows.map(|(row, _)| (row, Oddity::NamesNobody));
    is_left_out(nobody, &rows).await;
}

#[tokio::test]
async fn numbers_that_nobody_can_have_are_left_out() {
    for id in [i64::MIN, -1, 0, (1 << 52) + 1, i64::MAX] {
        let odd = |world: &World| EarlierPerson {
            id: Some(id),
            ..ordinary(world, 1, 1)
        };
        is_left_out(odd, &[(EarlierRow::Person(id), Oddity::IdOutOfRange)]).await;
    }
    for id in [1, 1 << 52] {
        let world = World::new();
        let report = import(&world, &[person(id, 1, vec![])]).await;
        assert_eq!(report.people.stored, 1, "{id}");
    }
}

#[tokio::test]
async fn a_person_without_a_twitter_account_is_left_out() {
    let without = |world: &World| EarlierPerson {
        accounts: vec![],
        ..ordinary(world, 1, 1)
    };
    let person = (EarlierRow::Person(1), Oddity::NoAccount);
    is_left_out(without, &[person]).await;
    let good = account_row(10, 1);
    for (oddity, account) in [
        (
            Oddity::OtherProvider,
            EarlierAccount {
                provider: Some("GOOGLE".to_owned()),
                ..good.clone()
            },
        ),
        (
            Oddity::OtherProvider,
            EarlierAccount {
                provider: None,
                ..good.clone()
            },
        ),
        (
            Oddity::NoProviderUserId,
            EarlierAccount {
                provider_user_id: None,
                ..good.clone()
            },
        ),
        (
            Oddity::NoProviderUserId,
            EarlierAccount {
                provider_user_id: Some(0),
                ..good.clone()
            },
        ),
        (
            Oddity::NoProviderUserId,
            EarlierAccount {
                provider_user_id: Some(-7),
                ..good.clone()
            },
        ),
    ] {
        let odd = |world: &World| EarlierPerson {
            accounts: vec![account],
            ..ordinary(world, 1, 1)
        };
        let row = (EarlierRow::Account(10), oddity);
        is_left_out(odd, &[row, person]).await;
    }
}

#[tokio::test]
async fn an_account_without_a_usable_token_is_kept_for_the_next_sign_in() {
    let good = account_row(10, 1);
    for broken in [
        EarlierAccount {
            token: None,
            ..good.clone()
        },
        EarlierAccount {
            secret: Some(String::new().into()),
            ..good.clone()
        },
        EarlierAccount {
            token: Some("two words".to_owned().into()),
            ..good.clone()
        },
        EarlierAccount {
            secret: Some("s".repeat(257).into()),
            ..good.clone()
        },
    ] {
        let world = World::new();
        let odd = EarlierPerson {
            accounts: vec![broken],
            ..ordinary(&world, 1, 1)
        };
        let report = beside_an_ordinary_one(&world, odd).await;
        let expected = remark(EarlierRow::Account(10), Oddity::NoCredentials);
        assert_eq!(report.remarks, [expected]);
        let stored = world.store.account(account(1)).await.unwrap().unwrap();
        let opened = world
            .keys
            .open_credentials(stored.account, &stored.credentials);
        assert_eq!(opened.unwrap(), Credentials::none());
        assert!(registration_of(&world, 1).await.ready);
        assert_eq!(world.person(1).await.user, UserId::new(1));
    }
}

#[tokio::test]
async fn an_account_of_two_people_is_the_first_ones() {
    let world = World::new();
    let second = ordinary(&world, 8, 1);
    let report = import(&world, &[ordinary(&world, 7, 1), second]).await;
    let expected = [
        remark(EarlierRow::Account(80), Oddity::AccountOf(7)),
        remark(EarlierRow::Person(8), Oddity::NoAccount),
    ];
    assert_eq!(report.remarks, expected);
    assert_eq!(report.people.left_out, 1);
    assert_eq!(report.registrations.left_out, 1);
    assert_eq!(listed(&world, 8).await, []);
    assert_eq!(world.person(1).await.user, UserId::new(7));
}

#[tokio::test]
async fn an_account_that_is_there_twice_has_the_token_of_the_later_row() {
    let world = World::new();
    let mut twice = ordinary(&world, 7, 1);
    twice.accounts.push(EarlierAccount {
        token: Some("newer".to_owned().into()),
        ..account_row(71, 1)
    });
    let report = import(&world, &[twice]).await;
    let expected = remark(EarlierRow::Account(70), Oddity::RepeatedAccount);
    assert_eq!(report.remarks, [expected]);
    let stored = world.store.account(account(1)).await.unwrap().unwrap();
    let opened = world
        .keys
        .open_credentials(stored.account, &stored.credentials);
    let number = account(1).user_id;
    let newer = Credentials::new("newer", format!("secret-of-{number}"));
    assert_eq!(opened.unwrap(), newer);
}

#[tokio::test]
async fn a_registration_for_no_service_is_left_out_and_the_others_are_stored() {
    for service in [None, Some("DRAWME"), Some("learn me"), Some("")] {
        let world = World::new();
        let mut odd = ordinary(&world, 1, 1);
        odd.registrations.push(EarlierRegistration {
            service: service.map(ToOwned::to_owned),
            ..registration_row(&world, 11)
        });
        let report = beside_an_ordinary_one(&world, odd).await;
        let expected = remark(EarlierRow::Registration(11), Oddity::UnknownService);
        assert_eq!(report.remarks, [expected], "{service:?}");
        assert_eq!(report.registrations.left_out, 1, "{service:?}");
        assert_eq!(listed(&world, 1).await.len(), 1, "{service:?}");
    }
}

#[tokio::test]
async fn a_flag_that_is_null_is_false() {
    for (ready, public) in [(None, Some(true)), (Some(true), None)] {
        let world = World::new();
        let odd = EarlierRegistration {
            ready,
            public,
            ..registration_row(&world, 5)
        };
        let report = beside_an_ordinary_one(&world, person(1, 1, vec![odd])).await;
        let expected = remark(EarlierRow::Registration(5), Oddity::UnknownFlag);
        assert_eq!(report.remarks, [expected]);
        let stored = registration_of(&world, 1).await;
        assert_eq!(
            (stored.ready, stored.public),
            (ready.is_some(), public.is_some())
        );
    }
}

#[tokio::test]
async fn a_person_with_another_id_here_is_reported_with_both_ids() {
    let world = World::new();
    let here = world.person(1).await;
    let taken = ordinary(&world, here.user.get(), 2);
    let known = ordinary(&world, 7, 1);
    let report = import(&world, &[taken, known]).await;
    let expected = [
        remark(EarlierRow::Person(here.user.get()), Oddity::IdTaken),
        remark(EarlierRow::Person(7), Oddity::KnownAs(here.user)),
    ];
    assert_eq!(report.remarks, expected);
    assert_eq!((report.people.known, report.people.left_out), (1, 1));
    assert_eq!(listed(&world, here.user.get()).await.len(), 1);
    let line = report.remarks[1].to_string();
    assert!(
        line.starts_with("service_user 7: ") && line.ends_with("(id 1)"),
        "{line}"
    );
}

#[tokio::test]
async fn no_remark_shows_a_token_or_a_text_of_the_earlier_system() {
    let world = World::new();
    let mut odd = ordinary(&world, 1, 1);
    odd.accounts[0].token = Some("hush hush".to_owned().into());
    odd.accounts.push(EarlierAccount {
        provider: Some("hush".to_owned()),
        ..account_row(11, 2)
    });
    odd.registrations[0].service = Some("hush".to_owned());
    let report = import(&world, &[odd]).await;
    assert_eq!(report.remarks.len(), 3);
    let counted: u64 = report.reasons().values().sum();
    assert_eq!(counted, 3);
    for remark in &report.remarks {
        let line = remark.to_string();
        assert!(
            !line.contains("hush") && line.lines().count() == 1,
            "{line}"
        );
    }
}
