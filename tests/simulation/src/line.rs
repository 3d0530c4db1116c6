//! The ports, as a replica has them: over a line that is slow, breaks, and ends with the replica.

mod counter;
mod people;
mod queue;
mod store;

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use lemon_domain::ports::{Clock, IdSource, QueueError, QuotaError, StoreError};
use parking_lot::Mutex;
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};
use uuid::Uuid;

use crate::{plan::Side, world::World};

tokio::task_local! {
    /// The person's call that is under way.
    pub(crate) static CALL: u64;
}

/// The longest that an adapter waits for its server.
const DEADLINE: Duration = Duration::from_secs(5);

/// One process: from its start to its crash.
pub(crate) struct Life {
    pub(crate) name: String,
    dead: AtomicBool,
    died: Notify,
    frozen_until: Mutex<Option<Instant>>,
}

impl Life {
    pub(crate) fn new(index: usize) -> Arc<Self> {
        Arc::new(Self {
            name: format!("replica {index}"),
            dead: AtomicBool::new(false),
            died: Notify::new(),
            frozen_until: Mutex::default(),
        })
    }

    /// Ends it: none of its calls goes on.
    pub(crate) fn end(&self) {
        self.dead.store(true, Relaxed);
        self.died.notify_one();
    }

    pub(crate) fn is_over(&self) -> bool {
        self.dead.load(Relaxed)
    }

    /// Waits for its end.
    pub(crate) async fn over(&self) {
        self.died.notified().await;
    }

    /// Lets it stand still, as a process that is stopped.
    pub(crate) fn freeze(&self, length: Duration) {
        *self.frozen_until.lock() = Some(Instant::now() + length);
    }

    /// Goes on only while it lives.
    async fn go_on(&self) {
        let until = *self.frozen_until.lock();
        if let Some(until) = until.filter(|until| Instant::now() < *until) {
            sleep_until(until).await;
        }
        if self.is_over() {
            pending::<()>().await;
        }
    }
}

/// How a call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Answered,
    /// The caller cannot interrupt it: the server goes on.
    Unstoppable,
    Refused,
    LostBefore,
    LostAfter,
    /// The answer is an error, and then the call takes effect.
    Late,
    CrashBefore,
    CrashAfter,
}

/// What the caller of a failed call knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    Certain,
    Uncertain,
}

/// An error of a port.
pub(crate) trait FailedCall: Send + 'static {
    fn after(loss: Loss) -> Self;
}

impl FailedCall for StoreError {
    fn after(loss: Loss) -> Self {
        match loss {
            Loss::Certain => Self::Unreached("simulated".into()),
            Loss::Uncertain => Self::Unavailable("simulated".into()),
        }
    }
}

impl FailedCall for QuotaError {
    fn after(_: Loss) -> Self {
        Self::Unavailable("simulated".into())
    }
}

impl FailedCall for QueueError {
    fn after(loss: Loss) -> Self {
        match loss {
            Loss::Certain => Self::Unreached("simulated".into()),
            Loss::Uncertain => Self::Unavailable("simulated".into()),
        }
    }
}

/// A replica's connection with everything outside.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) world: Arc<World>,
    pub(crate) life: Arc<Life>,
}

/// A replica's clock: off by its skew. No two times that are read are equal.
pub(crate) struct SkewedClock {
    pub(crate) world: Arc<World>,
    pub(crate) ahead: TimeDelta,
}

impl Clock for SkewedClock {
    fn now(&self) -> DateTime<Utc> {
        let ticks = TimeDelta::microseconds(self.world.next_tick());
        self.world.truth.now() + self.ahead + ticks
    }
}

impl IdSource for Line {
    fn uuid(&self) -> Uuid {
        Uuid::from_u128(self.world.dice.wide())
    }

    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.world.dice.below(256).to_le_bytes()[0];
        }
    }
}

impl Line {
    /// Carries a call out, or not.
    pub(crate) async fn call<T: Send + 'static, E: FailedCall>(
        &self,
        side: Side,
        what: &'static str,
        effect: BoxFuture<'static, Result<T, E>>,
    ) -> Result<T, E> {
        self.life.go_on().await;
        let (fate, wait) = self.fate(side);
        let number = fate as u64;
        let fated = || match fate {
            Fate::Answered => String::new(),
            other => format!(" ({other:?}, {} ms)", wait.as_millis()),
        };
        self.world
            .chronicle
            .note(&self.life.name, what, number, fated);
        sleep(wait).await;
        let outcome = match fate {
            Fate::Answered => effect.await,
            Fate::Unstoppable => match tokio::spawn(effect).await {
                Ok(outcome) => outcome,
                Err(_) => Err(E::after(Loss::Uncertain)),
            },
            Fate::Refused => Err(E::after(Loss::Certain)),
            Fate::LostBefore => Err(E::after(Loss::Uncertain)),
            Fate::LostAfter => {
                drop(effect.await);
                Err(E::after(Loss::Uncertain))
            }
            Fate::Late => {
                let later = self.world.dice.millis(1..2_000);
                tokio::spawn(async move {
                    sleep(later).await;
                    drop(effect.await);
                });
                Err(E::after(Loss::Uncertain))
            }
            Fate::CrashBefore => {
                self.life.end();
                pending().await
            }
            Fate::CrashAfter => {
                drop(effect.await);
                self.life.end();
                pending().await
            }
        };
        self.life.go_on().await;
        outcome
    }

    fn fate(&self, side: Side) -> (Fate, Duration) {
        let dice = &self.world.dice;
        let plan = &self.world.plan;
        let quick = dice.millis(0..plan.pace);
        if self.world.is_healed() {
            return (Fate::Answered, quick);
        }
        if self.world.is_away(side) {
            let wait = if dice.happens(2_000) { DEADLINE } else { quick };
            return (dice.pick(&[Fate::Refused, Fate::LostBefore]), wait);
        }
        let slow = if dice.happens(plan.slow) {
            dice.millis(0..4_900)
        } else {
            quick
        };
        if dice.happens(plan.crashing) {
            return (dice.pick(&[Fate::CrashBefore, Fate::CrashAfter]), slow);
        }
        if dice.happens(plan.failing[side as usize]) {
            let fates = [Fate::Refused, Fate::LostBefore, Fate::LostAfter, Fate::Late];
            let wait = if dice.happens(1_000) { DEADLINE } else { slow };
            return (dice.pick(&fates), wait);
        }
        let fate = if dice.happens(2_000) {
            Fate::Unstoppable
        } else {
            Fate::Answered
        };
        (fate, slow)
    }
}
