//! A call tells for whom it waits, so that a missed deadline can name who is slow.

use std::cell::RefCell;

use lemon_domain::{Neighbour, observed};

use crate::world::{World, learn_me};

/// For whom a call waited, one after the other.
async fn neighbours<T>(call: impl Future<Output = T>) -> (T, Vec<Neighbour>) {
    let seen = RefCell::new(Vec::new());
    let outcome = observed(call, |neighbour| seen.borrow_mut().push(neighbour)).await;
    let mut seen = seen.into_inner();
    seen.dedup();
    (outcome, seen)
}

/// The fake store makes each of its callers wait.
#[tokio::test]
async fn every_call_about_registrations_tells_that_it_waits_for_the_store() {
    let world = World::new();
    let (registering, service) = (world.registering(), learn_me(1));
    let who = world.person(1).await;
    let (registered, waits) = neighbours(registering.register(who, &service, None)).await;
    registered.unwrap();
    assert_eq!(waits, [Neighbour::Store]);
    let (listed, waits) = neighbours(registering.list(who.user)).await;
    assert_eq!((listed.unwrap().len(), waits), (1, vec![Neighbour::Store]));
    let (cooldown, waits) = neighbours(registering.cooldown_until(who.user, &service)).await;
    assert!(cooldown.unwrap().is_some());
    assert_eq!(waits, [Neighbour::Store]);
    let (deleted, waits) = neighbours(registering.delete(who.user, &service)).await;
    assert!(deleted.unwrap().is_some());
    assert_eq!(waits, [Neighbour::Store]);
}
