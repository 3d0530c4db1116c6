use chrono::{DateTime, Utc};
use lemon_domain::ports::{DeadLetter, Delivery};

/// A delivery as the fake and the queue gave it.
#[derive(Debug, Clone)]
pub(super) struct DeliveryPair {
    pub(super) fake: Delivery,
    pub(super) real: Delivery,
    pub(super) at: DateTime<Utc>,
    /// A later call may have ended it: an acknowledgement, another receive.
    pub(super) is_over: bool,
}

/// All deliveries so far.
#[derive(Debug, Default)]
pub(super) struct DeliveryPairs(Vec<DeliveryPair>);

impl DeliveryPairs {
    /// Adds the deliveries of one receive: a message is known by its body. Fails if they are not the same;
    /// those that were dead letters may be counted on.
    pub(super) fn add(
        &mut self,
        fake: Vec<Delivery>,
        mut real: Vec<Delivery>,
        at: DateTime<Utc>,
        again: &[DeadLetter],
    ) -> Result<(), String> {
        for fake in fake {
            let its = |it: &Delivery| it.body == fake.body;
            let Some(index) = real.iter().position(its) else {
                return Err(format!("{:?} is not received", fake.body));
            };
            let real = real.swap_remove(index);
            let is_new = again.iter().all(|letter| letter.body != fake.body);
            let told = |it: &Delivery| (is_new.then_some(it.attempt), it.trace.clone());
            if told(&fake) != told(&real) {
                let (fake, real) = (told(&fake), told(&real));
                return Err(format!(
                    "the delivery differs:\n  the fake  {fake:?}\n  the queue {real:?}"
                ));
            }
            for earlier in self.0.iter_mut().filter(|it| it.fake.body == fake.body) {
                earlier.is_over = true;
            }
            self.0.push(DeliveryPair {
                fake,
                real,
                at,
                is_over: false,
            });
        }
        real.first().map_or(Ok(()), |more| {
            Err(format!("{:?} is received, but should not be", more.body))
        })
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// The one with that number, from the latest backwards, modulo their number.
    pub(super) fn get_mut(&mut self, number: usize) -> Option<&mut DeliveryPair> {
        let count = self.0.len();
        let back = number.checked_rem(count)?;
        self.0.get_mut(count - 1 - back)
    }

    /// The same, to look at.
    pub(super) fn get(&self, number: usize) -> Option<&DeliveryPair> {
        let count = self.0.len();
        let back = number.checked_rem(count)?;
        self.0.get(count - 1 - back)
    }
}
