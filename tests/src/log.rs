use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::ChildStderr,
    sync::oneshot,
};

/// The lines that a system has logged, over all its starts.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

/// The addresses on which a system listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Addresses {
    pub(crate) http: SocketAddr,
    pub(crate) ops: SocketAddr,
    /// `None` if the sandbox is off.
    pub(crate) sandbox: Option<SocketAddr>,
    /// Where workers call; `None` if they have no key.
    pub(crate) workers: Option<SocketAddr>,
}

impl Log {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.guard().clone()
    }

    /// Stores every line until the process closes its end, and reports the line with the addresses.
    pub(crate) async fn follow(self, stderr: ChildStderr, ready: oneshot::Sender<Addresses>) {
        let mut ready = Some(ready);
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            // Lines after it are not parsed: a bench has a hundred thousand of them, on the cores that it measures.
            if ready.is_some()
                && let Some(addresses) = Addresses::announced(&line)
                && let Some(ready) = ready.take()
            {
                // If the start was given up, nobody receives this.
                let _ = ready.send(addresses);
            }
            self.guard().push(line);
        }
    }

    fn guard(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Addresses {
    fn announced(line: &str) -> Option<Self> {
        let record: Value = serde_json::from_str(line).ok()?;
        let address = |name: &str| record[name].as_str()?.parse().ok();
        (record["message"] == "ready to serve").then_some(())?;
        Some(Self {
            http: address("http.address")?,
            ops: address("ops.address")?,
            sandbox: address("sandbox.address"),
            workers: address("workers.address"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_says_where_the_system_listens() {
        let line = r#"{"level":"INFO","message":"ready to serve","http.address":"127.0.0.1:1","ops.address":"127.0.0.1:2","sandbox.address":"127.0.0.1:3"}"#;
        let addresses = Addresses::announced(line).unwrap();
        assert_eq!(addresses.http.port(), 1);
        assert_eq!(addresses.ops.port(), 2);
        assert_eq!(addresses.sandbox.map(|address| address.port()), Some(3));
    }

    #[test]
    fn no_other_line_says_where_the_system_listens() {
        for line in ["", "ready to serve", r#"{"message":"ready to serve"}"#] {
            assert_eq!(Addresses::announced(line), None);
        }
    }
}
