//! Cases of the `ImportSource` contract.

use std::sync::Arc;

use async_trait::async_trait;
use lemon_domain::ports::{
    EarlierAccount, EarlierPerson, EarlierRegistration, EarlierTime, ImportSource,
};

use crate::subject::Subject;

/// An earlier system, as the programs that write it see it.
#[async_trait]
pub trait EarlierSystem: Send + Sync + 'static {
    /// Stores these people and rows.
    async fn put(&self, people: &[EarlierPerson]);

    /// Gives a person this number and removes them.
    async fn put_and_remove(&self, id: i64);

    /// A picture of this moment.
    async fn picture(&self) -> Arc<dyn ImportSource>;
}

/// Emits the cases for a function that makes a fresh, empty [`Subject<dyn EarlierSystem>`](EarlierSystem).
#[macro_export]
macro_rules! import_source_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::import_source,
            $subject,
            [
                people_come_in_order_each_once_with_their_rows,
                the_rows_of_one_person_may_be_many,
                an_id_without_a_person_is_read_too,
                a_change_after_the_snapshot_is_not_read,
                after_the_end_there_is_nothing,
                the_highest_number_is_below_the_given_one,
                a_number_that_was_given_once_counts,
                values_come_as_they_are,
            ]
        );
    };
}

fn person(id: i64) -> EarlierPerson {
    EarlierPerson {
        id: Some(id),
        is_there: true,
        accounts: Vec::new(),
        registrations: Vec::new(),
    }
}

fn account(row: i64) -> EarlierAccount {
    EarlierAccount {
        row,
        provider: Some("TWITTER".to_owned()),
        provider_user_id: Some(1000 + row),
        token: Some(format!("token-{row}").into()),
        secret: Some(format!("secret-{row}").into()),
    }
}

fn registration(row: i64) -> EarlierRegistration {
    EarlierRegistration {
        row,
        service: Some("LEARNME".to_owned()),
        ready: Some(true),
        public: Some(false),
        can_use_time: EarlierTime::At("2026-11-27T09:30:00.000001".parse().unwrap()),
    }
}

/// Reads everything, at most so many people at a time.
async fn read(source: &dyn ImportSource, max: u32) -> Vec<EarlierPerson> {
    let mut all = Vec::new();
    loop {
        let people = source.next(max).await.unwrap();
        assert!(people.len() <= usize::try_from(max).unwrap());
        if people.is_empty() {
            return all;
        }
        all.extend(people);
    }
}

/// Contract 1.
pub async fn people_come_in_order_each_once_with_their_rows(earlier: Subject<dyn EarlierSystem>) {
    let mut all = Vec::new();
    let nobody = EarlierPerson {
        id: None,
        is_there: false,
        accounts: vec![account(90)],
        registrations: vec![registration(91)],
    };
    all.push(nobody);
    for id in [-5, 0, 1, 2, 3, 1 << 60] {
        let row = 2 * id;
        let rows = if id == 2 { 0..0 } else { row..row + 2 };
        all.push(EarlierPerson {
            accounts: rows.clone().map(account).collect(),
            registrations: rows.map(registration).collect(),
            ..person(id)
        });
    }
    let mut shuffled = all.clone();
    shuffled.reverse();
    earlier.put(&shuffled).await;
    for max in [1, 2, 3, 100] {
        assert_eq!(read(&*earlier.picture().await, max).await, all, "{max}");
    }
}

/// Contract 1: also more than a portion of an adapter.
pub async fn the_rows_of_one_person_may_be_many(earlier: Subject<dyn EarlierSystem>) {
    let many = EarlierPerson {
        registrations: (1..=3000).map(registration).collect(),
        ..person(1)
    };
    let all = [many, person(2)];
    earlier.put(&all).await;
    assert_eq!(read(&*earlier.picture().await, 1).await, all);
}

/// Contract 2.
pub async fn an_id_without_a_person_is_read_too(earlier: Subject<dyn EarlierSystem>) {
    let only_named = |id, accounts, registrations| EarlierPerson {
        is_there: false,
        accounts,
        registrations,
        ..person(id)
    };
    let all = [
        only_named(1, vec![account(1)], Vec::new()),
        person(2),
        only_named(3, Vec::new(), vec![registration(1)]),
    ];
    earlier.put(&all).await;
    assert_eq!(read(&*earlier.picture().await, 10).await, all);
}

