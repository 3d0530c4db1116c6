use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::InvalidValue;

/// How often a window turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// Each day at the policy's time.
    Daily,
    /// On the first of each month at the policy's time.
    Monthly,
}

/// A half-open interval of time, `start <= t < end`. The start names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// The first instant.
    pub start: DateTime<Utc>,
    /// The first instant of the next window.
    pub end: DateTime<Utc>,
}

impl Window {
    /// Time left at `now`, zero after the end.
    #[must_use]
    pub fn left(&self, now: DateTime<Utc>) -> std::time::Duration {
        (self.end - now).to_std().unwrap_or_default()
    }
}

/// When windows turn: at a time of day in a zone, by the clock alone. There is no reset job.
///
/// If a change to daylight saving skips the time of day, the window turns at the first instant after the gap; if that
/// time happens twice, it turns the first time. Windows therefore follow one another without gap or overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowPolicy {
    period: Period,
    turns_at: NaiveTime,
    zone: Tz,
}

impl WindowPolicy {
    /// From finished parts.
    #[must_use]
    pub const fn new(period: Period, turns_at: NaiveTime, zone: Tz) -> Self {
        Self {
            period,
            turns_at,
            zone,
        }
    }

    /// From configuration: `HH:MM` and an IANA zone name.
    ///
    /// # Errors
    /// Names the part that is wrong.
    pub fn parse(period: Period, turns_at: &str, zone: &str) -> Result<Self, InvalidValue> {
        let turns_at = NaiveTime::parse_from_str(turns_at, "%H:%M")
            .map_err(|_| InvalidValue::new("the turn of the window", "is not of the form HH:MM"))?;
        let zone = zone
            .parse::<Tz>()
            .map_err(|_| InvalidValue::new("the time zone", "is not the name of an IANA zone"))?;
        Ok(Self::new(period, turns_at, zone))
    }

    /// The zone, for showing times.
    #[must_use]
    pub const fn zone(&self) -> Tz {
        self.zone
    }

    /// The period.
    #[must_use]
    pub const fn period(&self) -> Period {
        self.period
    }

    /// The window that `now` is in.
    #[must_use]
    pub fn window_at(&self, now: DateTime<Utc>) -> Window {
        let mut date = self.first_of_period(now.with_timezone(&self.zone).date_naive());
        while self.turn_on(date) > now {
            date = self.before(date);
        }
        let mut next = self.after(date);
        while self.turn_on(next) <= now {
            date = next;
            next = self.after(date);
        }
        Window {
            start: self.turn_on(date),
            end: self.turn_on(next),
        }
    }

    fn first_of_period(&self, date: NaiveDate) -> NaiveDate {
        match self.period {
            Period::Daily => date,
            Period::Monthly => date.with_day(1).unwrap_or(date),
        }
    }

    fn before(&self, date: NaiveDate) -> NaiveDate {
        match self.period {
            Period::Daily => date.checked_sub_days(Days::new(1)),
            Period::Monthly => date.checked_sub_months(Months::new(1)),
        }
        .unwrap_or(NaiveDate::MIN)
    }

    fn after(&self, date: NaiveDate) -> NaiveDate {
        match self.period {
            Period::Daily => date.checked_add_days(Days::new(1)),
            Period::Monthly => date.checked_add_months(Months::new(1)),
        }
        .unwrap_or(NaiveDate::MAX)
    }

    fn turn_on(&self, date: NaiveDate) -> DateTime<Utc> {
        let local = date.and_time(self.turns_at);
        // The longest gap in the zone database is the day that Samoa skipped in 2011.
        (0..=2 * 24 * 60)
            .find_map(|minutes| {
                self.zone
                    .from_local_datetime(&(local + TimeDelta::minutes(minutes)))
                    .earliest()
            })
            .map_or_else(|| local.and_utc(), |turn| turn.with_timezone(&Utc))
    }
}
