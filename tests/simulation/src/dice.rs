use std::{ops::Range, time::Duration};

use parking_lot::Mutex;

/// All chance of a run, from its seed.
pub(crate) struct Dice(Mutex<fastrand::Rng>);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// A number below `end`.
    pub(crate) fn below(&self, end: u64) -> u64 {
        self.0.lock().u64(0..end.max(1))
    }

    /// Whether something of this chance, in ten thousandths, happens.
    pub(crate) fn happens(&self, chance: u32) -> bool {
        chance > 0 && self.0.lock().u32(0..10_000) < chance
    }

    /// One of these.
    pub(crate) fn pick<T: Copy>(&self, among: &[T]) -> T {
        let index = self.0.lock().usize(0..among.len());
        among[index]
    }

    /// A time in this range of milliseconds.
    pub(crate) fn millis(&self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.0.lock().u64(range))
    }

    /// A time in this range of seconds.
    pub(crate) fn seconds(&self, range: Range<u64>) -> Duration {
        self.millis(range.start * 1000..range.end * 1000)
    }

    /// A number of 128 bits.
    pub(crate) fn wide(&self) -> u128 {
        self.0.lock().u128(..)
    }
}
