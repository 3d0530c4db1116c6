//! Sealed texts and keys.

use std::sync::OnceLock;

use lemon_domain::{
    sealing::{SealContext, Sealed, SealingKey, SealingKeys},
    values::{AccountId, ProviderUserId},
};

use crate::runtime::{MARK, must_not_quote};

fn keys() -> &'static SealingKeys {
    static KEYS: OnceLock<SealingKeys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let key = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        SealingKeys::new(vec![SealingKey::parse(&key.into()).unwrap()]).unwrap()
    })
}

/// The bytes as a key, and as what was stored: only what was sealed is opened.
pub(crate) fn seals(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for text in [text.to_string(), format!("{MARK}:{text}")] {
        if let Err(error) = SealingKey::parse(&text.into()) {
            must_not_quote(&error);
        }
    }
    let account = AccountId::twitter(ProviderUserId::try_from(1).unwrap());
    let context = SealContext::AccountCredentials(account);
    let stored = Sealed {
        key_id: "test".to_owned(),
        data: data.to_vec(),
    };
    let opened = keys().open(context, &stored);
    assert!(opened.is_err(), "what nobody sealed was opened");
}
