use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{PersonRecord, RevokedTokens, StoreError},
    values::{BudgetKey, Segment, Sums},
};

use super::{
    given::account,
    side::{StoreSide, told},
    step::PEOPLE,
};

/// Everything that a store tells, each part by its name, without the numbers that are the store's own.
pub(super) async fn look(side: &StoreSide, now: DateTime<Utc>) -> BTreeMap<String, String> {
    let store = &side.store;
    let mut looks = BTreeMap::new();
    for person in 0..PEOPLE {
        let account = account(person);
        let record = store.person(account).await;
        let record = told(record.map(|it| it.map(|it| alike(side, it))));
        looks.insert(format!("the record of person {person}"), record);
        let stored = store.account(account).await;
        let stored = stored.map(|it| it.map(|it| (side.alike(it.user), it.credentials)));
        looks.insert(format!("the account of person {person}"), told(stored));
    }
    for key in &side.keys {
        let name = format!("{}'s {} of {}", key.scope, key.budget, key.window.start);
        looks.insert(
            format!("the places of {name}"),
            told(places(side, key).await),
        );
    }
    for key in side.running(now) {
        let name = format!(
            "the total of {}'s {} of {}",
            key.scope, key.budget, key.window.start
        );
        if key.budget.as_str() != "daily" {
            looks.insert(name, told(store.total(key).await));
        }
    }
    looks.insert("the backlog".into(), told(store.backlog(now).await));
    looks.insert("the uses of keys".into(), told(store.key_uses().await));
    looks.insert(
        "the keys of accounts".into(),
        told(store.sealing_key_ids().await),
    );
    looks.insert("the revocations".into(), told(revocations(side).await));
    looks
}

fn alike(side: &StoreSide, mut record: PersonRecord) -> PersonRecord {
    record.user = side.alike(record.user);
    for row in &mut record.outbox {
        row.id = 0;
    }
    record
}

/// Each place, in words; their sums must be those of the segments.
async fn places(side: &StoreSide, key: &BudgetKey) -> Result<Vec<String>, StoreError> {
    let places = side.store.places(key).await?;
    let sums = side.store.sums(key, Segment::FIRST).await?;
    let of_segments = sums.segments.values().flatten().copied().next();
    let mut words: Vec<String> = places
        .iter()
        .map(|it| {
            let holder = side.alike_holder(&it.holder);
            format!("{holder} on {} with {} since {}", it.seat, it.units, it.at)
        })
        .collect();
    let expected = (!places.is_empty()).then(|| Sums::of(&places));
    if of_segments.filter(|it| it.places > 0) != expected {
        words.push(format!("but their sums are {of_segments:?}"));
    }
    Ok(words)
}

async fn revocations(side: &StoreSide) -> Result<Vec<String>, StoreError> {
    let listed = side.store.revocations(0).await?.into_iter();
    let words = listed.map(|it| {
        let revocation = it.revocation;
        let whose = match revocation.tokens {
            RevokedTokens::AllOf(user) => RevokedTokens::AllOf(side.alike(user)),
            RevokedTokens::One(_) => revocation.tokens,
        };
        format!(
            "{whose:?} at {} until {}",
            revocation.at, revocation.expires_at
        )
    });
    Ok(words.collect())
}
