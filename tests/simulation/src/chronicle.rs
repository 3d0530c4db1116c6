use std::fmt::Write;

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use crate::invariant::Violation;

/// What happened in a run: as a digest, and in words if somebody reads them.
pub(crate) struct Chronicle {
    begun: Instant,
    told: Mutex<Told>,
    ended: Notify,
}

struct Told {
    digest: u64,
    events: u64,
    words: Option<String>,
    violation: Option<Violation>,
}

impl Chronicle {
    pub(crate) fn new(in_words: bool) -> Self {
        Self {
            begun: Instant::now(),
            told: Mutex::new(Told {
                digest: 0xcbf2_9ce4_8422_2325,
                events: 0,
                words: in_words.then(String::new),
                violation: None,
            }),
            ended: Notify::new(),
        }
    }

    /// The time since the run began.
    pub(crate) fn elapsed(&self) -> std::time::Duration {
        self.begun.elapsed()
    }

    /// Notes an event; `number` and `who` tell it from others of its name.
    pub(crate) fn note(&self, who: &str, what: &str, number: u64, words: impl FnOnce() -> String) {
        let at = self.begun.elapsed();
        let mut told = self.told.lock();
        told.events += 1;
        let at_millis = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        told.mix(&at_millis.to_le_bytes());
        told.mix(who.as_bytes());
        told.mix(what.as_bytes());
        told.mix(&number.to_le_bytes());
        if let Some(text) = &mut told.words {
            let words = words();
            let seconds = at.as_secs_f64();
            let _infallible = writeln!(text, "{seconds:>9.3} s  {who:<12} {what}{words}");
        }
    }

    /// Ends the run if an invariant did not hold.
    pub(crate) fn judge(&self, judgement: Result<(), Violation>) {
        let Err(violation) = judgement else { return };
        let mut told = self.told.lock();
        if told.violation.is_none() {
            told.violation = Some(violation);
            self.ended.notify_one();
        }
    }

    /// Waits for a violation.
    pub(crate) async fn broken(&self) {
        self.ended.notified().await;
    }

    pub(crate) fn violation(&self) -> Option<Violation> {
        self.told.lock().violation.clone()
    }

    pub(crate) fn digest(&self) -> u64 {
        self.told.lock().digest
    }

    pub(crate) fn events(&self) -> u64 {
        self.told.lock().events
    }

    pub(crate) fn words(&self) -> String {
        self.told.lock().words.take().unwrap_or_default()
    }
}

impl Told {
    /// FNV-1a.
    fn mix(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.digest = (self.digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
