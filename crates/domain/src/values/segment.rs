use std::{collections::BTreeMap, ops::RangeInclusive};

use sha1::{Digest, Sha1};

use super::{Holder, Place};

/// A range of 1,024 seats of a window, numbered from 0: the unit in which a counter and its record are compared and
/// restored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Segment(u32);

impl Segment {
    /// How many seats a segment has.
    pub const SEATS: u32 = 1024;
    /// The segment of seat 1.
    pub const FIRST: Self = Self(0);

    /// The segment with that number.
    #[must_use]
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The segment of a seat.
    #[must_use]
    pub const fn of(seat: u32) -> Self {
        Self(seat.saturating_sub(1) / Self::SEATS)
    }

    /// Its number.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0
    }

    /// Its seats.
    #[must_use]
    pub const fn seats(self) -> RangeInclusive<u32> {
        let before = self.0.saturating_mul(Self::SEATS);
        before.saturating_add(1)..=before.saturating_add(Self::SEATS)
    }

    /// The segment that is so many further on.
    #[must_use]
    pub const fn plus(self, segments: u32) -> Self {
        Self(self.0.saturating_add(segments))
    }
}

/// The sums of the places of a segment. The sums of two segments are equal exactly if they have the same places: the
/// same holders on the same seats with the same units. The time of a reservation does not matter, nor does the order of
/// places.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// How many places there are.
    pub places: u64,
    /// How many units they take.
    pub units: u64,
    /// The sum of the places' [`fingerprint`]s, modulo 2^48.
    pub fingerprint: u64,
}

impl Sums {
    /// The sum of all fingerprints is below this.
    pub const MODULUS: u64 = 1 << 48;

    /// The sums of these places.
    pub fn of<'a>(places: impl IntoIterator<Item = &'a Place>) -> Self {
        let mut sums = Self::default();
        for place in places {
            sums.add(place);
        }
        sums
    }

    /// Adds a place.
    pub fn add(&mut self, place: &Place) {
        let print = fingerprint(&place.holder, place.seat, place.units);
        self.places += 1;
        self.units += u64::from(place.units);
        self.fingerprint = (self.fingerprint + print) % Self::MODULUS;
    }

    /// Removes one of the places.
    pub fn remove(&mut self, place: &Place) {
        let print = fingerprint(&place.holder, place.seat, place.units);
        self.places = self.places.saturating_sub(1);
        self.units = self.units.saturating_sub(u64::from(place.units));
        self.fingerprint = (self.fingerprint + Self::MODULUS - print) % Self::MODULUS;
    }
}

/// The sums of segments; `None` for a segment whose sums are not known. A segment without places may be left out.
pub type SegmentSums = BTreeMap<Segment, Option<Sums>>;

/// The first 48 bits of the SHA-1 of `holder:seat:units`, with decimal numbers. It distinguishes places; it is no
/// protection.
///
/// Numbers below 2^53 are exact in any language, and a counter that computes this itself has SHA-1: scripts of Redis
/// have [`redis.sha1hex`](https://redis.io/docs/latest/develop/programmability/lua-api/#redis.sha1hex).
#[must_use]
pub fn fingerprint(holder: &Holder, seat: u32, units: u32) -> u64 {
    let hash = Sha1::digest(format!("{holder}:{seat}:{units}"));
    hash.iter()
        .take(6)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
