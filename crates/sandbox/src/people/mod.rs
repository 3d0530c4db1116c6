//! Made-up people: each number is a person with a name, a picture and earlier posts, which are always the same.

mod pictures;
mod tweets;

pub(crate) use pictures::{avatar, banner};
pub(crate) use tweets::{MadeUpTweet, tweet_count, tweets};

/// User ids start after this one. They have 19 digits, too many for a double, like X's newer ones.
const FIRST_USER_ID: i64 = 1_500_000_000_000_000_000;
const LAST_NUMBER: u32 = 1_000_000;

/// Handle and display name. At X a handle has at most 15 characters, including the number.
const NAMES: [(&str, &str); 12] = [
    ("yuja", "유자"),
    ("mina", "Mina Park"),
    ("haneul", "김하늘"),
    ("oliver", "Oliver Finch"),
    ("doyun", "도윤"),
    ("jisoo", "Jisoo Han"),
    ("sora", "이소라"),
    ("nari", "나리"),
    ("emma", "Emma Hartley"),
    ("bora", "최보라"),
    ("theo", "Theo Lindqvist"),
    ("garam", "가람"),
];

const BIOS: [&str; 7] = [
    "레몬과 유자를 좋아하는 개발자 🍋",
    "Backend engineer in Seoul. Rust, coffee, long walks.",
    "",
    "Reads more books than he finishes.",
    "동네 빵집을 찾아다닙니다. 소금빵 전문가.",
    "Plants, pixels & piano. <3",
    "고양이 두 마리와 삽니다. 사진은 전부 고양이.",
];

/// A made-up person, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Person(u32);

impl Person {
    /// The person with a number, 1 to 1,000,000.
    pub(crate) fn new(number: u32) -> Option<Self> {
        (1..=LAST_NUMBER).contains(&number).then_some(Self(number))
    }

    /// The person with a Twitter user id.
    pub(crate) fn by_user_id(id: i64) -> Option<Self> {
        let number = u32::try_from(id.checked_sub(FIRST_USER_ID)?).ok()?;
        Self::new(number)
    }

    /// The person with a Twitter user id that is given as text, from a path or a token.
    pub(crate) fn by_user_id_text(id: &str) -> Option<Self> {
        Self::by_user_id(id.parse().ok()?)
    }

    pub(crate) const fn number(self) -> u32 {
        self.0
    }

    pub(crate) fn user_id(self) -> i64 {
        FIRST_USER_ID + i64::from(self.0)
    }

    /// The handle, without `@`.
    pub(crate) fn screen_name(self) -> String {
        let (handle, _) = self.pick(&NAMES);
        format!("{handle}_{}", self.0)
    }

    pub(crate) fn name(self) -> String {
        let (_, name) = self.pick(&NAMES);
        if usize::try_from(self.0).is_ok_and(|number| number <= NAMES.len()) {
            name.to_owned()
        } else {
            format!("{name} {}", self.0)
        }
    }

    pub(crate) fn bio(self) -> &'static str {
        self.pick(&BIOS)
    }

    pub(crate) const fn has_banner(self) -> bool {
        !self.0.is_multiple_of(3)
    }

    pub(crate) fn following(self) -> u64 {
        20 + mix(u64::from(self.0)) % 480
    }

    pub(crate) fn followers(self) -> u64 {
        5 + mix(u64::from(self.0) + 1) % 9_995
    }

    fn pick<T: Copy>(self, from: &[T]) -> T {
        from[(self.0 as usize - 1) % from.len()]
    }
}

/// A number that looks random but is always the same: the finalizer of `SplitMix64`,
/// <https://prng.di.unimi.it/splitmix64.c>.
const fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_range_name_no_person() {
        assert_eq!(Person::new(0), None);
        assert_eq!(Person::new(1_000_001), None);
        for id in [
            "",
            "x",
            "1",
            "-1",
            "1500000000000000000",
            "99999999999999999999",
        ] {
            assert_eq!(Person::by_user_id_text(id), None, "{id}");
        }
    }

    #[test]
    fn a_person_is_found_by_their_number_at_twitter() {
        for number in [1, 6, 1_000_000] {
            let person = Person::new(number).unwrap();
            assert_eq!(Person::by_user_id(person.user_id()), Some(person));
        }
    }

    #[test]
    fn handles_fit_twitters_limit() {
        for number in 999_000..=1_000_000 {
            let name = Person::new(number).unwrap().screen_name();
            assert!(name.len() <= 15, "{name}");
        }
    }
}
