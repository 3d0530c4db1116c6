//! Jobs that carry a ticket, and workers that redeem it.

use std::{sync::Arc, time::Duration};

use lemon_domain::{
    ports::{OutboxEntry, People, TICKET_MEMORY},
    usecases::{
        Dispatch, Job, JobAccess, Prepared, RedeemError, RedeemedTicket, Redeeming, TicketOfJob,
        Ticketing,
    },
    values::{Catalogue, JobTicket, RequestId, Task, TaskKind},
};
use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::world::{SECOND, World, account, learn_me, sealing_keys};

const LIFETIME: Duration = Duration::from_secs(3600);
/// A second less.
const ALMOST: Duration = Duration::from_secs(3599);

fn dispatch(world: &World) -> Dispatch {
    Dispatch {
        catalogue: Arc::new(Catalogue::new(vec![learn_me(400)]).unwrap()),
        accounts: world.store.clone(),
        keys: world.keys.clone(),
        tickets: Some(Ticketing {
            tickets: world.store.clone(),
            clock: world.clock.clone(),
            ids: world.ids.clone(),
            lifetime: LIFETIME,
        }),
    }
}

fn redeeming(world: &World) -> Redeeming {
    Redeeming {
        tickets: world.store.clone(),
        accounts: world.store.clone(),
        keys: world.keys.clone(),
        clock: world.clock.clone(),
    }
}

fn entry(world: &World, kind: TaskKind, n: u32) -> OutboxEntry<Task> {
    OutboxEntry {
        id: 1,
        attempt: 1,
        content: Task {
            kind,
            service: learn_me(400).service_type,
            account: account(n),
        },
        request_id: RequestId::new(Uuid::from_u128(n.into())),
        created_at: world.now(),
        trace: None,
    }
}

fn ticket(prepared: &Prepared) -> JobTicket {
    match prepared {
        Prepared::Send(_, Job::Train { access, .. } | Job::Notify { access, .. }) => match access {
            JobAccess::Ticket(ticket) => ticket.clone(),
            JobAccess::Inline(_) => panic!("it carries the credentials"),
        },
        other => panic!("{other:?} is no job with a ticket"),
    }
}

/// A notification for the person, and what its worker redeems.
async fn notification(world: &World, n: u32) -> TicketOfJob {
    redeemed_for(world, entry(world, TaskKind::Notify, n)).await
}

/// What the worker of this notification redeems.
async fn redeemed_for(world: &World, entry: OutboxEntry<Task>) -> TicketOfJob {
    let request_id = entry.request_id;
    let prepared = dispatch(world).prepare(&[entry]).await.unwrap();
    TicketOfJob {
        ticket: ticket(&prepared[0]),
        kind: TaskKind::Notify,
        request_id,
    }
}

async fn redeem(world: &World, of_job: &TicketOfJob) -> Result<RedeemedTicket, RedeemError> {
    redeeming(world).redeem(of_job).await
}

#[tokio::test]
async fn each_job_carries_a_ticket_of_its_own_and_no_credentials() {
    let world = World::new();
    for n in [7, 8] {
        world.person(n).await;
    }
    let entries = [
        entry(&world, TaskKind::Train, 7),
        entry(&world, TaskKind::Delete, 7),
        entry(&world, TaskKind::Notify, 9),
        entry(&world, TaskKind::Notify, 8),
    ];
    let prepared = dispatch(&world).prepare(&entries).await.unwrap();
    let again = dispatch(&world).prepare(&entries).await.unwrap();
    assert!(matches!(prepared[1], Prepared::Send(_, Job::Delete { .. })));
    assert!(matches!(prepared[2], Prepared::Drop(_)));
    let mut tickets = Vec::new();
    for prepared in [&prepared[0], &prepared[3], &again[0], &again[3]] {
        tickets.push(ticket(prepared).expose().to_owned());
        let printed = format!("{prepared:?}");
        assert!(!printed.contains(tickets.last().unwrap()), "{printed}");
    }
    tickets.sort_unstable();
    tickets.dedup();
    assert_eq!(tickets.len(), 4);
}