/// Contract 3.
pub async fn a_change_after_the_snapshot_is_not_read(earlier: Subject<dyn EarlierSystem>) {
    let before = [person(1), person(2)];
    earlier.put(&before).await;
    let picture = earlier.picture().await;
    let first = picture.next(1).await.unwrap();
    let later = [person(-1), person(3)];
    earlier.put(&later).await;
    assert_eq!(picture.highest_id(i64::MAX).await.unwrap(), Some(2));
    let rest = read(&*picture, 1).await;
    assert_eq!([first, rest].concat(), before);
    assert_eq!(read(&*earlier.picture().await, 10).await.len(), 4);
}

/// Contract 4.
pub async fn after_the_end_there_is_nothing(earlier: Subject<dyn EarlierSystem>) {
    let empty = earlier.picture().await;
    for _ in 0..2 {
        assert_eq!(empty.next(10).await.unwrap(), []);
    }
    earlier.put(&[person(1)]).await;
    let picture = earlier.picture().await;
    assert_eq!(read(&*picture, 10).await.len(), 1);
    for _ in 0..2 {
        assert_eq!(picture.next(10).await.unwrap(), []);
    }
}

/// Contract 5.
pub async fn the_highest_number_is_below_the_given_one(earlier: Subject<dyn EarlierSystem>) {
    let empty = earlier.picture().await;
    assert_eq!(empty.highest_id(100).await.unwrap(), None);
    let only_named = EarlierPerson {
        is_there: false,
        accounts: vec![account(1)],
        ..person(50)
    };
    earlier
        .put(&[person(7), only_named, person(i64::MAX)])
        .await;
    let picture = earlier.picture().await;
    for (most, highest) in [
        (6, None),
        (7, Some(7)),
        (50, Some(50)),
        (100, Some(50)),
        (i64::MAX, Some(i64::MAX)),
    ] {
        assert_eq!(picture.highest_id(most).await.unwrap(), highest, "{most}");
    }
    // In the middle of reading, too.
    picture.next(1).await.unwrap();
    assert_eq!(picture.highest_id(50).await.unwrap(), Some(50));
    assert_eq!(read(&*picture, 10).await.len(), 2);
}

/// Contract 5.
pub async fn a_number_that_was_given_once_counts(earlier: Subject<dyn EarlierSystem>) {
    earlier.put(&[person(1)]).await;
    earlier.put_and_remove(20).await;
    let picture = earlier.picture().await;
    assert_eq!(picture.highest_id(100).await.unwrap(), Some(20));
    assert_eq!(picture.highest_id(19).await.unwrap(), Some(1));
}

/// Contract 6.
pub async fn values_come_as_they_are(earlier: Subject<dyn EarlierSystem>) {
    let odd = EarlierPerson {
        accounts: vec![
            EarlierAccount {
                row: 1,
                provider: None,
                provider_user_id: None,
                token: None,
                secret: None,
            },
            EarlierAccount {
                row: 2,
                provider: Some("twitter \u{1f34b}".to_owned()),
                provider_user_id: Some(i64::MIN),
                token: Some(String::new().into()),
                secret: Some(" \n ".to_owned().into()),
            },
        ],
        registrations: vec![
            EarlierRegistration {
                row: 1,
                service: None,
                ready: None,
                public: None,
                can_use_time: EarlierTime::Unknown,
            },
            EarlierRegistration {
                can_use_time: EarlierTime::Beyond,
                ..registration(2)
            },
            EarlierRegistration {
                can_use_time: EarlierTime::At("0001-01-01T00:00:00".parse().unwrap()),
                ..registration(3)
            },
            EarlierRegistration {
                can_use_time: EarlierTime::At("9999-12-31T23:59:59.999999".parse().unwrap()),
                ..registration(4)
            },
        ],
        ..person(1)
    };
    earlier.put(std::slice::from_ref(&odd)).await;
    assert_eq!(read(&*earlier.picture().await, 10).await, [odd]);
}
