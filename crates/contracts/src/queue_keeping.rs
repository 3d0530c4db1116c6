//! Cases of the [`QueueKeeping`] contract.

use std::{
    any::Any,
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use lemon_domain::{
    ports::{
        DeadLetter, DeadLetterChoice, Delivery, JobQueue, Outgoing, QueueError, QueueKeeping,
        QueueStats,
    },
    values::QueueName,
};
use uuid::Uuid;

use crate::traces::trace;

/// How long a case waits for something that must happen.
const DEADLINE: Duration = Duration::from_secs(60);

/// The time between two looks at a distributed queue.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Queues under test, by both of their ports.
pub struct QueueKeepingSubject {
    /// The operators' port.
    pub keeping: Arc<dyn QueueKeeping>,
    /// The port of those who send and receive.
    pub queue: Arc<dyn JobQueue>,
    /// A fresh, empty queue with a dead-letter queue, at most five receives and a visibility timeout of 30 s.
    pub consumed: QueueName,
    /// A guard that must live as long as the ports.
    pub guard: Box<dyn Any + Send + Sync>,
}

/// Emits the cases of the `QueueKeeping` contract. `$subject` is an async function without arguments that answers a fresh
/// `QueueKeepingSubject`.
#[macro_export]
macro_rules! queue_keeping_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::queue_keeping,
            $subject,
            [
                dead_letters_are_shown_once_each_with_reason_and_text,
                no_more_dead_letters_are_shown_than_asked_for,
                a_shown_dead_letter_does_not_show_its_text_in_debug_output,
                redriven_dead_letters_are_received_as_new_messages,
                one_dead_letter_is_redriven_and_the_others_stay,
                discarded_dead_letters_are_gone,
                one_dead_letter_is_discarded_and_the_others_stay,
                a_dead_letter_that_does_not_exist_is_neither_redriven_nor_discarded,
                the_stats_describe_the_queue,
                a_queue_that_does_not_exist_cannot_be_kept,
                redriven_dead_letters_keep_their_traces,
            ]
        );
    };
}

impl QueueKeepingSubject {
    /// Sends messages, and dead-letters each with the reason `not JSON`.
    async fn dead_letter(&self, bodies: &[&str]) {
        let outgoing = bodies.iter().map(|body| Outgoing {
            id: Uuid::nil(),
            body: (*body).to_owned(),
            trace: Some(trace(body.len())),
        });
        for outcome in self.queue.send(&self.consumed, outgoing.collect()).await {
            outcome.unwrap();
        }
        for delivery in self.receive(bodies.len()).await {
            let dead = self
                .queue
                .dead_letter(&self.consumed, &delivery, "not JSON");
            dead.await.unwrap();
        }
    }

    /// The next messages, however long the queue takes to show them.
    async fn receive(&self, count: usize) -> Vec<Delivery> {
        let started = Instant::now();
        let mut deliveries = Vec::new();
        while deliveries.len() < count {
            let (seen, waited) = (deliveries.len(), started.elapsed());
            assert!(waited < DEADLINE, "{seen} of {count} messages came");
            let wait = Duration::from_secs(1);
            let received = self.queue.receive(&self.consumed, 10, wait).await;
            deliveries.extend(received.unwrap());
        }
        deliveries
    }

