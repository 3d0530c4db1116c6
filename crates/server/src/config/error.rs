use std::fmt;

use super::variable::variable;

/// Why a configuration is refused: a sentence that names the key or the variable. It never contains a value, which may
/// be a secret or near one.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConfigError(String);

impl ConfigError {
    /// `fault` is a complete sentence without its full stop.
    pub(crate) fn new(fault: impl Into<String>) -> Self {
        Self(fault.into())
    }

    /// A required key is missing.
    pub(crate) fn missing(key: &str, why: &str) -> Self {
        Self(format!(
            "the configuration has no {key} ({}), which is required {why}",
            variable(key)
        ))
    }

    /// The value of a key is not valid.
    pub(crate) fn wrong(key: &str, fault: impl fmt::Display) -> Self {
        Self(format!("the configuration's {key} is wrong: {fault}"))
    }

    /// Converts an error of the library, without the value that it shows. `text` is the file, for the position in it.
    pub(super) fn of(error: &config::ConfigError, text: &str) -> Self {
        use config::ConfigError as Found;

        match error {
            Found::FileParse { cause, .. } => Self(match cause.downcast_ref::<toml::de::Error>() {
                Some(error) => not_toml(error, text),
                None => "the configuration file has a number that is too large".to_owned(),
            }),
            Found::Type { key, .. } => of_key(key.as_deref(), &fault(error)),
            Found::At { error, key, .. } => of_key(key.as_deref(), &fault(error)),
            other => of_key(None, &fault(other)),
        }
    }
}

fn of_key(key: Option<&str>, fault: &str) -> ConfigError {
    match key {
        Some(key) => ConfigError::wrong(key, fault),
        None => ConfigError(format!("the configuration cannot be used: {fault}")),
    }
}

fn not_toml(error: &toml::de::Error, text: &str) -> String {
    let offset = error.span().map_or(0, |span| span.start);
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    let fault = error.message();
    format!("the configuration file is not valid TOML at line {line}, column {column}: {fault}")
}

/// The fault without the value. [Serde's own messages](https://docs.rs/serde/latest/serde/de/trait.Error.html) show the
/// value before they say what is expected; those for an unknown field show only the key.
fn fault(error: &config::ConfigError) -> String {
    use config::ConfigError as Found;

    match error {
        Found::Message(message) if message.starts_with("unknown field") => message.clone(),
        Found::Message(message) => match message.rsplit_once(", expected ") {
            Some((_, expected)) => format!("it is not {expected}"),
            None if message.starts_with("enum ") => "it is not one of the allowed words".to_owned(),
            None => before_any_quote(message).to_owned(),
        },
        Found::Type { expected, .. } => format!("it is not {expected}"),
        Found::At { error, .. } => fault(error),
        Found::NotFound(key) => format!("there is no {key}"),
        _ => "it cannot be read".to_owned(),
    }
}

/// The part of a message before anything that it quotes.
fn before_any_quote(message: &str) -> &str {
    let plain = message.split([':', '"', '\'', '`']).next();
    plain.unwrap_or_default().trim_end()
}
