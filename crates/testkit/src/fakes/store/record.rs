use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{Housekeeping, PlaceRecord, Purged, StoreError},
    values::{BudgetKey, Place},
};

use super::{MemoryStore, Recorded};

impl Recorded {
    fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.taken.key.window.end <= now && self.cooldown_until <= now
    }
}

#[async_trait]
impl PlaceRecord for MemoryStore {
    async fn places(&self, key: &BudgetKey) -> Result<Vec<Place>, StoreError> {
        let state = self.state().await;
        let mut places: Vec<Place> = state
            .places
            .iter()
            .filter(|place| place.taken.key == *key)
            .map(|place| Place {
                holder: place.holder,
                seat: place.taken.seat,
                units: place.taken.units,
                at: place.at,
            })
            .collect();
        places.sort_unstable_by_key(|place| place.seat);
        Ok(places)
    }
}

#[async_trait]
impl Housekeeping for MemoryStore {
    async fn purge(&self, now: DateTime<Utc>) -> Result<Purged, StoreError> {
        let mut state = self.state().await;
        let state = &mut *state;
        let before = (state.pending.len(), state.uses.len(), state.places.len());
        state.pending.retain(|_, pending| now < pending.expires_at);
        state.places.retain(|place| !place.is_over(now));
        let places = &state.places;
        state.uses.retain(|(user, service), last| {
            let has_place = places
                .iter()
                .any(|place| place.holder.user == *user && place.taken.key.service == *service);
            has_place || now < last.cooldown_until
        });
        let mut attempts = 0;
        for theirs in state.attempts.values_mut() {
            let forgotten = theirs.extract_if(.., |known| known.attempt.remembered_until <= now);
            attempts += u64::try_from(forgotten.count()).unwrap();
        }
        let gone = |before: usize, after: usize| u64::try_from(before - after).unwrap();
        Ok(Purged {
            pending_sign_ins: gone(before.0, state.pending.len()),
            uses: gone(before.1, state.uses.len()),
            places: gone(before.2, state.places.len()),
            attempts,
        })
    }
}
