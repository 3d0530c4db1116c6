use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use lemon_domain::{
    ports::Clock,
    sealing::{SealingKey, SealingKeys},
    values::Catalogue,
};
use lemon_fakes::{MemoryJobQueue, MemoryQuotaCounter, MemoryStore};
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use crate::{
    catalogue::catalogue,
    chronicle::Chronicle,
    dice::Dice,
    history::History,
    invariant::{Invariant, Judgement, hold},
    mutation::{Cut, Mutation},
    plan::{FaultPlan, Side},
};

/// All that the replicas of a run share, and what decides about their fate.
pub(crate) struct World {
    pub(crate) dice: Dice,
    pub(crate) plan: FaultPlan,
    pub(crate) chronicle: Chronicle,
    pub(crate) truth: Arc<dyn Clock>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) counter: Arc<MemoryQuotaCounter>,
    pub(crate) queue: Arc<MemoryJobQueue>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) keys: Arc<SealingKeys>,
    /// Wakes relays.
    pub(crate) row_put: Notify,
    /// Wakes receives.
    pub(crate) message_sent: Notify,
    history: Mutex<History>,
    mutation: Option<Mutation>,
    outages: Mutex<[Option<Instant>; 3]>,
    healed: AtomicBool,
    calls: AtomicU64,
    ticks: AtomicI64,
}

/// The true time: that of the store, and of the queues.
pub(crate) struct TrueClock(Instant);

impl Clock for TrueClock {
    fn now(&self) -> DateTime<Utc> {
        // Seven minutes before the day turns.
        let begin: DateTime<Utc> = "2026-11-23T03:00:00Z".parse().expect("a time");
        begin + TimeDelta::from_std(self.0.elapsed()).unwrap_or_default()
    }
}

impl TrueClock {
    pub(crate) fn begin() -> Arc<Self> {
        Arc::new(Self(Instant::now()))
    }
}

impl World {
    pub(crate) fn new(seed: u64, mutation: Option<Mutation>, in_words: bool) -> Arc<Self> {
        let dice = Dice::new(seed);
        let plan = FaultPlan::roll(&dice);
        let clock = TrueClock::begin();
        let mut store = MemoryStore::new(clock.clone());
        if let Some(mechanism) = mutation.and_then(Mutation::of_the_store) {
            store = store.without(mechanism);
        }
        let catalogue = catalogue(plan.room, false);
        let key = format!("simulated:{}=", "AAEC".repeat(11).split_at(43).0);
        let key = SealingKey::parse(&key.into()).expect("a key");
        Arc::new(Self {
            dice,
            plan,
            chronicle: Chronicle::new(in_words),
            truth: clock.clone(),
            store: Arc::new(store),
            counter: Arc::default(),
            queue: Arc::new(MemoryJobQueue::new(clock, catalogue.queues())),
            catalogue,
            keys: Arc::new(SealingKeys::new(vec![key]).expect("keys")),
            row_put: Notify::new(),
            message_sent: Notify::new(),
            history: Mutex::default(),
            mutation,
            outages: Mutex::default(),
            healed: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            ticks: AtomicI64::new(0),
        })
    }

    /// Whether this mechanism is taken out.
    pub(crate) fn is_without(&self, cut: Cut) -> bool {
        self.mutation.is_some_and(|mutation| mutation.cut == cut)
    }

    /// From now on nothing fails.
    pub(crate) fn heal(&self) {
        self.healed.store(true, Relaxed);
        *self.outages.lock() = [None; 3];
    }

    pub(crate) fn is_healed(&self) -> bool {
        self.healed.load(Relaxed)
    }

    pub(crate) fn begin_outage(&self, side: Side, length: Duration) {
        self.outages.lock()[side as usize] = Some(Instant::now() + length);
    }

    pub(crate) fn is_away(&self, side: Side) -> bool {
        self.outages.lock()[side as usize].is_some_and(|until| Instant::now() < until)
    }

    /// The number of the next call of a person.
    pub(crate) fn next_call(&self) -> u64 {
        self.calls.fetch_add(1, Relaxed) + 1
    }

    /// Counts the readings of clocks.
    pub(crate) fn next_tick(&self) -> i64 {
        self.ticks.fetch_add(1, Relaxed)
    }

    /// Enters in the history what was seen, and judges.
    pub(crate) fn enter(&self, entry: impl FnOnce(&mut History) -> Judgement) {
        let judgement = entry(&mut self.history.lock());
        self.chronicle.judge(judgement);
    }

    /// Asks the history.
    pub(crate) fn ask<T>(&self, question: impl FnOnce(&History) -> T) -> T {
        question(&self.history.lock())
    }

    /// The record refused a seat.
    pub(crate) fn seat_refused(&self, what: impl FnOnce() -> String) {
        let judgement = hold(!self.plan.plain, Invariant::Cause, what);
        self.chronicle.judge(judgement);
    }
}
