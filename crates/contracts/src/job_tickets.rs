//! Cases of the `JobTickets` contract.

use std::collections::BTreeSet;

use lemon_domain::{
    ports::{
        Expiring, MAX_REDEMPTIONS, NewTicket, PURGE_SLACK, SignIn, TICKET_MEMORY, TicketClaim,
        TicketOutcome,
    },
    values::{Identity, Task, TaskKind, TicketDigest},
};

use crate::{
    given::{self, DAY, HOUR, MICROSECOND},
    race::race,
    store::Store,
    subject::Subject,
};

/// Emits the cases for a function that makes a fresh, empty [`Subject<dyn Store>`](crate::Store).
#[macro_export]
macro_rules! job_tickets_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::job_tickets,
            $subject,
            [
                a_ticket_is_granted_to_its_job,
                tickets_are_issued_together,
                an_account_without_credentials_gets_no_ticket,
                a_ticket_of_another_job_is_unknown,
                an_expired_ticket_is_not_granted,
                a_job_redeems_its_ticket_as_often_as_a_queue_delivers,
                concurrent_claims_have_different_numbers,
                the_ticket_of_a_training_that_does_not_run_is_void,
                the_tickets_of_a_forgotten_person_stay_void,
                a_job_whose_ticket_is_over_is_put_again_once,
                a_job_that_waits_in_the_outbox_is_not_put_again,
                a_notification_of_a_deleted_registration_is_not_put_again,
                concurrent_claims_on_an_expired_ticket_put_one_row,
                a_ticket_is_purged_when_no_message_can_have_it,
            ]
        );
    };
}

fn ticket(n: u8, kind: TaskKind, who: Identity) -> NewTicket {
    NewTicket {
        digest: TicketDigest([n; 32]),
        task: Task {
            kind,
            service: given::learn_me(),
            account: who.account,
        },
        request_id: given::request_id(1),
        issued_at: given::now(),
        expires_at: given::now() + HOUR,
    }
}

fn claim(ticket: &NewTicket) -> TicketClaim {
    TicketClaim {
        digest: ticket.digest,
        kind: ticket.task.kind,
        request_id: ticket.request_id,
        at: given::now(),
    }
}

fn granted(who: Identity, redemptions: u32) -> TicketOutcome {
    TicketOutcome::Granted {
        account: who.account,
        service: given::learn_me(),
        redemptions,
    }
}

async fn redeem(store: &dyn Store, claim: TicketClaim) -> TicketOutcome {
    store.redeem(&claim).await.unwrap()
}

/// A person whose training runs and whose job was sent, with a ticket for it.
async fn training(store: &dyn Store) -> (Identity, NewTicket) {
    let who = given::registered_person(store, 1).await;
    assert_eq!(given::tasks(store).await, [TaskKind::Train]);
    let ticket = ticket(1, TaskKind::Train, who);
    store.issue(std::slice::from_ref(&ticket)).await.unwrap();
    (who, ticket)
}

/// Contract 1, 2.
pub async fn a_ticket_is_granted_to_its_job(store: Subject<dyn Store>) {
    let (who, ticket) = training(&*store).await;
    assert_eq!(redeem(&*store, claim(&ticket)).await, granted(who, 1));
    assert_eq!(given::rows(&*store).await, 0);
}

/// Contract 1.
pub async fn tickets_are_issued_together(store: Subject<dyn Store>) {
    store.issue(&[]).await.unwrap();
    let who = given::person(&*store, 1).await;
    let tickets: Vec<_> = (1..=20).map(|n| ticket(n, TaskKind::Notify, who)).collect();
    store.issue(&tickets).await.unwrap();
    for ticket in &tickets {
        assert_eq!(redeem(&*store, claim(ticket)).await, granted(who, 1));
    }
}

/// Contract 1.
pub async fn an_account_without_credentials_gets_no_ticket(store: Subject<dyn Store>) {
    let (who, gone) = (
        given::person(&*store, 1).await,
        given::person(&*store, 2).await,
    );
    let at = given::now();
    store.forget(gone.account, at).await.unwrap().unwrap();
    let never = Identity {
        account: given::account(3),
        ..who
    };
    let tickets: Vec<_> = [who, gone, never]
        .into_iter()
        .zip(1..)
        .map(|(who, n)| ticket(n, TaskKind::Notify, who))
        .collect();
    store.issue(&tickets).await.unwrap();
    assert_eq!(redeem(&*store, claim(&tickets[0])).await, granted(who, 1));
    for ticket in &tickets[1..] {
        assert_eq!(redeem(&*store, claim(ticket)).await, TicketOutcome::Unknown);
    }
}

