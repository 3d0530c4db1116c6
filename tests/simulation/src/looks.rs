//! What is compared with the store while a run goes on.

use std::sync::Arc;

use chrono::TimeDelta;
use lemon_domain::{
    ports::{PlaceRecord, Registrations, StoreError},
    values::{BudgetKey, Segment},
};

use crate::{
    history::History,
    invariant::{Invariant, hold},
    world::World,
};

/// Compares the record and the uses with what was stored.
pub(crate) async fn look_at_the_record(world: &Arc<World>, invariant: Invariant) {
    for key in windows(world, true) {
        let recorded = world.store.segment(&key, Segment::FIRST).await;
        let recorded = recorded.expect("the store in memory");
        world.enter(|history| history.compare(&key, &recorded, invariant));
    }
    for ((user, service), turn) in world.ask(History::used) {
        let last = world.store.last_use(user, &service).await;
        let is_there = match &last {
            Ok(Some(last)) => last.turn >= turn,
            Err(StoreError::UnknownPerson) => true,
            _ => false,
        };
        world.chronicle.judge(hold(is_there, invariant, || {
            format!("turn {turn} of person {user} is gone: {last:?}")
        }));
    }
}

/// The windows of now; with all, also those of the begin.
pub(crate) fn windows(world: &World, all: bool) -> Vec<BudgetKey> {
    let now = world.truth.now();
    let begin = now - TimeDelta::days(1);
    let times = if all { vec![begin, now] } else { vec![now] };
    let mut windows: Vec<BudgetKey> = Vec::new();
    for service in world.catalogue.iter() {
        for at in &times {
            for budget in service.budgets_at(*at) {
                if !windows.contains(&budget.key) {
                    windows.push(budget.key);
                }
            }
        }
    }
    windows
}
