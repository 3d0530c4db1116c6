use std::path::Path;

use lemon_domain::sealing::{SealingKey, SealingKeys};
use secrecy::SecretString;

use super::StartError;
#[cfg(feature = "sandbox")]
use super::sandbox::{make_keys, sealing_key_in};
use crate::config::{ConfigError, Settings};

/// The sealing keys for an operator's command, which makes none: the configured ones, or else the one that the data folder
/// has with the sandbox.
pub(super) fn found_keys(
    settings: &Settings,
    data_dir: &Path,
) -> Result<Option<SealingKeys>, StartError> {
    let configured = &settings.store.sealing_keys.0;
    if !configured.is_empty() {
        return Ok(Some(seals(configured)?));
    }
    #[cfg(feature = "sandbox")]
    if settings.twitter.is_sandbox() {
        let made = sealing_key_in(data_dir)?;
        return Ok(made.map(|key| seals(&[key])).transpose()?);
    }
    #[cfg(not(feature = "sandbox"))]
    let _ = data_dir;
    Ok(None)
}

/// The same, but with the sandbox the data folder gets keys if it has none.
pub(super) fn found_or_made_keys(
    settings: &Settings,
    data_dir: &Path,
) -> Result<Option<SealingKeys>, StartError> {
    #[cfg(feature = "sandbox")]
    if settings.twitter.is_sandbox() && settings.store.sealing_keys.0.is_empty() {
        make_keys(data_dir)?;
    }
    found_keys(settings, data_dir)
}

/// The list of keys.
pub(super) fn seals(keys: &[SecretString]) -> Result<SealingKeys, ConfigError> {
    keys.iter()
        .map(SealingKey::parse)
        .collect::<Result<_, _>>()
        .and_then(SealingKeys::new)
        .map_err(|fault| ConfigError::wrong("store.sealing_keys", fault))
}
