//! What the API logs. All tests of this program share one log, so each looks for its own request by its id.

use std::{
    io::{self, Write},
    sync::{Mutex, Once},
};

use tracing::level_filters::LevelFilter;

static LOG: Mutex<String> = Mutex::new(String::new());
static LISTENING: Once = Once::new();

/// Adds to the log.
struct Tail;

impl Write for Tail {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().push_str(&String::from_utf8_lossy(text));
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Begins to listen, unless a test has begun.
pub(crate) fn listen() {
    LISTENING.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(LevelFilter::DEBUG)
            .with_ansi(false)
            .with_target(false)
            .without_time()
            .with_writer(|| Tail)
            .init();
    });
}

/// The lines of a request.
pub(crate) fn lines_of(request: &str) -> Vec<String> {
    let log = LOG.lock().unwrap();
    let lines = log.lines().filter(|line| line.contains(request));
    lines.map(|line| line.trim_start().to_owned()).collect()
}
