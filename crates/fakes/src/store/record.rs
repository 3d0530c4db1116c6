use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        Expiring, Housekeeping, PURGE_PORTION, PURGE_SLACK, PlaceRecord, Purged, RecordSums,
        StoreError,
    },
    values::{BudgetKey, Place, Segment, ServiceType, Sums, UserId},
};

use super::{Mechanism, MemoryStore, Recorded, StoreState};

impl Recorded {
    fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.place.key.window.end <= now && self.cooldown_until <= now
    }
}

/// Segments that one portion of the sums covers.
const PORTION: u32 = 2;

impl StoreState {
    /// The recorded places of a window, by seat.
    fn places(&self, key: &BudgetKey) -> Vec<Place> {
        let recorded = self.places.iter().filter(|it| it.place.key == *key);
        let mut places: Vec<Place> = recorded
            .map(|it| Place {
                holder: it.holder.clone(),
                seat: it.place.seat,
                units: it.place.units,
                at: it.at,
            })
            .collect();
        places.sort_unstable_by_key(|place| place.seat);
        places
    }
}

#[async_trait]
impl PlaceRecord for MemoryStore {
    async fn sums(&self, key: &BudgetKey, from: Segment) -> Result<RecordSums, StoreError> {
        let places = self.state().await.places(key);
        let mut segments: BTreeMap<Segment, Vec<Place>> = BTreeMap::new();
        for place in places {
            let segment = Segment::of(place.seat);
            segments.entry(segment).or_default().push(place);
        }
        segments.retain(|segment, _| *segment >= from);
        let mut portion = RecordSums::default();
        let Some(first) = segments.keys().next().copied() else {
            return Ok(portion);
        };
        let end = first.plus(PORTION);
        portion.next = segments.keys().any(|it| *it >= end).then_some(end);
        segments.retain(|segment, _| *segment < end);
        portion.units = segments.values().flatten().map(units).sum();
        portion.segments = segments
            .into_iter()
            .map(|(segment, places)| (segment, Some(Sums::of(&places))))
            .collect();
        Ok(portion)
    }

    async fn segment(&self, key: &BudgetKey, segment: Segment) -> Result<Vec<Place>, StoreError> {
        let mut places = self.state().await.places(key);
        places.retain(|place| segment.seats().contains(&place.seat));
        Ok(places)
    }

    /// Added up on each call, and so never wrong.
    async fn total(&self, key: &BudgetKey) -> Result<u64, StoreError> {
        Ok(self.state().await.places(key).iter().map(units).sum())
    }

    async fn correct_total(&self, _: &BudgetKey) -> Result<bool, StoreError> {
        Ok(false)
    }
}

fn units(place: &Place) -> u64 {
    place.units.into()
}

#[async_trait]
impl Housekeeping for MemoryStore {
    async fn purge(&self, what: Expiring, now: DateTime<Utc>) -> Result<Purged, StoreError> {
        let theirs = self.clock.now();
        let mut state = self.state().await;
        let both = state.has(Mechanism::TwoClocksOfPurge);
        let now = if both { now.min(theirs) } else { now };
        let late = state.has(Mechanism::PurgeSlack);
        let by = if late { now - PURGE_SLACK } else { now };
        let rows = state.remove(what, by, PURGE_PORTION as usize);
        Ok(Purged {
            rows: u64::try_from(rows).unwrap(),
            more: rows == PURGE_PORTION as usize,
        })
    }

    async fn time(&self) -> Result<DateTime<Utc>, StoreError> {
        Ok(self.clock.now())
    }
}

impl StoreState {
    /// Removes at most `max` of the rows that had expired at an instant; answers how many.
    fn remove(&mut self, what: Expiring, by: DateTime<Utc>, max: usize) -> usize {
        match what {
            Expiring::PendingSignIns => {
                let gone = self.sign_ins.extract_if(|_, it| it.expires_at() <= by);
                gone.take(max).count()
            }
            Expiring::Places => {
                let gone = self.places.extract_if(.., |place| place.is_over(by));
                gone.take(max).count()
            }
            Expiring::Uses => {
                let places = &self.places;
                let is_over = |(user, service): &(UserId, ServiceType)| {
                    let mut theirs = places
                        .iter()
                        .filter(|it| it.turn.user == *user && it.service == *service);
                    theirs.all(|place| place.is_over(by))
                };
                let expired = self.uses.iter().filter(|(whose, last)| {
                    last.cooldown_until <= by && !self.imported.contains(*whose)
                });
                let gone = expired.map(|(whose, _)| whose.clone()).filter(is_over);
                let gone: Vec<_> = gone.take(max).collect();
                self.uses.retain(|whose, _| !gone.contains(whose));
                gone.len()
            }
            Expiring::Attempts => {
                let known = self.attempts.values_mut();
                let gone = known.flat_map(|theirs| {
                    theirs.extract_if(.., |known| known.attempt.remembered_until <= by)
                });
                gone.take(max).count()
            }
            // Added up on each call.
            Expiring::BudgetTotals => 0,
            Expiring::Revocations => {
                let expired = self.revocations.iter();
                let expired = expired.filter(|(_, it)| it.expires_at <= by);
                let gone: Vec<_> = expired.map(|(number, _)| *number).take(max).collect();
                for number in &gone {
                    self.revocations.remove(number);
                }
                gone.len()
            }
            Expiring::JobTickets => {
                let gone = self.tickets.extract_if(|_, it| it.is_over(by));
                gone.take(max).count()
            }
        }
    }
}
