use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{Brought, EarlierPerson, ImportTarget, ImportedPerson, StoreError},
    usecases::{ImportError, ImportMode, PeopleTally, RegistrationsTally},
    values::UserId,
};
use lemon_fakes::MemoryStore;

use super::{import, importing, listed, ordinary, run};
use crate::world::World;

/// More than one portion.
fn crowd(world: &World) -> Vec<EarlierPerson> {
    let numbers = 1..=450_u32;
    numbers.map(|n| ordinary(world, n.into(), n)).collect()
}

#[tokio::test]
async fn a_second_import_changes_nothing_and_says_so() {
    let world = World::new();
    let people = crowd(&world);
    import(&world, &people).await;
    let before = format!("{:?}", world.store);
    let again = import(&world, &people).await;
    assert_eq!(format!("{:?}", world.store), before);
    let known = PeopleTally {
        read: 450,
        known: 450,
        ..PeopleTally::default()
    };
    assert_eq!(again.people, known);
    let known = RegistrationsTally {
        read: 450,
        known: 450,
        ..RegistrationsTally::default()
    };
    assert_eq!(again.registrations, known);
    assert_eq!(again.remarks, []);
}

#[tokio::test]
async fn a_dry_run_tells_what_an_import_would_do_and_changes_nothing() {
    let world = World::new();
    world.person(3).await;
    let people = crowd(&world);
    let before = format!("{:?}", world.store);
    let told = run(&world, &people, ImportMode::DryRun).await;
    assert_eq!(format!("{:?}", world.store), before);
    assert_eq!(told.remarks.len(), 2, "one signed in, one number is taken");
    assert_eq!(import(&world, &people).await, told);
}

/// A store that fails after some portions, as when the program is killed.
struct Interrupted {
    store: Arc<MemoryStore>,
    portions: AtomicU32,
}

#[async_trait]
impl ImportTarget for Interrupted {
    async fn reserve_ids(&self, up_to: UserId) -> Result<(), StoreError> {
        self.store.reserve_ids(up_to).await
    }

    async fn bring(
        &self,
        people: &[ImportedPerson],
        at: DateTime<Utc>,
    ) -> Result<Vec<Brought>, StoreError> {
        if self.portions.fetch_sub(1, Ordering::SeqCst) == 0 {
            return Err(StoreError::Unavailable("the line is cut".into()));
        }
        self.store.bring(people, at).await
    }

    async fn compare(&self, people: &[ImportedPerson]) -> Result<Vec<Brought>, StoreError> {
        self.store.compare(people).await
    }
}

#[tokio::test]
async fn an_import_that_was_interrupted_is_continued_by_the_next_one() {
    let world = World::new();
    let people = crowd(&world);
    let target = Interrupted {
        store: world.store.clone(),
        portions: AtomicU32::new(1),
    };
    let importing = importing(&world, &people, Arc::new(target));
    let ended = importing.run(ImportMode::Store).await;
    assert!(matches!(ended, Err(ImportError::Target(_))), "{ended:?}");
    // Whoever signs up meanwhile gets nobody's number.
    assert_eq!(world.person(1000).await.user, UserId::new(901));
    let rest = import(&world, &people).await;
    assert_eq!((rest.people.known, rest.people.stored), (200, 250));
    for id in [1, 200, 201, 450] {
        assert_eq!(listed(&world, id).await.len(), 1, "{id}");
    }
}
