use std::ops::RangeInclusive;

use lemon_domain::{
    ports::RecordedSegment,
    values::{Place, Sums},
};

use super::{RedisQuotaCounter, answers};
use crate::{
    error::RedisFault,
    keys::{expiry, field},
};

/// The number of seats that one script corrects. Redis does nothing else meanwhile: it takes a millisecond for this
/// many, or a few if each of their holders has a place elsewhere.
const PART: u32 = 128;

impl RedisQuotaCounter {
    /// Corrects a segment, part by part, up to the last seat that the record or the counter has; other calls are served
    /// between two parts. `false` if the window is not in the state that the record names.
    pub(super) async fn restore_parts(&self, record: &RecordedSegment) -> Result<bool, RedisFault> {
        let (script, key) = (&self.scripts.restore, &record.key);
        let until = self.connections.deadline();
        let (mut others, mut sums) = (0, Sums::default());
        let recorded = record.places.iter().map(|place| place.seat).max();
        let mut last = *record.segment.seats().start();
        for seats in parts(record.segment.seats()) {
            if *seats.start() > last {
                break;
            }
            let answer = self.run_until(script, key, args(record, &seats), until);
            let Some(part) = answers::restored(&answer.await?)? else {
                return Ok(false);
            };
            others += part.others;
            sums = part.sums;
            last = part.last.max(recorded.unwrap_or_default());
        }
        // If the segment has exactly the record's places, its sums equal the record's, unless they were wrong before.
        if others > 0 || sums != Sums::of(&record.places) {
            let segment = vec![record.segment.index().to_string()];
            self.run_until(&self.scripts.recount, key, segment, until)
                .await?;
        }
        Ok(true)
    }
}

fn parts(seats: RangeInclusive<u32>) -> impl Iterator<Item = RangeInclusive<u32>> {
    let last = *seats.end();
    let firsts = seats.step_by(PART as usize);
    firsts.map(move |first| first..=first.saturating_add(PART - 1).min(last))
}

/// The arguments of the script that corrects these seats.
fn args(record: &RecordedSegment, seats: &RangeInclusive<u32>) -> Vec<String> {
    let recorded = record.places.iter();
    let places: Vec<&Place> = recorded.filter(|it| seats.contains(&it.seat)).collect();
    let sums = Sums::of(places.iter().copied());
    let restoration = record.restoration.map(|id| id.0.to_string());
    let mut args = vec![
        restoration.unwrap_or_default(),
        record.as_of.timestamp_micros().to_string(),
        expiry(&record.key).to_string(),
        record.segment.index().to_string(),
        seats.start().to_string(),
        seats.end().to_string(),
        sums.places.to_string(),
        sums.units.to_string(),
        sums.fingerprint.to_string(),
    ];
    for place in &places {
        let at = place.at.timestamp_micros();
        args.push(field(&place.holder));
        args.push(format!("{}:{}:{at}", place.seat, place.units));
    }
    for place in &places {
        args.push(place.seat.to_string());
        args.push(field(&place.holder));
    }
    args
}

#[cfg(test)]
mod tests {
    use lemon_domain::values::Segment;

    use super::*;

    #[test]
    fn the_parts_of_a_segment_are_its_seats_each_once() {
        for segment in [Segment::FIRST, Segment::new(7), Segment::of(u32::MAX)] {
            let seats: Vec<u32> = segment.seats().collect();
            assert!(parts(segment.seats()).all(|part| part.clone().count() <= PART as usize));
            assert!(parts(segment.seats()).flatten().eq(seats));
        }
    }
}
