//! Log lines on stderr: human on a terminal, JSON elsewhere.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::config::{ConfigError, LogFormat, LogSettings};

/// Limits libraries to `info`: below it they may log their data, such as a message's body with somebody's credentials.
///
/// What reads requests logs each malformed one as an error. Strangers send those; their answers are counted.
fn discreet() -> Targets {
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("actix_http::h1", LevelFilter::OFF)
        // It tells of the threads of each port, after the program has said that it is ready.
        .with_target("actix_server", LevelFilter::WARN)
        .with_target("lemon_", LevelFilter::TRACE)
        // It warns of a parameter that it does not know, with the value.
        .with_target("sqlx_postgres::options", LevelFilter::OFF)
}

/// Sends every further log line to stderr.
pub(crate) fn init(settings: &LogSettings) -> Result<(), ConfigError> {
    let filter: Targets = settings
        .filter
        .parse()
        .map_err(|error| ConfigError::wrong("log.filter", error))?;
    let registry = tracing_subscriber::registry().with(filter).with(discreet());
    let human = match settings.format {
        LogFormat::Human => true,
        LogFormat::Json => false,
        LogFormat::Auto => stderr().is_terminal(),
    };
    let initialised = if human {
        let layer = fmt::layer()
            .with_writer(stderr)
            .with_ansi(stderr().is_terminal())
            .with_target(false);
        registry.with(layer).try_init()
    } else {
        let layer = fmt::layer()
            .json()
            .flatten_event(true)
            // It is in the list of spans, and would be written twice.
            .with_current_span(false)
            .with_writer(stderr);
        registry.with(layer).try_init()
    };
    initialised.map_err(|error| ConfigError::new(format!("logging cannot start: {error}")))
}
