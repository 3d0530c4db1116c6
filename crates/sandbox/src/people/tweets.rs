use chrono::{DateTime, TimeDelta, Utc};

use super::{Person, mix};

/// The ids of made-up posts start here; those of other posts are higher: ids grow with time, as X's do.
const FIRST_ID: i64 = 1_700_000_000_000_000_000;
const MOST: u32 = 250;
const FEWEST: u32 = 37;
/// 2025-01-01: all made-up posts are older.
const NEWEST_BEFORE: i64 = 1_735_689_600;

const PLACES: [&str; 8] = [
    "성수",
    "연남동",
    "망원시장",
    "Busan",
    "Jeju",
    "을지로",
    "Mullae",
    "한강",
];
const THINGS: [&str; 8] = [
    "레몬 케이크",
    "Rust",
    "소금빵",
    "a new keyboard",
    "필름 카메라",
    "cold brew",
    "고양이",
    "jazz",
];
const TEMPLATES: [&str; 16] = [
    "오늘은 {place}에서 하루 종일 걸었다. 발은 아프지만 기분은 좋음.",
    "{thing} 없이는 못 사는 사람 손 🙋",
    "Thinking about {thing} again. Send help.",
    "{place} is lovely this time of year, even in the rain ☔",
    "누가 {thing} 좀 추천해 주세요. 진심입니다.",
    "주말 계획: {place}, {thing}, 그리고 낮잠.",
    "Three hours into {thing} and I regret nothing.",
    "{place} 가는 길에 무지개 봤다 🌈",
    "월요일… 그래도 {thing} 있으니까 버틴다 ㅋㅋㅋ",
    "Finally fixed that bug. It was, of course, a missing \"&\". Celebrating with {thing}.",
    "아침 7시의 {place}, 아무도 없어서 최고다.",
    "Hot take: {thing} > everything else <3",
    "{place}에서 찍은 사진 정리하다가 새벽 두 시가 됐다.",
    "Is it just me, or has {thing} become 2x better this year?",
    "엄마가 {thing} 보내주셨다. 오늘도 열심히 살아야지.",
    "Met an old friend in {place}. We talked about {thing} until closing time.",
];

/// A made-up post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MadeUpTweet {
    pub(crate) id: i64,
    pub(crate) text: String,
    pub(crate) created_at: DateTime<Utc>,
}

/// The number of a person's made-up posts: 37 to 250.
pub(crate) fn tweet_count(person: Person) -> u32 {
    FEWEST + (person.number() * 61) % (MOST - FEWEST + 1)
}

/// A person's made-up posts, newest first.
pub(crate) fn tweets(person: Person) -> impl Iterator<Item = MadeUpTweet> {
    (1..=tweet_count(person))
        .rev()
        .map(move |n| tweet(person, n))
}

fn tweet(person: Person, n: u32) -> MadeUpTweet {
    let seed = mix(u64::from(person.number()) << 32 | u64::from(n));
    let text = choose(&TEMPLATES, seed)
        .replace("{place}", choose(&PLACES, seed >> 16))
        .replace("{thing}", choose(&THINGS, seed >> 32));
    // About one every nineteen hours; the minute differs, but the order is fixed.
    let age =
        TimeDelta::hours(19 * i64::from(MOST - n)) + TimeDelta::minutes((seed % 600).cast_signed());
    MadeUpTweet {
        id: FIRST_ID + i64::from(person.number()) * 1_000 + i64::from(n),
        text,
        created_at: DateTime::from_timestamp(NEWEST_BEFORE, 0).unwrap_or_default() - age,
    }
}

fn choose<'a>(from: &[&'a str], seed: u64) -> &'a str {
    let index = seed % (from.len() as u64);
    usize::try_from(index).map_or("", |index| from[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_past_is_always_the_same_and_newest_first() {
        for number in [1, 2, 3, 77, 1_000_000] {
            let person = Person::new(number).unwrap();
            let past: Vec<MadeUpTweet> = tweets(person).collect();
            assert_eq!(past, tweets(person).collect::<Vec<_>>());
            assert!(past.is_sorted_by(|newer, older| newer.id > older.id));
            assert!(past.is_sorted_by(|newer, older| newer.created_at > older.created_at));
            assert!((37..=250).contains(&past.len()));
        }
    }

    #[test]
    fn pasts_differ_in_length_and_text() {
        let past = |number| tweets(Person::new(number).unwrap()).collect::<Vec<_>>();
        assert_ne!(past(1).len(), past(2).len());
        assert_ne!(past(1)[0].text, past(2)[0].text);
        assert!(past(1).iter().all(|tweet| !tweet.text.contains('{')));
    }
}
