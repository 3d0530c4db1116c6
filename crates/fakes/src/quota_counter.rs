use std::collections::{BTreeMap, HashMap, HashSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        QuotaCounter, QuotaError, RecordedSegment, Reservation, ReserveOutcome, RestorationId,
        Taken, WindowState, WindowSums,
    },
    values::{Budget, BudgetKey, BudgetState, Holder, Place, Segment, Sums},
};
use parking_lot::{Mutex, MutexGuard};

/// Places by seat.
type Seats = BTreeMap<u32, Place>;

/// A counter that a test can make forget.
#[derive(Debug, Default)]
pub struct MemoryQuotaCounter(Mutex<Windows>);

#[derive(Debug, Default)]
struct Windows {
    known: HashMap<BudgetKey, CountedWindow>,
    restorations: u64,
}

#[derive(Debug, Default)]
struct CountedWindow {
    seats: Seats,
    restoration: Option<RestorationId>,
}

impl MemoryQuotaCounter {
    /// Forgets one budget's window, like a counter that lost the key.
    pub fn forget(&self, key: &BudgetKey) {
        self.windows().known.remove(key);
    }

    /// Forgets everything, like a counter that lost its memory.
    pub fn forget_all(&self) {
        self.windows().known.clear();
    }

    fn windows(&self) -> MutexGuard<'_, Windows> {
        self.0.lock()
    }
}

impl Windows {
    fn open(&self, key: &BudgetKey) -> Option<&Seats> {
        let window = self.known.get(key)?;
        window.restoration.is_none().then_some(&window.seats)
    }

    /// The window, if it is in the given restoration; without one, the window if it is open.
    fn in_restoration(
        &mut self,
        key: &BudgetKey,
        restoration: Option<RestorationId>,
    ) -> Option<&mut CountedWindow> {
        let window = self.known.get_mut(key)?;
        (window.restoration == restoration).then_some(window)
    }

    fn reserve(&mut self, wish: &Reservation) -> ReserveOutcome {
        for Budget { key, .. } in &wish.budgets {
            if self.open(key).is_none() {
                return ReserveOutcome::Unknown(key.clone());
            }
        }
        let held: Vec<BudgetKey> = wish
            .budgets
            .iter()
            .map(|budget| &budget.key)
            .filter(|key| place_of(&self.known[*key].seats, &wish.holder).is_some())
            .cloned()
            .collect();
        let full = wish.budgets.iter().find(|budget| {
            let used = used(&self.known[&budget.key].seats);
            !held.contains(&budget.key) && used + budget.units > budget.limit
        });
        if let Some(full) = full {
            let state = state(&self.known[&full.key].seats, full);
            return ReserveOutcome::Exhausted { state, held };
        }
        let taken = wish.budgets.iter().map(|budget| {
            let window = self.known.get_mut(&budget.key).expect("it was there");
            take(&mut window.seats, wish, budget)
        });
        ReserveOutcome::Reserved(taken.collect())
    }
}

#[async_trait]
impl QuotaCounter for MemoryQuotaCounter {
    async fn reserve(&self, reservation: &Reservation) -> Result<ReserveOutcome, QuotaError> {
        Ok(self.windows().reserve(reservation))
    }

    async fn release(
        &self,
        holder: &Holder,
        keys: &[BudgetKey],
        as_of: DateTime<Utc>,
    ) -> Result<(), QuotaError> {
        let mut windows = self.windows();
        for key in keys {
            if let Some(window) = windows.known.get_mut(key) {
                window
                    .seats
                    .retain(|_, place| place.holder != *holder || place.at > as_of);
            }
        }
        Ok(())
    }

    async fn usage(&self, keys: &[BudgetKey]) -> Result<Vec<Option<u32>>, QuotaError> {
        let windows = self.windows();
        Ok(keys.iter().map(|key| windows.open(key).map(used)).collect())
    }

    async fn sums(&self, key: &BudgetKey) -> Result<WindowSums, QuotaError> {
        let windows = self.windows();
        let Some(window) = windows.known.get(key) else {
            return Ok(WindowSums {
                state: WindowState::Unknown,
                segments: BTreeMap::new(),
            });
        };
        let mut segments = BTreeMap::new();
        for place in window.seats.values() {
            let sums = segments.entry(Segment::of(place.seat));
            let sums: &mut Option<Sums> = sums.or_insert_with(|| Some(Sums::default()));
            sums.as_mut().expect("it is known").add(place);
        }
        Ok(WindowSums {
            state: window
                .restoration
                .map_or(WindowState::Open, WindowState::Restoring),
            segments,
        })
    }

    async fn begin_restoration(
        &self,
        key: &BudgetKey,
    ) -> Result<Option<RestorationId>, QuotaError> {
        let mut windows = self.windows();
        if let Some(window) = windows.known.get(key) {
            return Ok(window.restoration);
        }
        windows.restorations += 1;
        let window = CountedWindow {
            restoration: Some(RestorationId(windows.restorations)),
            ..CountedWindow::default()
        };
        let restoration = window.restoration;
        windows.known.insert(key.clone(), window);
        Ok(restoration)
    }

    async fn restore(&self, record: &RecordedSegment) -> Result<bool, QuotaError> {
        let mut windows = self.windows();
        let Some(window) = windows.in_restoration(&record.key, record.restoration) else {
            return Ok(false);
        };
        let holders: HashSet<&Holder> = record.places.iter().map(|place| &place.holder).collect();
        window.seats.retain(|seat, place| {
            let stays = Segment::of(*seat) != record.segment || place.at >= record.as_of;
            stays && !holders.contains(&place.holder)
        });
        let recorded = record
            .places
            .iter()
            .map(|place| (place.seat, place.clone()));
        window.seats.extend(recorded);
        Ok(true)
    }

    async fn open(&self, key: &BudgetKey, restoration: RestorationId) -> Result<bool, QuotaError> {
        let mut windows = self.windows();
        let window = windows.in_restoration(key, Some(restoration));
        Ok(window.is_some_and(|window| window.restoration.take().is_some()))
    }
}

fn used(seats: &Seats) -> u32 {
    seats.values().map(|place| place.units).sum()
}

fn state(seats: &Seats, budget: &Budget) -> BudgetState {
    BudgetState {
        key: budget.key.clone(),
        limit: budget.limit,
        used: used(seats),
    }
}

fn place_of<'a>(seats: &'a Seats, holder: &Holder) -> Option<&'a Place> {
    seats.values().find(|place| place.holder == *holder)
}

/// The holder's place, or a new one on the lowest free seat.
fn take(seats: &mut Seats, reservation: &Reservation, budget: &Budget) -> Taken {
    let held = place_of(seats, &reservation.holder);
    let mut place = held.cloned().unwrap_or_else(|| Place {
        holder: reservation.holder.clone(),
        seat: lowest_free(seats),
        units: budget.units,
        at: reservation.at,
    });
    place.at = place.at.max(reservation.at);
    seats.insert(place.seat, place.clone());
    Taken {
        seat: place.seat,
        units: place.units,
        state: state(seats, budget),
    }
}

fn lowest_free(seats: &Seats) -> u32 {
    let free = (1..=u32::MAX).find(|seat| !seats.contains_key(seat));
    free.expect("a seat")
}
