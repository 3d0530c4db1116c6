use std::{
    io::{self, BufWriter, Write},
    thread::sleep,
    time::Duration,
};

/// How long lines are gathered after a batch.
const PAUSE: Duration = Duration::from_millis(2);

/// Room for the lines of a batch, in bytes. A fuller batch is written in parts.
const ROOM: usize = 64 * 1024;

/// Writes what comes during a pause at once: a write, and whoever reads it, cost more than a line.
///
/// For a thread of its own, which flushes when nothing more waits. The first line after a quiet time is written without delay.
pub(super) struct LineBatches<W: Write> {
    out: BufWriter<W>,
}

impl<W: Write> LineBatches<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out: BufWriter::with_capacity(ROOM, out),
        }
    }
}

impl<W: Write> Write for LineBatches<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        // There is nobody to tell that stderr is gone.
        let _written = self.out.flush();
        sleep(PAUSE);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use parking_lot::Mutex;
    use tracing_appender::non_blocking::NonBlockingBuilder;

    use super::*;

    /// Keeps what is written, and counts the writes.
    #[derive(Clone, Default)]
    struct Written {
        text: Arc<Mutex<Vec<u8>>>,
        writes: Arc<AtomicUsize>,
    }

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.text.lock().extend_from_slice(bytes);
            self.writes.fetch_add(1, Ordering::SeqCst);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_between_two_flushes_are_one_write() {
        let written = Written::default();
        let mut batches = LineBatches::new(written.clone());
        for _ in 0..100 {
            batches.write_all(b"a line\n").unwrap();
        }
        assert_eq!(written.writes.load(Ordering::SeqCst), 0);
        batches.flush().unwrap();
        assert_eq!(written.writes.load(Ordering::SeqCst), 1);
        assert_eq!(*written.text.lock(), b"a line\n".repeat(100));
    }

    #[test]
    fn every_line_is_written_in_order_when_the_log_ends() {
        let written = Written::default();
        let (mut lines, end) = NonBlockingBuilder::default()
            .lossy(false)
            .buffered_lines_limit(8)
            .finish(LineBatches::new(written.clone()));
        let mut expected = String::new();
        for number in 0..1_000 {
            let line = format!("line {number}\n");
            expected.push_str(&line);
            lines.write_all(line.as_bytes()).unwrap();
        }
        drop(end);
        assert_eq!(*written.text.lock(), expected.into_bytes());
    }
}
