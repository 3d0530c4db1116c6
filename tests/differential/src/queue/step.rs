use std::{fmt, time::Duration};

use proptest::{collection::vec, prelude::*, sample::select};

/// A call of a job queue, or something that happens to it. A receipt is chosen by its number among those that were
/// given so far, from the latest, which is 0, backwards, modulo their number.
#[derive(Debug, Clone)]
pub enum QueueStep {
    /// Messages are sent, every third with a trace context.
    Send {
        /// How many.
        count: usize,
        /// With a body that no queue takes in their middle.
        with_a_wrong_one: bool,
    },
    /// Everything that is visible is received.
    Receive {
        /// In portions of at most so many.
        portion: usize,
    },
    /// Receipts are acknowledged in one call.
    Acknowledge {
        /// Which.
        receipts: Vec<usize>,
    },
    /// A delivery is given back.
    Retry {
        /// Which.
        receipt: usize,
        /// To be received after this time.
        delay: Duration,
    },
    /// A delivery is kept for longer.
    Extend {
        /// Which.
        receipt: usize,
        /// For this time.
        visibility: Duration,
    },
    /// A delivery is dead-lettered.
    DeadLetter {
        /// Which.
        receipt: usize,
    },
    /// Dead letters are sent again.
    Redrive {
        /// One, by its number, or all.
        one: Option<usize>,
    },
    /// Dead letters are removed.
    Discard {
        /// One, by its number, or all.
        one: Option<usize>,
    },
    /// Time goes on.
    Pass {
        /// By this.
        time: Duration,
    },
    /// The queue's process ends and starts again.
    Restart,
}

/// Sequences of steps.
pub fn queue_steps() -> impl Strategy<Value = Vec<QueueStep>> {
    vec(queue_step(), 1..40)
}

const HOUR: u64 = 60 * 60;

fn queue_step() -> impl Strategy<Value = QueueStep> {
    let seconds = |choice: &[u64]| select(choice.to_vec()).prop_map(Duration::from_secs);
    let which = prop_oneof![3 => 0_usize..4, 1 => 0_usize..24];
    let one = proptest::option::of(0_usize..4);
    prop_oneof![
        4 => (1_usize..5, any::<bool>())
            .prop_map(|(count, with_a_wrong_one)| QueueStep::Send { count, with_a_wrong_one }),
        10 => (1_usize..11).prop_map(|portion| QueueStep::Receive { portion }),
        3 => vec(which.clone(), 1..4).prop_map(|receipts| QueueStep::Acknowledge { receipts }),
        4 => (which.clone(), seconds(&[0, 0, 5, 60, 13 * HOUR]))
            .prop_map(|(receipt, delay)| QueueStep::Retry { receipt, delay }),
        3 => (which.clone(), seconds(&[0, 5, 45, 11 * HOUR, 11 * HOUR, 13 * HOUR]))
            .prop_map(|(receipt, visibility)| QueueStep::Extend { receipt, visibility }),
        4 => which.prop_map(|receipt| QueueStep::DeadLetter { receipt }),
        2 => one.clone().prop_map(|one| QueueStep::Redrive { one }),
        2 => one.prop_map(|one| QueueStep::Discard { one }),
        9 => seconds(&[1, 6, 31, 31, 5 * HOUR, 5 * HOUR]).prop_map(|time| QueueStep::Pass { time }),
        1 => Just(QueueStep::Restart),
    ]
}

impl fmt::Display for QueueStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = |one: &Option<usize>| {
            one.map_or("all dead letters".to_owned(), |it| {
                format!("dead letter {it}")
            })
        };
        match self {
            Self::Send {
                count,
                with_a_wrong_one,
            } => {
                let wrong = if *with_a_wrong_one {
                    " and a wrong one"
                } else {
                    ""
                };
                write!(f, "{count} messages{wrong} are sent")
            }
            Self::Receive { portion } => {
                write!(f, "everything is received, {portion} at a time")
            }
            Self::Acknowledge { receipts } => write!(f, "receipts {receipts:?} are acknowledged"),
            Self::Retry { receipt, delay } => {
                write!(
                    f,
                    "receipt {receipt} is to be received again after {delay:?}"
                )
            }
            Self::Extend {
                receipt,
                visibility,
            } => write!(f, "receipt {receipt} is kept for {visibility:?} more"),
            Self::DeadLetter { receipt } => write!(f, "receipt {receipt} is dead-lettered"),
            Self::Redrive { one } => write!(f, "{} sent again", letters(one)),
            Self::Discard { one } => write!(f, "{} removed", letters(one)),
            Self::Pass { time } => write!(f, "{time:?} pass"),
            Self::Restart => f.write_str("the queue starts again"),
        }
    }
}
