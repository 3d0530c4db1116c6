//! The times of the earlier system, which have no zone.

use chrono::{DateTime, NaiveDateTime, SubsecRound, TimeDelta, TimeZone, Utc};
use chrono_tz::Asia::Seoul;

/// The longest time that the clocks of Seoul have skipped is an hour.
const LONGEST_GAP: i64 = 2 * 60;

/// The instant at which the clocks of Seoul show this time.
///
/// Summer time ended there in 1988. Of a time that they showed twice, it is the later instant: no cooldown ends too
/// early. A time that they skipped is the first one after the gap.
pub(super) fn instant(local: NaiveDateTime) -> DateTime<Utc> {
    let at = |minutes| Seoul.from_local_datetime(&(local + TimeDelta::minutes(minutes)));
    let found = (0..=LONGEST_GAP).find_map(|minutes| at(minutes).latest());
    let found = found.map_or_else(|| local.and_utc(), |found| found.to_utc());
    found.trunc_subsecs(6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_zone_is_that_of_seoul() {
        for (local, utc) in [
            ("2026-11-27T09:00:00.000001", "2026-11-27T00:00:00.000001Z"),
            // Midnight there is the day before here.
            ("2026-01-01T00:00:00", "2025-12-31T15:00:00Z"),
            // Shown twice, when the summer time of 1988 ended.
            ("1988-10-09T02:30:00", "1988-10-08T17:30:00Z"),
            // Skipped, when it began.
            ("1988-05-08T02:30:00", "1988-05-07T17:00:00Z"),
            ("9999-12-31T23:59:59", "9999-12-31T14:59:59Z"),
        ] {
            let expected: DateTime<Utc> = utc.parse().unwrap();
            assert_eq!(instant(local.parse().unwrap()), expected, "{local}");
        }
    }
}
