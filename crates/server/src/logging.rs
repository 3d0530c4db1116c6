//! Log lines on stderr: human on a terminal, JSON elsewhere.

mod line_batches;

use std::io::{IsTerminal, stderr};

use parking_lot::Mutex;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::{self, writer::BoxMakeWriter},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use self::line_batches::LineBatches;
use crate::config::{ConfigError, LogFormat, LogSettings};

/// Lines that wait to be written, at most. Whoever has one more waits too: no line is lost.
const MAX_WAITING_LINES: usize = 1_024;

/// The thread that writes the lines; `None` before the log is set up, and when each line is written by whoever has it.
static WRITER: Mutex<Option<WorkerGuard>> = Mutex::new(None);

/// Writes what is left of the log when it is dropped. `main` holds it.
pub(crate) struct LogEnd;

impl Drop for LogEnd {
    fn drop(&mut self) {
        drop(WRITER.lock().take());
    }
}

/// Has lines written by a thread of their own. None is lost, but by SIGKILL or an abort those of the last milliseconds,
/// and at the end those that stderr does not take within a second.
fn in_batches() -> NonBlocking {
    let (lines, writer) = NonBlockingBuilder::default()
        .lossy(false)
        .buffered_lines_limit(MAX_WAITING_LINES)
        .thread_name("log")
        .finish(LineBatches::new(stderr()));
    *WRITER.lock() = Some(writer);
    lines
}

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

/// Sends every further log line to stderr: at once on a terminal, in batches elsewhere.
pub(crate) fn init(settings: &LogSettings) -> Result<(), ConfigError> {
    let filter: Targets = settings
        .filter
        .parse()
        .map_err(|error| ConfigError::wrong("log.filter", error))?;
    let registry = tracing_subscriber::registry().with(filter).with(discreet());
    let on_terminal = stderr().is_terminal();
    let human = match settings.format {
        LogFormat::Human => true,
        LogFormat::Json => false,
        LogFormat::Auto => on_terminal,
    };
    let lines = if on_terminal {
        BoxMakeWriter::new(stderr)
    } else {
        BoxMakeWriter::new(in_batches())
    };
    let layer = fmt::layer().with_writer(lines);
    let initialised = if human {
        let layer = layer.with_ansi(on_terminal).with_target(false);
        registry.with(layer).try_init()
    } else {
        let layer = layer
            .json()
            .flatten_event(true)
            // It is in the list of spans, and would be written twice.
            .with_current_span(false);
        registry.with(layer).try_init()
    };
    initialised.map_err(|error| ConfigError::new(format!("logging cannot start: {error}")))
}
