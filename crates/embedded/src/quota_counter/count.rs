use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::RecordedSegment,
    values::{Budget, BudgetState, Holder, Place, Segment, SegmentSums, Sums},
};

/// The places of one budget in one window: no seat twice, no holder twice.
#[derive(Debug)]
pub(super) struct Count {
    seats: BTreeMap<u32, Place>,
    holders: HashMap<Holder, u32>,
    sums: BTreeMap<Segment, Sums>,
    used: u64,
    lowest_free: u32,
}

impl Count {
    /// Without places.
    pub(super) fn new() -> Self {
        Self {
            seats: BTreeMap::new(),
            holders: HashMap::new(),
            sums: BTreeMap::new(),
            used: 0,
            lowest_free: 1,
        }
    }

    /// Units taken.
    pub(super) fn used(&self) -> u32 {
        u32::try_from(self.used).unwrap_or(u32::MAX)
    }

    /// How much of the budget is taken.
    pub(super) fn state(&self, budget: &Budget) -> BudgetState {
        BudgetState {
            key: budget.key.clone(),
            limit: budget.limit,
            used: self.used(),
        }
    }

    /// The sums of each segment.
    pub(super) fn sums(&self) -> SegmentSums {
        let sums = self.sums.iter();
        sums.map(|(segment, sums)| (*segment, Some(*sums)))
            .collect()
    }

    /// Whether the holder has a place.
    pub(super) fn has(&self, holder: &Holder) -> bool {
        self.holders.contains_key(holder)
    }

    /// Whether the holder has a place, or would get one.
    pub(super) fn admits(&self, holder: &Holder, budget: &Budget) -> bool {
        self.has(holder) || self.used + u64::from(budget.units) <= u64::from(budget.limit)
    }

    /// The holder's place, or else the lowest free one, with the time of the call.
    pub(super) fn take(&mut self, holder: &Holder, units: u32, at: DateTime<Utc>) -> Place {
        let held = self.holders.get(holder);
        if let Some(place) = held.and_then(|seat| self.seats.get_mut(seat)) {
            place.at = place.at.max(at);
            return place.clone();
        }
        let place = Place {
            holder: holder.clone(),
            seat: self.lowest_free,
            units,
            at,
        };
        self.put(place.clone());
        place
    }

    /// Puts a place on its seat. Removes the places that have its holder or seat.
    pub(super) fn put(&mut self, place: Place) {
        self.remove(&place.holder);
        let seated = self.seats.get(&place.seat);
        if let Some(other) = seated.map(|other| other.holder.clone()) {
            self.remove(&other);
        }
        self.used += u64::from(place.units);
        let sums = self.sums.entry(Segment::of(place.seat)).or_default();
        sums.add(&place);
        self.holders.insert(place.holder.clone(), place.seat);
        self.seats.insert(place.seat, place);
        while self.seats.contains_key(&self.lowest_free) {
            self.lowest_free += 1;
        }
    }

    /// Whether the holder has no place that was asked for after that instant.
    pub(super) fn asked_until(&self, holder: &Holder, as_of: DateTime<Utc>) -> bool {
        let seat = self.holders.get(holder);
        let place = seat.and_then(|seat| self.seats.get(seat));
        place.is_none_or(|place| place.at <= as_of)
    }

    /// Removes the holder's place, if there is one.
    pub(super) fn remove(&mut self, holder: &Holder) {
        let place = self.holders.remove(holder);
        if let Some(place) = place.and_then(|seat| self.seats.remove(&seat)) {
            self.used -= u64::from(place.units);
            let segment = Segment::of(place.seat);
            if let Some(sums) = self.sums.get_mut(&segment) {
                sums.remove(&place);
                if sums.places == 0 {
                    self.sums.remove(&segment);
                }
            }
            self.lowest_free = self.lowest_free.min(place.seat);
        }
    }

    /// Makes a segment equal to the record; recent places stay unless they conflict with it. Answers the changes.
    pub(super) fn restore(&mut self, record: &RecordedSegment) -> RestoredPlaces {
        let recorded: HashSet<&Holder> = record.places.iter().map(|it| &it.holder).collect();
        let counted = self.seats.range(record.segment.seats());
        let old = counted
            .map(|(_, place)| place)
            .filter(|place| place.at < record.as_of && !recorded.contains(&place.holder));
        let mut removed: Vec<Holder> = old.map(|place| place.holder.clone()).collect();
        for holder in &removed {
            self.remove(holder);
        }
        let mut put = Vec::new();
        for place in &record.places {
            let there = self.seats.get(&place.seat);
            let same = |it: &Place| it.holder == place.holder && it.units == place.units;
            if there.is_some_and(same) {
                continue;
            }
            removed.extend(there.map(|other| other.holder.clone()));
            self.put(place.clone());
            put.push(place.clone());
        }
        RestoredPlaces { removed, put }
    }
}

/// The changes of a restoration: first these places are removed, then those are put, and replace other places of their
/// holders.
#[derive(Debug)]
pub(super) struct RestoredPlaces {
    pub(super) removed: Vec<Holder>,
    pub(super) put: Vec<Place>,
}
