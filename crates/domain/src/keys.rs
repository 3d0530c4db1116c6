//! Keys as texts of a configuration: Base64, in every form in which other programs take it.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_STANDARD,
};
use secrecy::{SecretString, zeroize::Zeroizing};

use crate::ports::IdSource;

/// With or without padding, as JJWT, which the workers and the earlier system use.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Why a text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFault {
    /// It has other characters, or a length that no Base64 has.
    #[error("is not valid Base64")]
    NotBase64,
    /// All its bytes are zero, as in a placeholder: anybody can guess it.
    #[error("is not random: all its bytes are zero")]
    NotRandom,
}

/// The bytes of a key in Base64. White space and a byte order mark are ignored, padding may be missing, and the alphabet
/// may be that for URLs (<https://www.rfc-editor.org/rfc/rfc4648#section-5>).
///
/// # Errors
/// Says what is wrong, never the key.
pub fn decode_key(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
    let standard = |character| match character {
        '-' => '+',
        '_' => '/',
        other => other,
    };
    let is_part = |character: &char| !character.is_whitespace() && *character != BYTE_ORDER_MARK;
    let plain: Zeroizing<String> =
        Zeroizing::new(text.chars().filter(is_part).map(standard).collect());
    let key = LENIENT
        .decode(plain.as_bytes())
        .map(Zeroizing::new)
        .map_err(|_| KeyFault::NotBase64)?;
    if !key.is_empty() && key.iter().all(|byte| *byte == 0) {
        return Err(KeyFault::NotRandom);
    }
    Ok(key)
}

/// What some editors put before a text.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

/// A fresh key of `N` random bytes, in Base64.
pub fn fresh_key<const N: usize>(ids: &dyn IdSource) -> SecretString {
    let mut key = Zeroizing::new([0; N]);
    ids.fill(&mut *key);
    BASE64_STANDARD.encode(*key).into()
}
