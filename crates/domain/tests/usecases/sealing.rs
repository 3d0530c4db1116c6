use lemon_domain::{
    sealing::{OpenError, SealContext, Sealed, SealingKey, SealingKeys},
    values::{Credentials, RequestToken},
};
use lemon_fakes::SequentialIds;
use proptest::prelude::*;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::world::{account, sealing_keys};

const NONCE: [u8; 24] = [7; 24];

fn token(text: &str) -> RequestToken {
    RequestToken::parse(text).unwrap()
}

fn sealed_for_account_1(secret: &str) -> Sealed {
    let place = SealContext::AccountCredentials(account(1));
    sealing_keys(&["first"]).seal(place, &secret.into(), NONCE)
}

#[test]
fn the_first_key_seals_and_all_open() {
    let place = SealContext::AccountCredentials(account(1));
    let old = sealing_keys(&["old"]).seal(place, &"secret".into(), NONCE);
    let keys = sealing_keys(&["new", "old"]);
    let new = keys.seal(place, &"secret".into(), NONCE);
    assert_eq!((old.key_id.as_str(), new.key_id.as_str()), ("old", "new"));
    for sealed in [old, new] {
        assert_eq!(keys.open(place, &sealed).unwrap().expose_secret(), "secret");
    }
}

#[test]
fn a_secret_does_not_open_in_another_place() {
    let keys = sealing_keys(&["first"]);
    let sealed = sealed_for_account_1("secret");
    let (mine, named_alike) = (token("token"), token(&account(1).to_string()));
    let elsewhere = [
        SealContext::AccountCredentials(account(2)),
        SealContext::RequestTokenSecret(&mine),
        SealContext::RequestTokenSecret(&named_alike),
    ];
    for place in elsewhere {
        let opened = keys.open(place, &sealed).map(|_| "opened");
        assert_eq!(opened, Err(OpenError::Altered), "{place:?}");
    }
}

#[test]
fn a_secret_of_one_request_token_does_not_open_for_another() {
    let keys = sealing_keys(&["first"]);
    let (mine, theirs) = (token("mine"), token("theirs"));
    let sealed = keys.seal(
        SealContext::RequestTokenSecret(&mine),
        &"secret".into(),
        NONCE,
    );
    let opened = keys.open(SealContext::RequestTokenSecret(&theirs), &sealed);
    assert_eq!(opened.map(|_| "opened"), Err(OpenError::Altered));
}

#[test]
fn another_key_under_the_same_id_does_not_open_it() {
    let other = "first:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let other = SealingKey::parse(&other.into()).unwrap();
    let other = SealingKeys::new(vec![other]).unwrap();
    let place = SealContext::AccountCredentials(account(1));
    let opened = other.open(place, &sealed_for_account_1("secret"));
    assert_eq!(opened.map(|_| "opened"), Err(OpenError::Altered));
}

#[test]
fn a_key_that_is_not_in_the_list_is_named() {
    let place = SealContext::AccountCredentials(account(1));
    let opened = sealing_keys(&["second"]).open(place, &sealed_for_account_1("secret"));
    let error = opened.map(|_| "opened").unwrap_err();
    assert_eq!(error, OpenError::UnknownKey("first".to_owned()));
    assert_eq!(error.to_string(), "no sealing key has the id \"first\"");
}

#[test]
fn a_sealed_secret_cut_short_does_not_open() {
    let whole = sealed_for_account_1("secret");
    let place = SealContext::AccountCredentials(account(1));
    for length in 0..whole.data.len() {
        let cut = Sealed {
            data: whole.data[..length].to_vec(),
            ..whole.clone()
        };
        let opened = sealing_keys(&["first"]).open(place, &cut);
        assert_eq!(opened.map(|_| "opened"), Err(OpenError::Altered));
    }
}

#[test]
fn one_secret_sealed_with_two_nonces_looks_different() {
    let keys = sealing_keys(&["first"]);
    let place = SealContext::AccountCredentials(account(1));
    let secret = SecretString::from("secret");
    let (one, two) = (
        keys.seal(place, &secret, [1; 24]),
        keys.seal(place, &secret, [2; 24]),
    );
    assert_ne!(one.data[24..], two.data[24..]);
}

#[test]
fn a_secret_that_is_no_pair_is_no_credentials() {
    let opened = sealing_keys(&["first"])
        .open_credentials(account(1), &sealed_for_account_1("only one part"));
    assert_eq!(opened, Err(OpenError::Altered));
}

