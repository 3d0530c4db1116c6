use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// How long a part that did not answer is left alone before one call tries it again.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether a part is silent, so that calls that can do without it need not wait for it.
#[derive(Debug)]
pub(crate) struct Silence {
    start: Instant,
    /// When the next call may try the part, in milliseconds since the start; 0 while it answers.
    next: AtomicU64,
}

impl Default for Silence {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            next: AtomicU64::new(0),
        }
    }
}

impl Silence {
    /// Tells whether this call may ask the part: always while it answers, and else one call at a time, after a pause.
    pub(crate) fn may_ask(&self) -> bool {
        let next = self.next.load(Ordering::Relaxed);
        next == 0 || (next <= self.elapsed() && self.postpone(next))
    }

    /// Notes an answer; tells whether the part was silent before.
    pub(crate) fn is_broken(&self) -> bool {
        self.next.load(Ordering::Relaxed) != 0 && self.next.swap(0, Ordering::Relaxed) != 0
    }

    /// Notes that there was no answer; tells whether the part answered before.
    pub(crate) fn begins(&self) -> bool {
        let pause = self.after_pause();
        self.next.swap(pause, Ordering::Relaxed) == 0
    }

    fn postpone(&self, from: u64) -> bool {
        let pause = self.after_pause();
        self.next
            .compare_exchange(from, pause, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    fn after_pause(&self) -> u64 {
        self.elapsed() + u64::try_from(PAUSE.as_millis()).unwrap_or(u64::MAX)
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_part_is_tried_by_one_call_after_a_pause() {
        let mut silence = Silence::default();
        assert!(silence.may_ask() && silence.may_ask());
        assert!(silence.begins() && !silence.begins());
        assert!(!silence.may_ask());
        silence.start -= PAUSE * 2;
        assert!(silence.may_ask());
        assert!(!silence.may_ask());
        assert!(silence.is_broken() && !silence.is_broken());
        assert!(silence.may_ask() && silence.may_ask());
    }
}
