use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{QuotaCounter, QuotaError, Reservation, ReserveOutcome, Taken},
    values::{Budget, BudgetKey, Holder, Place},
};

/// Places by seat.
type Seats = BTreeMap<u32, Place>;

/// A counter that can be made to forget.
#[derive(Debug, Default)]
pub struct MemoryQuotaCounter(Mutex<HashMap<BudgetKey, Seats>>);

impl MemoryQuotaCounter {
    /// Forgets one budget's window, as a counter that lost the key.
    pub fn forget(&self, key: &BudgetKey) {
        self.windows().remove(key);
    }

    /// Forgets everything, as a counter that lost its memory.
    pub fn forget_all(&self) {
        self.windows().clear();
    }

    fn windows(&self) -> MutexGuard<'_, HashMap<BudgetKey, Seats>> {
        self.0.lock().unwrap()
    }
}

#[async_trait]
impl QuotaCounter for MemoryQuotaCounter {
    async fn reserve(&self, reservation: &Reservation) -> Result<ReserveOutcome, QuotaError> {
        let mut windows = self.windows();
        for Budget { key, .. } in &reservation.budgets {
            if !windows.contains_key(key) {
                return Ok(ReserveOutcome::Unknown(key.clone()));
            }
        }
        for budget in &reservation.budgets {
            let seats = &windows[&budget.key];
            let held = seats.values().any(|p| p.holder == reservation.holder);
            if !held && used(seats) + budget.units > budget.limit {
                return Ok(ReserveOutcome::Exhausted(budget.key.clone()));
            }
        }
        let taken = reservation.budgets.iter().map(|budget| {
            let seats = windows.get_mut(&budget.key).expect("it was there");
            take(seats, reservation, budget)
        });
        Ok(ReserveOutcome::Reserved(taken.collect()))
    }

    async fn release(&self, holder: Holder, keys: &[BudgetKey]) -> Result<(), QuotaError> {
        let mut windows = self.windows();
        for key in keys {
            if let Some(seats) = windows.get_mut(key) {
                seats.retain(|_, place| place.holder != holder);
            }
        }
        Ok(())
    }

    async fn usage(&self, keys: &[BudgetKey]) -> Result<Vec<Option<u32>>, QuotaError> {
        let windows = self.windows();
        Ok(keys.iter().map(|key| windows.get(key).map(used)).collect())
    }

    async fn restore(
        &self,
        key: &BudgetKey,
        record: &[Place],
        as_of: DateTime<Utc>,
    ) -> Result<(), QuotaError> {
        let mut windows = self.windows();
        let seats = windows.entry(key.clone()).or_default();
        seats.retain(|_, place| {
            place.at >= as_of && record.iter().all(|kept| kept.holder != place.holder)
        });
        seats.extend(record.iter().map(|place| (place.seat, place.clone())));
        Ok(())
    }
}

fn used(seats: &Seats) -> u32 {
    seats.values().map(|place| place.units).sum()
}

/// The holder's place, or the lowest free seat.
fn take(seats: &mut Seats, reservation: &Reservation, budget: &Budget) -> Taken {
    let held = seats
        .values()
        .find(|place| place.holder == reservation.holder);
    let mut place = held.cloned().unwrap_or_else(|| Place {
        holder: reservation.holder,
        seat: lowest_free(seats),
        units: budget.units,
        at: reservation.at,
    });
    place.at = place.at.max(reservation.at);
    seats.insert(place.seat, place.clone());
    Taken {
        key: budget.key.clone(),
        seat: place.seat,
        units: place.units,
        used: used(seats),
    }
}

fn lowest_free(seats: &Seats) -> u32 {
    let free = (1..=u32::MAX).find(|seat| !seats.contains_key(seat));
    free.expect("a seat")
}