#[test]
fn printed_keys_show_their_ids_alone() {
    let keys = sealing_keys(&["first", "second"]);
    assert_eq!(format!("{keys:?}"), r#"["first", "second"]"#);
}

#[test]
fn printed_secrets_show_nothing() {
    let credentials = Credentials::new("the-token", "the-secret");
    let printed = format!("{credentials:?}");
    assert!(!printed.contains("the-token"), "{printed}");
    assert!(!printed.contains("the-secret"), "{printed}");
}

#[test]
fn a_bad_key_is_refused_without_being_shown() {
    let short = "first:c2VjcmV0";
    let bad = [
        ("secret", "a sealing key is not of the form <id>:<Base64>"),
        (short, "a sealing key is not 32 bytes long"),
        ("first:secret!", "a sealing key is not valid Base64"),
        (
            "first:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "a sealing key is not random: all its bytes are zero",
        ),
    ];
    for (text, fault) in bad {
        let error = SealingKey::parse(&text.into()).map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), fault);
    }
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    for id in ["", "a b", "ключ", &"x".repeat(33)] {
        let text = SecretString::from(format!("{id}:{key}"));
        let error = SealingKey::parse(&text).map(|_| ()).unwrap_err();
        assert!(!error.to_string().contains(key));
    }
}

#[test]
fn a_key_has_one_meaning_in_every_form_of_base64() {
    let place = SealContext::AccountCredentials(account(1));
    let keys = |key: &str| {
        let key = SealingKey::parse(&key.into()).unwrap();
        SealingKeys::new(vec![key]).unwrap()
    };
    let bytes = "+/ECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    let sealed = keys(&format!("a:{bytes}=")).seal(place, &"secret".into(), NONCE);
    for form in [
        format!("a:{bytes}"),
        format!("a:-_{}=", &bytes[2..]),
        format!("\u{feff}a: {}\r\n{}=\n", &bytes[..20], &bytes[20..]),
    ] {
        let opened = keys(&form).open(place, &sealed).unwrap();
        assert_eq!(opened.expose_secret(), "secret", "{form}");
    }
}

#[test]
fn a_fresh_key_is_a_key_and_no_other() {
    let ids = SequentialIds::default();
    let (one, two) = (
        SealingKey::generate("new", &ids),
        SealingKey::generate("new", &ids),
    );
    assert_ne!(one.expose_secret(), two.expose_secret());
    let keys = SealingKeys::new(vec![SealingKey::parse(&one).unwrap()]).unwrap();
    assert_eq!(keys.sealing_id(), "new");
    assert_eq!(keys.ids().collect::<Vec<_>>(), ["new"]);
}

#[test]
fn a_body_does_not_open_as_that_of_another_message() {
    let keys = sealing_keys(&["first"]);
    let (mine, theirs) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let sealed = keys.seal(SealContext::MessageBody(mine), &"body".into(), NONCE);
    let opened = keys.open(SealContext::MessageBody(theirs), &sealed);
    assert_eq!(opened.map(|_| "opened"), Err(OpenError::Altered));
    let opened = keys.open(SealContext::MessageBody(mine), &sealed).unwrap();
    assert_eq!(opened.expose_secret(), "body");
}

#[test]
fn a_list_of_keys_is_not_empty_and_has_each_id_once() {
    assert!(SealingKeys::new(vec![]).is_err());
    let key = || {
        let text = "first:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        SealingKey::parse(&text.into()).unwrap()
    };
    let error = SealingKeys::new(vec![key(), key()]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the list of sealing keys has the id \"first\" twice"
    );
}

proptest! {
    #[test]
    fn a_sealed_secret_opens_unchanged(secret in ".*", nonce: [u8; 24]) {
        let keys = sealing_keys(&["first"]);
        let place = SealContext::AccountCredentials(account(1));
        let sealed = keys.seal(place, &secret.as_str().into(), nonce);
        let opened = keys.open(place, &sealed).unwrap();
        prop_assert_eq!(opened.expose_secret(), secret);
    }

    #[test]
    fn sealed_credentials_open_unchanged(
        token in "[!-~]{1,256}",
        secret in "[!-~]{1,256}",
        nonce: [u8; 24],
    ) {
        let keys = sealing_keys(&["first"]);
        let credentials = Credentials::new(token, secret);
        let sealed = keys.seal_credentials(account(1), &credentials, nonce);
        let opened = keys.open_credentials(account(1), &sealed);
        prop_assert_eq!(opened, Ok(credentials));
    }

    #[test]
    fn one_flipped_bit_anywhere_does_not_open(at: prop::sample::Index, bit in 0..8_u32) {
        let mut sealed = sealed_for_account_1("secret");
        let at = at.index(sealed.data.len());
        sealed.data[at] ^= 1_u8 << bit;
        let place = SealContext::AccountCredentials(account(1));
        let opened = sealing_keys(&["first"]).open(place, &sealed);
        prop_assert_eq!(opened.map(|_| "opened"), Err(OpenError::Altered));
    }

    #[test]
    fn arbitrary_bytes_do_not_open(data: Vec<u8>) {
        let sealed = Sealed { key_id: "first".to_owned(), data };
        let place = SealContext::AccountCredentials(account(1));
        prop_assert!(sealing_keys(&["first"]).open(place, &sealed).is_err());
    }
}