/// Contract 2.
pub async fn a_ticket_of_another_job_is_unknown(store: Subject<dyn Store>) {
    let (who, ticket) = training(&*store).await;
    let right = claim(&ticket);
    let wrong = [
        TicketClaim {
            digest: TicketDigest([2; 32]),
            ..right
        },
        TicketClaim {
            kind: TaskKind::Notify,
            ..right
        },
        TicketClaim {
            request_id: given::request_id(2),
            ..right
        },
    ];
    for claim in wrong {
        assert_eq!(redeem(&*store, claim).await, TicketOutcome::Unknown);
    }
    assert_eq!(redeem(&*store, right).await, granted(who, 1));
}

/// Contract 3.
pub async fn an_expired_ticket_is_not_granted(store: Subject<dyn Store>) {
    let (who, ticket) = training(&*store).await;
    let at = |at| TicketClaim {
        at,
        ..claim(&ticket)
    };
    let early = at(ticket.expires_at - MICROSECOND);
    assert_eq!(redeem(&*store, early).await, granted(who, 1));
    let late = at(ticket.expires_at);
    assert_eq!(redeem(&*store, late).await, TicketOutcome::Expired);
}

/// Contract 4.
pub async fn a_job_redeems_its_ticket_as_often_as_a_queue_delivers(store: Subject<dyn Store>) {
    let (who, ticket) = training(&*store).await;
    for n in 1..=MAX_REDEMPTIONS {
        assert_eq!(redeem(&*store, claim(&ticket)).await, granted(who, n));
    }
    assert_eq!(redeem(&*store, claim(&ticket)).await, TicketOutcome::Used);
}

/// Contract 4.
pub async fn concurrent_claims_have_different_numbers(store: Subject<dyn Store>) {
    let (who, ticket) = training(&*store).await;
    let claim = claim(&ticket);
    let outcomes = race(8, |_| {
        let store = store.share();
        async move { redeem(&*store, claim).await }
    });
    let outcomes = outcomes.await;
    let expected: Vec<_> = (1..=MAX_REDEMPTIONS).map(|n| granted(who, n)).collect();
    let of = |n: &TicketOutcome| outcomes.iter().filter(|it| *it == n).count();
    assert!(expected.iter().all(|one| of(one) == 1), "{outcomes:?}");
    assert_eq!(of(&TicketOutcome::Used), 3, "{outcomes:?}");
    assert_eq!(given::tasks(&*store).await, [TaskKind::Train]);
}

/// Contract 5.
pub async fn the_ticket_of_a_training_that_does_not_run_is_void(store: Subject<dyn Store>) {
    let (who, trained) = training(&*store).await;
    let spare = given::request_id(500);
    let ready = given::ready(who.account);
    store.finish(&ready, spare, given::now()).await.unwrap();
    assert_eq!(redeem(&*store, claim(&trained)).await, TicketOutcome::Void);
    // The next training of the same person.
    let next = given::next_request(who, 1);
    let of_next = NewTicket {
        request_id: next.request_id,
        ..ticket(2, TaskKind::Train, who)
    };
    given::registered(&*store, next).await;
    store.issue(std::slice::from_ref(&of_next)).await.unwrap();
    assert_eq!(redeem(&*store, claim(&of_next)).await, granted(who, 1));
    assert_eq!(redeem(&*store, claim(&trained)).await, TicketOutcome::Void);
    store.delete(given::deletion(who.user)).await.unwrap();
    given::outbox(&*store).await;
    let late = TicketClaim {
        at: of_next.expires_at,
        ..claim(&of_next)
    };
    assert_eq!(redeem(&*store, late).await, TicketOutcome::Void);
    assert_eq!(given::rows(&*store).await, 0);
}

/// Contract 6.
pub async fn the_tickets_of_a_forgotten_person_stay_void(store: Subject<dyn Store>) {
    let (who, other) = (
        given::person(&*store, 1).await,
        given::person(&*store, 2).await,
    );
    let (of_person, of_other) = (
        ticket(1, TaskKind::Notify, who),
        ticket(2, TaskKind::Notify, other),
    );
    let issued = [of_person.clone(), of_other.clone()];
    store.issue(&issued).await.unwrap();
    let at = given::now();
    store.forget(who.account, at).await.unwrap().unwrap();
    assert_eq!(
        redeem(&*store, claim(&of_person)).await,
        TicketOutcome::Void
    );
    let sign_in = SignIn {
        account: who.account,
        credentials: given::sealed(1),
        at,
    };
    store.sign_in(sign_in).await.unwrap();
    let late = TicketClaim {
        at: of_person.expires_at,
        ..claim(&of_person)
    };
    for claim in [claim(&of_person), late] {
        assert_eq!(redeem(&*store, claim).await, TicketOutcome::Void);
    }
    assert_eq!(given::rows(&*store).await, 0);
    assert_eq!(redeem(&*store, claim(&of_other)).await, granted(other, 1));
}

