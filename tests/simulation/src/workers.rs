//! The workers: they get jobs, are slow, repeat themselves, and forget.

use std::{sync::Arc, time::Duration};

use lemon_domain::{
    ports::{JobQueue, Outgoing, QueueError},
    values::{AccountId, ProviderUserId, QueueName, ServiceType, TaskKind},
};
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use crate::world::World;

/// Puts messages in a queue. Workers take their jobs at once.
pub(crate) async fn deliver(
    world: &Arc<World>,
    queue: &QueueName,
    messages: Vec<Outgoing>,
) -> Vec<Result<(), QueueError>> {
    if world.catalogue.ready_queues().contains(queue) {
        let outcomes = world.queue.send(queue, messages).await;
        world.message_sent.notify_waiters();
        return outcomes;
    }
    let mut outcomes = Vec::with_capacity(messages.len());
    for message in messages {
        let copies = 1 + u32::from(world.dice.happens(world.plan.duplicates));
        for _ in 0..copies {
            take(world, &message.body);
        }
        outcomes.push(Ok(()));
    }
    outcomes
}

/// A worker takes a job.
fn take(world: &Arc<World>, body: &str) {
    let Some((kind, account, service, id)) = read(body) else {
        return;
    };
    let words = || format!(" of {id} for {account}, {service}");
    world.chronicle.note("workers", kind.as_str(), 0, words);
    world.enter(|history| history.arrived(kind, account, &service, id));
    if kind == TaskKind::Train {
        tokio::spawn(train(Arc::clone(world), account, service, id));
    }
}

fn read(body: &str) -> Option<(TaskKind, AccountId, ServiceType, Uuid)> {
    let body: Value = serde_json::from_str(body).ok()?;
    let kind = match body["finished"].as_str()? {
        "spring_request_fetch_tweet" => TaskKind::Train,
        "spring_success_marking" => TaskKind::Notify,
        _ => TaskKind::Delete,
    };
    let account = ProviderUserId::parse(body["user_id"].as_str()?).ok()?;
    let service = ServiceType::parse(body["service_name"].as_str()?).ok()?;
    let id = Uuid::parse_str(body["request_id"].as_str()?).ok()?;
    Some((kind, AccountId::twitter(account), service, id))
}

async fn train(world: Arc<World>, account: AccountId, service: ServiceType, id: Uuid) {
    let dice = &world.dice;
    if !world.is_healed() && dice.happens(world.plan.lost_trainings) {
        return;
    }
    let longest = if world.is_healed() { 20_000 } else { 110_000 };
    sleep(dice.millis(500..longest)).await;
    let is_named = !dice.happens(500);
    let mut body = json!({
        "oauth_user_id": account.user_id.get(),
        "oauth_type": "TWITTER",
        "service_name": service.as_str(),
    });
    if is_named {
        body["request_id"] = json!(id.to_string());
    }
    let copies = 1 + u32::from(dice.happens(world.plan.duplicates));
    for _ in 0..copies {
        tell(&world, body.to_string()).await;
        if is_named {
            world.enter(|history| {
                history.ready_sent(id);
                Ok(())
            });
        }
        sleep(dice.pick(&[Duration::ZERO, Duration::from_secs(40)])).await;
    }
}

async fn tell(world: &Arc<World>, body: String) {
    let id = Uuid::nil();
    for ready in world.catalogue.ready_queues() {
        let body = body.clone();
        let (body, trace) = (body.clone(), None);
        let message = Outgoing { id, body, trace };
        drop(world.queue.send(&ready, vec![message]).await);
    }
    let words = || format!(" {body}");
    world.chronicle.note("workers", "ready", 0, words);
    world.message_sent.notify_waiters();
}