#[tokio::test]
async fn a_job_whose_credentials_do_not_open_is_held_also_by_reference() {
    let world = World::new();
    world.person(7).await;
    let dispatch = Dispatch {
        keys: Arc::new(sealing_keys(&["third"])),
        ..dispatch(&world)
    };
    let entries = [entry(&world, TaskKind::Train, 7)];
    let prepared = dispatch.prepare(&entries).await.unwrap();
    assert!(matches!(prepared[0], Prepared::Hold(_)));
}

#[tokio::test]
async fn a_job_gets_the_credentials_of_the_latest_sign_in() {
    let world = World::new();
    world.person(7).await;
    let of_job = notification(&world, 7).await;
    let twitter: &dyn lemon_domain::ports::TwitterClient = &*world.twitter;
    let former = world.twitter.credentials_of(7);
    twitter.revoke(&former).await.unwrap();
    world.person(7).await;
    for redemptions in [1, 2] {
        let redeemed = redeem(&world, &of_job).await.unwrap();
        assert_eq!(redeemed.account, account(7));
        assert_eq!(redeemed.credentials, world.twitter.credentials_of(7));
        assert_eq!(redeemed.redemptions, redemptions);
        let printed = format!("{redeemed:?}");
        let secret = redeemed.credentials.secret.expose_secret();
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[tokio::test]
async fn no_other_job_gets_credentials_for_a_ticket() {
    let world = World::new();
    for n in [7, 8] {
        world.person(n).await;
    }
    let of_job = notification(&world, 7).await;
    let foreign = TicketOfJob {
        request_id: notification(&world, 8).await.request_id,
        ..of_job.clone()
    };
    let other_kind = TicketOfJob {
        kind: TaskKind::Train,
        ..of_job
    };
    for of_job in [foreign, other_kind] {
        let refused = redeem(&world, &of_job).await;
        assert!(matches!(refused, Err(RedeemError::Unknown)), "{refused:?}");
    }
}

#[tokio::test]
async fn a_job_with_an_expired_ticket_is_sent_again_with_a_fresh_one() {
    let world = World::new();
    let who = world.person(7).await;
    world.register(who, &learn_me(400)).await.unwrap();
    let outbox: &dyn lemon_domain::ports::Outbox<Task> = &*world.store;
    let train = outbox.claim(10, LIFETIME, world.now()).await.unwrap();
    outbox.remove(&[train[0].id]).await.unwrap();
    let notify = OutboxEntry {
        request_id: train[0].request_id,
        ..entry(&world, TaskKind::Notify, 7)
    };
    let of_job = redeemed_for(&world, notify).await;
    world.clock.advance(ALMOST);
    redeem(&world, &of_job).await.unwrap();
    world.clock.advance(SECOND);
    for _ in 0..2 {
        let refused = redeem(&world, &of_job).await;
        assert!(matches!(refused, Err(RedeemError::Expired)), "{refused:?}");
    }
    let again = outbox.claim(10, LIFETIME, world.now()).await.unwrap();
    assert_eq!(again.len(), 1, "{again:?}");
    let prepared = dispatch(&world).prepare(&again).await.unwrap();
    let fresh = TicketOfJob {
        ticket: ticket(&prepared[0]),
        ..of_job.clone()
    };
    redeem(&world, &fresh).await.unwrap();
    world.clock.advance(TICKET_MEMORY);
    world.purge().await;
    let forgotten = redeem(&world, &of_job).await;
    assert!(matches!(forgotten, Err(RedeemError::Unknown)));
}

#[tokio::test]
async fn a_person_who_was_forgotten_has_no_ticket_that_is_good() {
    let world = World::new();
    world.person(7).await;
    let of_job = notification(&world, 7).await;
    world.store.forget(account(7), world.now()).await.unwrap();
    world.person(7).await;
    let refused = redeem(&world, &of_job).await;
    assert!(matches!(refused, Err(RedeemError::Void)), "{refused:?}");
}
