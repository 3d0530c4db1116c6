#![doc = include_str!("../README.md")]

pub mod files;

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use lemon_domain::ports::{Clock, IdSource};
use uuid::{Builder, Uuid};

/// The machine's clock, in whole microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> DateTime<Utc> {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since_epoch.as_micros())
            .ok()
            .and_then(DateTime::from_timestamp_micros)
            .unwrap_or_default()
    }
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl IdSource for SystemIds {
    fn uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        Builder::from_random_bytes(bytes).into_uuid()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the id source")]
    fn fill(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            // Without randomness no id and no seal is safe, so the process must end.
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lemon_contracts::Subject;

    use super::*;

    mod clock {
        use super::*;

        async fn subject() -> Subject<dyn Clock> {
            Subject::new(Arc::new(SystemClock))
        }

        lemon_contracts::clock_suite!(subject);
    }

    mod ids {
        use super::*;

        async fn subject() -> Subject<dyn IdSource> {
            Subject::new(Arc::new(SystemIds))
        }

        lemon_contracts::id_source_suite!(subject);
    }

    /// `IdSource` 1 and 2: each bit is random, but for those of a UUID that say its version and variant. A fair bit is
    /// set in 350 to 650 of 1,000 answers: it is outside once in 10²⁰ runs.
    #[test]
    fn each_bit_of_an_answer_is_random() {
        let mut set = [0_u32; 24 * 8 + 122];
        for _ in 0..1_000 {
            let uuid = SystemIds.uuid().as_u128();
            let of_the_uuid = (0..128)
                .filter(|bit| !(62..64).contains(bit) && !(76..80).contains(bit))
                .map(|bit| uuid >> bit & 1 == 1);
            let mut bytes = [0; 24];
            SystemIds.fill(&mut bytes);
            let of_the_bytes = bytes
                .iter()
                .flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
            for (count, bit) in set.iter_mut().zip(of_the_uuid.chain(of_the_bytes)) {
                *count += u32::from(bit);
            }
        }
        assert!(
            set.iter().all(|count| (350..=650).contains(count)),
            "{set:?}"
        );
    }
}