    /// The dead letters, once there are so many.
    async fn letters(&self, count: usize) -> Vec<DeadLetter> {
        let started = Instant::now();
        loop {
            let letters = self.keeping.dead_letters(&self.consumed, 100).await;
            let letters = letters.unwrap();
            if letters.len() == count {
                return letters;
            }
            let waited = started.elapsed();
            assert!(waited < DEADLINE, "there are {letters:?}, not {count}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn id_of(&self, body: &str, count: usize) -> DeadLetterChoice {
        let letters = self.letters(count).await;
        let letter = letters.into_iter().find(|letter| letter.body == body);
        DeadLetterChoice::One(letter.unwrap().message_id)
    }
}

fn bodies(letters: &[DeadLetter]) -> BTreeSet<&str> {
    letters.iter().map(|letter| letter.body.as_str()).collect()
}

/// Contract 1.
pub async fn dead_letters_are_shown_once_each_with_reason_and_text(subject: QueueKeepingSubject) {
    assert_eq!(subject.letters(0).await, []);
    subject.dead_letter(&["one", "두 번째 🍋"]).await;
    for _ in 0..2 {
        let letters = subject.letters(2).await;
        assert_eq!(bodies(&letters), BTreeSet::from(["one", "두 번째 🍋"]));
        for letter in &letters {
            assert_eq!(letter.reason.as_deref(), Some("not JSON"));
            assert!(!letter.message_id.is_empty());
            assert!(letter.sent_at.or(letter.dead_lettered_at).is_some());
        }
    }
}

/// Contract 1.
pub async fn no_more_dead_letters_are_shown_than_asked_for(subject: QueueKeepingSubject) {
    subject.dead_letter(&["one", "two", "three"]).await;
    subject.letters(3).await;
    for max in [0, 1, 2] {
        let shown = subject.keeping.dead_letters(&subject.consumed, max).await;
        assert_eq!(shown.unwrap().len(), max);
    }
}

/// Contract 1.
pub async fn a_shown_dead_letter_does_not_show_its_text_in_debug_output(
    subject: QueueKeepingSubject,
) {
    subject.dead_letter(&["token=hush"]).await;
    let letters = subject.letters(1).await;
    assert!(!format!("{letters:?}").contains("hush"));
}

/// Contract 2.
pub async fn redriven_dead_letters_are_received_as_new_messages(subject: QueueKeepingSubject) {
    subject.dead_letter(&["one", "two"]).await;
    subject.letters(2).await;
    let all = DeadLetterChoice::All;
    let moved = subject.keeping.redrive(&subject.consumed, &all).await;
    assert_eq!(moved.unwrap(), 2);
    let received = subject.receive(2).await;
    let texts: BTreeSet<_> = received.iter().map(|it| it.body.as_str()).collect();
    assert_eq!(texts, BTreeSet::from(["one", "two"]));
    subject.letters(0).await;
}

/// Contract 2, 4.
pub async fn one_dead_letter_is_redriven_and_the_others_stay(subject: QueueKeepingSubject) {
    subject.dead_letter(&["one", "two", "three"]).await;
    let two = subject.id_of("two", 3).await;
    let moved = subject.keeping.redrive(&subject.consumed, &two).await;
    assert_eq!(moved.unwrap(), 1);
    let received = subject.receive(1).await;
    assert_eq!((received[0].body.as_str(), received[0].attempt), ("two", 1));
    let left = subject.letters(2).await;
    assert_eq!(bodies(&left), BTreeSet::from(["one", "three"]));
}

/// Contract 2.
pub async fn redriven_dead_letters_keep_their_traces(subject: QueueKeepingSubject) {
    subject.dead_letter(&["one", "other", "another"]).await;
    for letter in subject.letters(3).await {
        assert_eq!(letter.trace, Some(trace(letter.body.len())));
    }
    let one = subject.id_of("one", 3).await;
    for (which, count) in [(one, 1), (DeadLetterChoice::All, 2)] {
        let moved = subject.keeping.redrive(&subject.consumed, &which).await;
        assert_eq!(moved.unwrap(), count);
        for delivery in subject.receive(usize::try_from(count).unwrap()).await {
            assert_eq!(delivery.trace, Some(trace(delivery.body.len())));
        }
    }
}

/// Contract 3.
pub async fn discarded_dead_letters_are_gone(subject: QueueKeepingSubject) {
    subject.dead_letter(&["one", "two"]).await;
    subject.letters(2).await;
    let all = DeadLetterChoice::All;
    let discarded = subject.keeping.discard(&subject.consumed, &all).await;
    assert_eq!(discarded.unwrap(), 2);
    subject.letters(0).await;
    let received = subject.queue.receive(&subject.consumed, 10, Duration::ZERO);
    assert_eq!(received.await.unwrap(), []);
}

/// Contract 3, 4.
pub async fn one_dead_letter_is_discarded_and_the_others_stay(subject: QueueKeepingSubject) {
    subject.dead_letter(&["one", "two", "three"]).await;
    let one = subject.id_of("one", 3).await;
    let discarded = subject.keeping.discard(&subject.consumed, &one).await;
    assert_eq!(discarded.unwrap(), 1);
    let left = subject.letters(2).await;
    assert_eq!(bodies(&left), BTreeSet::from(["two", "three"]));
    let again = subject.keeping.discard(&subject.consumed, &one).await;
    assert_eq!(again.unwrap(), 0);
}

/// Contract 4.
pub async fn a_dead_letter_that_does_not_exist_is_neither_redriven_nor_discarded(
    subject: QueueKeepingSubject,
) {
    subject.dead_letter(&["one"]).await;
    subject.letters(1).await;
    for id in ["00000000-0000-0000-0000-0000000000ff", "no such id", ""] {
        let none = DeadLetterChoice::One(id.to_owned());
        let moved = subject.keeping.redrive(&subject.consumed, &none).await;
        assert_eq!(moved.unwrap(), 0);
        let discarded = subject.keeping.discard(&subject.consumed, &none).await;
        assert_eq!(discarded.unwrap(), 0);
    }
    subject.letters(1).await;
}

/// Contract 5.
pub async fn the_stats_describe_the_queue(subject: QueueKeepingSubject) {
    subject.dead_letter(&["dead"]).await;
    let outgoing = ["held", "waiting"].map(|body| Outgoing {
        id: Uuid::nil(),
        body: body.to_owned(),
        trace: None,
    });
    for outcome in subject.queue.send(&subject.consumed, outgoing.into()).await {
        outcome.unwrap();
    }
    let wait = Duration::from_secs(1);
    let held = subject.queue.receive(&subject.consumed, 1, wait).await;
    assert_eq!(held.unwrap().len(), 1);
    let expected = QueueStats {
        waiting: Some(1),
        in_flight: Some(1),
        dead: Some(1),
        visibility: Some(Duration::from_secs(30)),
        retention: None,
        max_receives: Some(5),
        dead_letter_queue: Some(subject.consumed.dead_letters()),
    };
    let started = Instant::now();
    loop {
        let mut stats = subject.keeping.stats(&subject.consumed).await.unwrap();
        // That of a server has a limit, that of a file has none.
        stats.retention = None;
        if stats == expected {
            return;
        }
        let waited = started.elapsed();
        assert!(waited < DEADLINE, "{stats:?} does not become {expected:?}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Contract 6.
pub async fn a_queue_that_does_not_exist_cannot_be_kept(subject: QueueKeepingSubject) {
    let name = QueueName::parse("Nowhere").unwrap();
    let (keeping, all) = (&subject.keeping, DeadLetterChoice::All);
    let outcomes = [
        keeping.stats(&name).await.map(drop),
        keeping.dead_letters(&name, 1).await.map(drop),
        keeping.redrive(&name, &all).await.map(drop),
        keeping.discard(&name, &all).await.map(drop),
    ];
    for outcome in outcomes {
        let Err(QueueError::NoSuchQueue(named)) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(named, "Nowhere");
    }
}
