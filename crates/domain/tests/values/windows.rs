use chrono::{DateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use lemon_domain::values::{Period, Window, WindowPolicy};
use proptest::prelude::*;

/// With daylight saving of an hour and of half an hour, north and south, with a day that was skipped, and without any.
const ZONES: [&str; 8] = [
    "Asia/Seoul",
    "America/New_York",
    "Europe/London",
    "Pacific/Apia",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Africa/Cairo",
    "UTC",
];

fn policy(period: Period, turns_at: &str, zone: &str) -> WindowPolicy {
    WindowPolicy::parse(period, turns_at, zone).unwrap()
}

fn daily(turns_at: &str, zone: &str) -> WindowPolicy {
    policy(Period::Daily, turns_at, zone)
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn window(start: &str, end: &str) -> Window {
    Window {
        start: time(start),
        end: time(end),
    }
}

#[test]
fn the_days_places_turn_at_six_in_seoul() {
    let policy = daily("06:00", "Asia/Seoul");
    let day = window("2026-11-22T21:00:00Z", "2026-11-23T21:00:00Z");
    assert_eq!(policy.window_at(day.start), day);
    assert_eq!(policy.window_at(time("2026-11-23T03:00:00Z")), day);
    let last = day.end - TimeDelta::microseconds(1);
    assert_eq!(policy.window_at(last), day);
    let next = window("2026-11-23T21:00:00Z", "2026-11-24T21:00:00Z");
    assert_eq!(policy.window_at(day.end), next);
}

#[test]
fn a_month_turns_on_its_first_day() {
    let policy = policy(Period::Monthly, "06:00", "Asia/Seoul");
    let november = window("2026-10-31T21:00:00Z", "2026-11-30T21:00:00Z");
    assert_eq!(policy.window_at(november.start), november);
    assert_eq!(policy.window_at(time("2026-11-23T03:00:00Z")), november);
    let december = window("2026-11-30T21:00:00Z", "2026-12-31T21:00:00Z");
    assert_eq!(policy.window_at(november.end), december);
    let february = window("2028-01-31T21:00:00Z", "2028-02-29T21:00:00Z");
    assert_eq!(policy.window_at(time("2028-02-29T20:59:59Z")), february);
}

#[test]
fn a_day_is_shorter_or_longer_when_the_clocks_change() {
    let policy = daily("06:00", "America/New_York");
    let short = window("2026-03-07T11:00:00Z", "2026-03-08T10:00:00Z");
    assert_eq!(policy.window_at(time("2026-03-08T00:00:00Z")), short);
    let long = window("2026-10-31T10:00:00Z", "2026-11-01T11:00:00Z");
    assert_eq!(policy.window_at(time("2026-11-01T00:00:00Z")), long);
}

#[test]
fn a_turn_that_the_clocks_skip_is_the_first_instant_after_the_gap() {
    // From 02:00 to 03:00 there is no such time on this day.
    for turns_at in ["02:00", "02:30", "02:59"] {
        let policy = daily(turns_at, "America/New_York");
        let at = policy.window_at(time("2026-03-08T12:00:00Z"));
        assert_eq!(at.start, time("2026-03-08T07:00:00Z"), "{turns_at}");
    }
    let half_an_hour = daily("02:15", "Australia/Lord_Howe");
    let at = half_an_hour.window_at(time("2026-10-04T00:00:00Z"));
    assert_eq!(at.start, time("2026-10-03T15:30:00Z"));
}

#[test]
fn a_turn_that_happens_twice_is_the_first() {
    let policy = daily("01:30", "Europe/London");
    let first = time("2026-10-25T00:30:00Z");
    let at = policy.window_at(first);
    assert_eq!(at.start, first);
    let second = time("2026-10-25T01:30:00Z");
    assert_eq!(policy.window_at(second), at);
    let before = first - TimeDelta::microseconds(1);
    assert_eq!(policy.window_at(before).end, first);
}

#[test]
fn a_whole_day_that_was_skipped_leaves_no_gap() {
    // Samoa went from 29 December 2011, 24:00, to 31 December, 00:00.
    let policy = daily("06:00", "Pacific/Apia");
    let turns = [
        "2011-12-28T16:00:00Z",
        "2011-12-29T16:00:00Z",
        "2011-12-30T10:00:00Z",
        "2011-12-30T16:00:00Z",
        "2011-12-31T16:00:00Z",
    ];
    for pair in turns.windows(2) {
        let expected = window(pair[0], pair[1]);
        assert_eq!(policy.window_at(expected.start), expected);
        let last = expected.end - TimeDelta::microseconds(1);
        assert_eq!(policy.window_at(last), expected);
    }
    let midnight = daily("00:00", "Pacific/Apia");
    let before = window("2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z");
    assert_eq!(midnight.window_at(time("2011-12-30T09:59:59Z")), before);
    let after = window("2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z");
    assert_eq!(midnight.window_at(before.end), after);
}

#[test]
fn time_left_counts_down_to_nothing() {
    let day = window("2026-11-22T21:00:00Z", "2026-11-23T21:00:00Z");
    let second = std::time::Duration::from_secs(1);
    assert_eq!(day.left(day.start), 86_400 * second);
    assert_eq!(day.left(time("2026-11-23T20:59:59Z")), second);
    assert!(day.left(day.end).is_zero());
    assert!(day.left(day.end + TimeDelta::hours(1)).is_zero());
}

#[test]
fn a_wrong_turn_or_zone_is_named() {
    let fault = |turns_at, zone| {
        let parsed = WindowPolicy::parse(Period::Daily, turns_at, zone);
        parsed.unwrap_err().to_string()
    };
    let turns = ["", "6", "24:00", "06:60", "06:00:00", "6am", "-1:00"];
    for turns_at in turns {
        let expected = "the turn of the window is not of the form HH:MM";
        assert_eq!(fault(turns_at, "Asia/Seoul"), expected);
    }
    for zone in ["", "Seoul", "Asia/Atlantis", "+09:00"] {
        let expected = "the time zone is not the name of an IANA zone";
        assert_eq!(fault("06:00", zone), expected);
    }
}

fn any_policy() -> impl Strategy<Value = WindowPolicy> {
    let period = prop_oneof![Just(Period::Daily), Just(Period::Monthly)];
    let zone = prop::sample::select(&ZONES[..]);
    (period, 0..24, 0..60, zone).prop_map(|(period, hour, minute, zone)| {
        policy(period, &format!("{hour:02}:{minute:02}"), zone)
    })
}

/// Any microsecond from 1970 to 2100.
fn any_time() -> impl Strategy<Value = DateTime<Utc>> {
    let end = time("2100-01-01T00:00:00Z").timestamp_micros();
    (0..end).prop_map(|micros| DateTime::from_timestamp_micros(micros).unwrap())
}

/// A time within two days of a change of the clocks in one of the zones, and a turn within two hours of it.
fn around_a_change() -> impl Strategy<Value = (WindowPolicy, DateTime<Utc>)> {
    let changes = [
        ("America/New_York", "2026-03-08T07:00:00Z"),
        ("America/New_York", "2026-11-01T06:00:00Z"),
        ("Europe/London", "2026-03-29T01:00:00Z"),
        ("Europe/London", "2026-10-25T01:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
        ("America/Sao_Paulo", "2018-11-04T03:00:00Z"),
        ("America/Sao_Paulo", "2019-02-17T02:00:00Z"),
        ("Pacific/Apia", "2011-12-30T10:00:00Z"),
    ];
    let micros = TimeDelta::days(2).num_microseconds().unwrap();
    let period = prop_oneof![4 => Just(Period::Daily), 1 => Just(Period::Monthly)];
    (
        prop::sample::select(changes.to_vec()),
        period,
        -120..=120_i64,
        -micros..=micros,
    )
        .prop_map(|((zone, change), period, minutes, away)| {
            let zone: Tz = zone.parse().unwrap();
            let turn = time(change) + TimeDelta::minutes(minutes);
            let turns_at = turn.with_timezone(&zone).time().with_second(0).unwrap();
            let policy = WindowPolicy::new(period, turns_at, zone);
            (policy, time(change) + TimeDelta::microseconds(away))
        })
}

/// What makes windows cover all of time, each instant once.
fn check(policy: WindowPolicy, now: DateTime<Utc>) -> Result<(), TestCaseError> {
    let moment = TimeDelta::microseconds(1);
    let at = policy.window_at(now);
    prop_assert!(
        at.start <= now && now < at.end,
        "{:?} is not around {}",
        at,
        now
    );
    prop_assert_eq!(policy.window_at(at.start), at);
    prop_assert_eq!(policy.window_at(at.end - moment), at);
    prop_assert_eq!(policy.window_at(at.end).start, at.end);
    prop_assert_eq!(policy.window_at(at.start - moment).end, at.start);
    let longest = match policy.period() {
        Period::Daily => TimeDelta::hours(26),
        Period::Monthly => TimeDelta::hours(31 * 24 + 2),
    };
    prop_assert!(at.end - at.start <= longest, "{:?} is too long", at);
    Ok(())
}

proptest! {
    #[test]
    fn every_instant_is_in_one_window_and_windows_touch(
        policy in any_policy(),
        now in any_time(),
    ) {
        check(policy, now)?;
    }

    #[test]
    fn windows_touch_also_when_the_clocks_change((policy, now) in around_a_change()) {
        check(policy, now)?;
    }

    #[test]
    fn a_window_starts_at_its_turn_by_the_clock_of_its_zone(
        hour in 0..24_u32,
        minute in 0..60_u32,
        now in any_time(),
    ) {
        // Since 1988 the clocks of Seoul have not changed.
        prop_assume!(now > time("1989-01-01T00:00:00Z"));
        let policy = daily(&format!("{hour:02}:{minute:02}"), "Asia/Seoul");
        let start = policy.window_at(now).start.with_timezone(&policy.zone());
        prop_assert_eq!((start.hour(), start.minute()), (hour, minute));
    }
}
