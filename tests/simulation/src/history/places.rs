use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{NewRegistration, ReserveOutcome},
    values::{BudgetKey, Holder, Place, ServiceType, UserId},
};
use uuid::Uuid;

use super::{History, Kept};
use crate::invariant::{Invariant, Judgement, hold};

/// A window's owner, budget and start.
pub(crate) type WindowName = (String, String, DateTime<Utc>);

/// The name of a window.
pub(crate) fn name_of(key: &BudgetKey) -> WindowName {
    let scope = key.scope.as_str().to_owned();
    (scope, key.budget.as_str().to_owned(), key.window.start)
}

impl History {
    /// The counter answered a reservation.
    pub(crate) fn gave(&mut self, holder: &Holder, outcome: &ReserveOutcome) {
        let ReserveOutcome::Reserved(taken) = outcome else {
            return;
        };
        for taken in taken {
            let place = (holder.clone(), name_of(&taken.state.key));
            let given = self.given.entry(place).or_default();
            given.insert((taken.seat, taken.units));
        }
    }

    /// Records the places of a request.
    pub(super) fn record(&mut self, new: &NewRegistration) -> Judgement {
        let (holder, request) = (new.holder(), new.request_id.get());
        for place in &new.places {
            let window = name_of(&place.key);
            let (seat, units) = (place.seat, place.units);
            let given = self.given.get(&(holder.clone(), window.clone()));
            let known = given.is_some_and(|given| given.contains(&(seat, units)));
            hold(known, Invariant::AsReserved, || {
                format!(
                    "seat {seat} with {units} units of {window:?} is recorded for {holder}, but the counter gave {given:?}"
                )
            })?;
            let kept = self.places.entry(window.clone()).or_default();
            let taken: u32 = kept.values().map(|it| it.units).sum();
            let fits = taken + units <= place.limit && (seat <= place.limit);
            hold(fits, Invariant::Limit, || {
                format!(
                    "{taken} of {} units of {window:?} are recorded, and {units} more",
                    place.limit
                )
            })?;
            let new = Kept {
                holder: holder.clone(),
                units,
                request,
            };
            let before = kept.insert(seat, new);
            hold(before.is_none(), Invariant::Limit, || {
                format!("seat {seat} of {window:?} is recorded for {holder} and {before:?}")
            })?;
        }
        Ok(())
    }

    /// A training failed: its places of these windows are given back.
    pub(super) fn give_back(&mut self, request: Uuid, running: &[BudgetKey]) {
        for key in running {
            if let Some(kept) = self.places.get_mut(&name_of(key)) {
                kept.retain(|_, it| it.request != request);
            }
        }
    }

    /// Compares the record of a window with what was stored. In a run no place expires.
    pub(crate) fn compare(
        &self,
        key: &BudgetKey,
        recorded: &[Place],
        invariant: Invariant,
    ) -> Judgement {
        let window = name_of(key);
        let known: Vec<_> = self.places.get(&window).into_iter().flatten().collect();
        let known: Vec<_> = known
            .iter()
            .map(|(seat, kept)| (**seat, &kept.holder, kept.units))
            .collect();
        let found: Vec<_> = recorded
            .iter()
            .map(|place| (place.seat, &place.holder, place.units))
            .collect();
        hold(known == found, invariant, || {
            format!("of {window:?} {known:?} was recorded, and the record has {found:?}")
        })
    }

    /// The units that are recorded of a window.
    pub(crate) fn units(&self, key: &BudgetKey) -> u32 {
        let kept = self.places.get(&name_of(key)).into_iter().flatten();
        kept.map(|(_, it)| it.units).sum()
    }

    /// The people who have used a service, with it and their latest turn.
    pub(crate) fn used(&self) -> Vec<((UserId, ServiceType), u32)> {
        let uses = self.uses.iter();
        uses.map(|(owner, latest)| (owner.clone(), latest.turn))
            .collect()
    }
}
