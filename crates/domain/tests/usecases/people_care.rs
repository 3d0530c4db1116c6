//! What operators do for one person.

use std::time::Duration;

use lemon_domain::{
    ports::{Revocations, RevokedTokens},
    usecases::PeopleCare,
};

use crate::world::{World, account};

/// A month, as a token has by default.
const LIFETIME: Duration = Duration::from_secs(2_629_800);

fn care(world: &World) -> PeopleCare {
    PeopleCare {
        people: world.store.clone(),
        deadlines: world.store.clone(),
        clock: world.clock.clone(),
    }
}

#[tokio::test]
async fn the_tokens_of_a_person_who_is_forgotten_are_ended_as_long_as_any_can_be_good() {
    let world = World::new();
    let identity = world.person(7).await;
    let forget = || async {
        let care = care(&world);
        let forgetting = care.forget_and_end_tokens(account(7), &*world.store, LIFETIME);
        forgetting.await.unwrap()
    };
    assert_eq!(forget().await.unwrap().user, identity.user);
    let [ended] = world.store.revocations(0).await.unwrap()[..] else {
        panic!("one revocation is stored")
    };
    assert_eq!(ended.revocation.tokens, RevokedTokens::AllOf(identity.user));
    assert_eq!(ended.revocation.at, world.now());
    assert!(ended.revocation.expires_at >= world.now() + LIFETIME);
    // The call can be repeated.
    assert!(!forget().await.unwrap().is_a_change());
    assert_eq!(world.store.revocations(0).await.unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_is_forgotten_who_never_signed_in() {
    let world = World::new();
    let care = care(&world);
    let forgotten = care.forget_and_end_tokens(account(7), &*world.store, LIFETIME);
    assert_eq!(forgotten.await.unwrap(), None);
    assert_eq!(world.store.revocations(0).await.unwrap(), []);
}