/// Contract 7.
pub async fn a_job_whose_ticket_is_over_is_put_again_once(store: Subject<dyn Store>) {
    let (who, used) = training(&*store).await;
    for _ in 0..MAX_REDEMPTIONS {
        redeem(&*store, claim(&used)).await;
    }
    let told = ticket(2, TaskKind::Notify, who);
    store.issue(std::slice::from_ref(&told)).await.unwrap();
    let late = TicketClaim {
        at: told.expires_at,
        ..claim(&told)
    };
    for (claim, outcome, kind) in [
        (claim(&used), TicketOutcome::Used, TaskKind::Train),
        (late, TicketOutcome::Expired, TaskKind::Notify),
    ] {
        assert_eq!(redeem(&*store, claim).await, outcome);
        let rows = given::outbox(&*store).await;
        let expected = Task {
            kind,
            ..told.task.clone()
        };
        let put: Vec<_> = rows
            .into_iter()
            .map(|row| (row.content, row.request_id, row.created_at))
            .collect();
        assert_eq!(put, [(expected, given::request_id(1), claim.at)]);
        assert_eq!(redeem(&*store, claim).await, outcome);
        assert_eq!(given::rows(&*store).await, 0);
    }
}

/// Contract 7.
pub async fn a_job_that_waits_in_the_outbox_is_not_put_again(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let ticket = ticket(1, TaskKind::Train, who);
    store.issue(std::slice::from_ref(&ticket)).await.unwrap();
    let late = TicketClaim {
        at: ticket.expires_at,
        ..claim(&ticket)
    };
    assert_eq!(redeem(&*store, late).await, TicketOutcome::Expired);
    assert_eq!(given::tasks(&*store).await, [TaskKind::Train]);
}

/// Contract 7.
pub async fn a_notification_of_a_deleted_registration_is_not_put_again(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let (late, used) = (
        ticket(1, TaskKind::Notify, who),
        ticket(2, TaskKind::Notify, who),
    );
    store.issue(&[late.clone(), used.clone()]).await.unwrap();
    store.delete(given::deletion(who.user)).await.unwrap();
    given::outbox(&*store).await;
    for n in 1..=MAX_REDEMPTIONS {
        assert_eq!(redeem(&*store, claim(&used)).await, granted(who, n));
    }
    assert_eq!(redeem(&*store, claim(&used)).await, TicketOutcome::Used);
    let late = TicketClaim {
        at: late.expires_at,
        ..claim(&late)
    };
    assert_eq!(redeem(&*store, late).await, TicketOutcome::Expired);
    assert_eq!(given::rows(&*store).await, 0);
}

/// Contract 7.
pub async fn concurrent_claims_on_an_expired_ticket_put_one_row(store: Subject<dyn Store>) {
    let (_, ticket) = training(&*store).await;
    let late = TicketClaim {
        at: ticket.expires_at,
        ..claim(&ticket)
    };
    let outcomes = race(8, |_| {
        let store = store.share();
        async move { redeem(&*store, late).await }
    });
    for outcome in outcomes.await {
        assert_eq!(outcome, TicketOutcome::Expired);
    }
    let rows = given::outbox(&*store).await;
    let ids: BTreeSet<_> = rows.iter().map(|row| row.id).collect();
    assert_eq!(ids.len(), 1, "{rows:?}");
}

/// Contract 8.
pub async fn a_ticket_is_purged_when_no_message_can_have_it(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    let (first, mut later) = (
        ticket(1, TaskKind::Notify, who),
        ticket(2, TaskKind::Notify, who),
    );
    later.expires_at += DAY;
    store.issue(&[first.clone(), later.clone()]).await.unwrap();
    let gone = first.expires_at + TICKET_MEMORY + PURGE_SLACK;
    let purge = async |at| store.purge(Expiring::JobTickets, at).await.unwrap().rows;
    assert_eq!(purge(gone - MICROSECOND).await, 0);
    assert_eq!(purge(gone).await, 1);
    assert_eq!(redeem(&*store, claim(&first)).await, TicketOutcome::Unknown);
    assert_eq!(redeem(&*store, claim(&later)).await, granted(who, 1));
}
