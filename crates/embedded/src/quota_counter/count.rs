use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use lemon_domain::values::{Budget, Holder, Place};

/// The places of one budget in one window: no seat twice, no holder twice.
#[derive(Debug)]
pub(super) struct Count {
    seats: BTreeMap<u32, Place>,
    holders: HashMap<Holder, u32>,
    used: u64,
    lowest_free: u32,
}

impl Count {
    /// Nobody's.
    pub(super) fn new() -> Self {
        Self {
            seats: BTreeMap::new(),
            holders: HashMap::new(),
            used: 0,
            lowest_free: 1,
        }
    }

    /// Units taken.
    pub(super) fn used(&self) -> u32 {
        u32::try_from(self.used).unwrap_or(u32::MAX)
    }

    /// Every place, by seat.
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        self.seats.values()
    }

    /// Whether the holder has a place, or would be given one.
    pub(super) fn admits(&self, holder: Holder, budget: &Budget) -> bool {
        self.holders.contains_key(&holder)
            || self.used + u64::from(budget.units) <= u64::from(budget.limit)
    }

    /// The holder's place, or else the lowest free one, asked for at that time.
    pub(super) fn take(&mut self, holder: Holder, units: u32, at: DateTime<Utc>) -> Place {
        let held = self.holders.get(&holder);
        if let Some(place) = held.and_then(|seat| self.seats.get_mut(seat)) {
            place.at = place.at.max(at);
            return place.clone();
        }
        let place = Place {
            holder,
            seat: self.lowest_free,
            units,
            at,
        };
        self.put(place.clone());
        place
    }

    /// Puts a place where it belongs, in the stead of whatever has its holder or seat.
    pub(super) fn put(&mut self, place: Place) {
        self.remove(place.holder);
        if let Some(other) = self.seats.get(&place.seat).map(|other| other.holder) {
            self.remove(other);
        }
        self.used += u64::from(place.units);
        self.holders.insert(place.holder, place.seat);
        self.seats.insert(place.seat, place);
        while self.seats.contains_key(&self.lowest_free) {
            self.lowest_free += 1;
        }
    }

    /// Takes the holder's place away, if there is one.
    pub(super) fn remove(&mut self, holder: Holder) {
        let place = self.holders.remove(&holder);
        if let Some(place) = place.and_then(|seat| self.seats.remove(&seat)) {
            self.used -= u64::from(place.units);
            self.lowest_free = self.lowest_free.min(place.seat);
        }
    }

    /// The record's places, and of the others the young ones that are not in its way.
    pub(super) fn restored(&self, record: &[Place], as_of: DateTime<Utc>) -> Self {
        let mut restored = Self::new();
        let young = self.places().filter(|place| place.at >= as_of);
        for place in young.chain(record) {
            restored.put(place.clone());
        }
        restored
    }
}
