use lemon_domain::values::{
    AccountId, BudgetName, Holder, IdempotencyKey, InvalidValue, Provider, ProviderUserId,
    QueueName, RequestToken, Scope, ServicePath, ServiceType, Turn, UserId, Verifier,
};
use proptest::prelude::*;

/// A text value: how it is read, and what it may be.
struct TextValue {
    read: fn(&str) -> Result<String, InvalidValue>,
    longest: usize,
    fits: fn(u8) -> bool,
}

const TEXT_VALUES: [TextValue; 9] = [
    TextValue {
        read: |text| ServiceType::parse(text).map(|it| it.as_str().to_owned()),
        longest: 32,
        fits: |b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_',
    },
    TextValue {
        read: |text| ServicePath::parse(text).map(|it| it.as_str().to_owned()),
        longest: 32,
        fits: |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_',
    },
    TextValue {
        read: |text| BudgetName::parse(text).map(|it| it.as_str().to_owned()),
        longest: 32,
        fits: |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_',
    },
    TextValue {
        read: |text| QueueName::parse(text).map(|it| it.as_str().to_owned()),
        longest: 80,
        fits: |b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_',
    },
    TextValue {
        read: |text| RequestToken::parse(text).map(|it| it.as_str().to_owned()),
        longest: 256,
        fits: |b| b.is_ascii_graphic(),
    },
    TextValue {
        read: |text| Verifier::parse(text).map(|it| it.expose().to_owned()),
        longest: 256,
        fits: |b| b.is_ascii_graphic(),
    },
    TextValue {
        read: |text| IdempotencyKey::parse(text).map(|it| it.as_str().to_owned()),
        longest: 255,
        fits: |b| b.is_ascii_graphic() || b == b' ',
    },
    TextValue {
        read: |text| Scope::parse(text).map(|it| it.as_str().to_owned()),
        longest: 64,
        fits: |b| b.is_ascii_alphanumeric() || b"-_.".contains(&b),
    },
    TextValue {
        read: |text| Holder::parse(text).map(|it| it.as_str().to_owned()),
        longest: 128,
        fits: |b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b),
    },
];

fn check(text: &str) -> Result<(), TestCaseError> {
    for value in TEXT_VALUES {
        let fits = (1..=value.longest).contains(&text.len()) && text.bytes().all(value.fits);
        match (value.read)(text) {
            Ok(read) => prop_assert!(fits && read == text, "{:?} was read as {:?}", text, read),
            Err(error) => prop_assert!(!fits, "{:?} was refused: {}", text, error),
        }
    }
    Ok(())
}

#[test]
fn a_text_value_is_never_empty_and_never_longer_than_it_may_be() {
    for value in TEXT_VALUES {
        assert!((value.read)("").is_err());
        let fitting = (0..=u8::MAX).find(|b| (value.fits)(*b)).unwrap();
        let longest = char::from(fitting).to_string().repeat(value.longest);
        assert_eq!((value.read)(&longest).unwrap(), longest);
        let longer = longest + &char::from(fitting).to_string();
        assert!((value.read)(&longer).is_err());
    }
}

#[test]
fn every_single_character_is_accepted_or_refused_correctly() {
    for text in (0..=0x7FF_u32).filter_map(char::from_u32) {
        check(&text.to_string()).unwrap();
    }
}

#[test]
fn a_refused_token_or_verifier_is_not_shown() {
    let text = "secret\n";
    let refused = [
        RequestToken::parse(text).unwrap_err(),
        Verifier::parse(text).unwrap_err(),
    ];
    for error in refused {
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}

#[test]
fn a_printed_verifier_shows_nothing() {
    let verifier = Verifier::parse("the-verifier").unwrap();
    assert!(!format!("{verifier:?}").contains("the-verifier"));
}

#[test]
fn the_only_provider_is_twitter() {
    assert_eq!(Provider::parse("TWITTER"), Ok(Provider::Twitter));
    assert_eq!(Provider::Twitter.as_str(), "TWITTER");
    for other in ["", "twitter", "TWITTER ", "KAKAO"] {
        let error = Provider::parse(other).unwrap_err();
        assert_eq!(error.to_string(), "the provider is not \"TWITTER\"");
    }
}

#[test]
fn a_providers_user_id_is_a_positive_63_bit_number() {
    for (text, number) in [("1", 1), ("007", 7), ("9223372036854775807", i64::MAX)] {
        assert_eq!(ProviderUserId::parse(text).unwrap().get(), number);
    }
    let wrong = [
        "",
        "0",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "0x1",
        "١",
        "9223372036854775808",
    ];
    for text in wrong {
        assert!(ProviderUserId::parse(text).is_err(), "{text:?}");
    }
    for number in [0, -1, i64::MIN] {
        assert!(ProviderUserId::try_from(number).is_err());
    }
}

#[test]
fn ids_are_printed_as_in_keys_and_logs() {
    let account = AccountId::twitter(ProviderUserId::parse("42").unwrap());
    assert_eq!(account.to_string(), "TWITTER:42");
    let holder = Turn {
        user: UserId::new(7),
        number: 2,
    }
    .holder();
    assert_eq!(holder.to_string(), "7:2");
    assert_eq!(Holder::parse("7:2").unwrap(), holder);
    let service = ServiceType::parse("LEARNME").unwrap();
    assert_eq!(Scope::from(&service).to_string(), "LEARNME");
}

proptest! {
    #[test]
    fn any_text_is_accepted_unchanged_or_refused(text in ".{0,300}") {
        check(&text)?;
    }

    #[test]
    fn printable_text_is_accepted_unchanged_or_refused(text in "[ -~]{0,300}") {
        check(&text)?;
    }

    #[test]
    fn name_like_text_is_accepted_unchanged_or_refused(text in "[A-Z0-9_]{0,40}|[a-z0-9_]{0,40}|[A-Za-z0-9_-]{0,90}") {
        check(&text)?;
    }

    #[test]
    fn a_providers_user_id_survives_its_decimal_form(number in 1..=i64::MAX) {
        let id = ProviderUserId::try_from(number).unwrap();
        prop_assert_eq!(ProviderUserId::parse(&id.to_string()), Ok(id));
    }

    #[test]
    fn any_text_is_a_providers_user_id_or_refused(text in ".*") {
        if let Ok(id) = ProviderUserId::parse(&text) {
            prop_assert!(id.get() > 0);
            prop_assert_eq!(text.trim_start_matches('0'), id.to_string());
        }
    }
}
