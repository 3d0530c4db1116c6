//! What is compared with the store and the counter in the end.

use std::sync::Arc;

use lemon_domain::{
    ports::{JobQueue, Outbox, PlaceRecord, QuotaCounter},
    values::{Segment, Sums},
};

use crate::{
    history::name_of,
    invariant::{Invariant, hold},
    looks::{look_at_the_record, windows},
    people::{Answer, SimulatedPerson},
    process::Process,
    town::Town,
    world::World,
};

/// What must hold when nothing has failed for a while.
pub(crate) async fn look_in_the_end(town: &Arc<Town>) {
    let world = &town.world;
    let backlog = world
        .store
        .backlog(world.truth.now())
        .await
        .expect("the store in memory");
    world.chronicle.judge(hold(
        backlog.rows == 0 && backlog.set_aside == 0,
        Invariant::NoLimbo,
        || format!("rows wait in the outbox: {backlog:?}"),
    ));
    for ready in world.catalogue.ready_queues() {
        let depth = world.queue.depth(&ready).await.expect("a queue");
        let is_empty = depth.waiting == 0 && depth.in_flight == 0 && depth.dead == 0;
        world
            .chronicle
            .judge(hold(is_empty, Invariant::NoLimbo, || {
                format!("ready messages wait: {depth:?}")
            }));
    }
    world.enter(|history| history.in_the_end());
    look_at_the_record(world, Invariant::Places).await;
    let Some(replica) = town.any() else { return };
    look_at_the_counter(world, &replica).await;
    look_for_room(town, &replica).await;
}

/// After a reconciliation, the counter has what the record has.
async fn look_at_the_counter(world: &Arc<World>, replica: &Arc<Process>) {
    let failed = replica.quotas.reconcile(&replica.catalogue).await;
    world
        .chronicle
        .judge(hold(failed.is_empty(), Invariant::Places, || {
            format!("not all windows could be reconciled: {failed:?}")
        }));
    for key in windows(world, false) {
        let counted = QuotaCounter::sums(&*world.counter, &key).await;
        let counted = counted.expect("the counter in memory").segments;
        let recorded = world.store.segment(&key, Segment::FIRST).await;
        let recorded = Sums::of(&recorded.expect("the store in memory"));
        let counted = counted
            .get(&Segment::FIRST)
            .copied()
            .flatten()
            .unwrap_or_default();
        world
            .chronicle
            .judge(hold(counted == recorded, Invariant::Places, || {
                format!(
                    "of {:?} the counter has {counted:?}, the record {recorded:?}",
                    name_of(&key)
                )
            }));
    }
}

/// Newcomers get every place that is left, and then none.
async fn look_for_room(town: &Arc<Town>, replica: &Arc<Process>) {
    let world = &town.world;
    let services: Vec<_> = replica.catalogue.iter().cloned().collect();
    for (index, service) in services.iter().enumerate() {
        for number in 0..=u64::from(service.daily.limit) {
            let newcomer = 9_000 + 100 * index as u64 + number;
            let person = SimulatedPerson::sign_in(Arc::clone(town), newcomer).await;
            let budgets = service.budgets_at(world.truth.now());
            let has_room = world.ask(|history| {
                budgets
                    .iter()
                    .all(|it| history.units(&it.key) + it.units <= it.limit)
            });
            let answer = person.ask(replica, index, None).await;
            let expected = if has_room {
                Answer::Accepted
            } else {
                Answer::Exhausted
            };
            world
                .chronicle
                .judge(hold(answer == expected, Invariant::Room, || {
                    format!(
                        "newcomer {number} to {} got {answer:?}, not {expected:?}",
                        service.service_type
                    )
                }));
        }
    }
}
