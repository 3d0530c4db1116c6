use std::{
    path::Path,
    process::{ExitStatus, Stdio},
};

use rustix::process::Signal;
use tokio::{process::Command, sync::oneshot, time::timeout};

use super::{Process, SystemBuilder};
use crate::{
    log::Log,
    wait::{PATIENCE, wait_until},
};

/// A command of the program that was begun and has not ended. It is killed when this is dropped.
pub struct Begun {
    process: Process,
    log: Log,
}

impl SystemBuilder {
    /// Begins a command of the program in this folder, and does not wait for it.
    #[must_use]
    pub fn begin(&self, home: &Path, arguments: &[&str]) -> Begun {
        let mut command = self.command(home);
        command.args(arguments);
        Begun::spawn(command)
    }
}

impl Begun {
    fn spawn(mut command: Command) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary can be started");
        let stderr = child.stderr.take().expect("stderr is piped");
        let log = Log::default();
        let (ready, _) = oneshot::channel();
        let follower = tokio::spawn(log.clone().follow(stderr, ready));
        Self {
            process: Process { child, follower },
            log,
        }
    }

    /// Calls the probe repeatedly until it answers something; panics with `what` and the log if the program ends first.
    pub async fn until<T>(&mut self, what: &str, probe: impl AsyncFnMut() -> Option<T>) -> T {
        tokio::select! {
            found = wait_until(what, probe) => found,
            status = self.process.child.wait() => {
                let status = status.expect("the exit status can be read");
                panic!("{status} before {what}\n{}", self.log.lines().join("\n"));
            }
        }
    }

    /// Sends it a signal and waits for its end.
    pub async fn end(mut self, signal: Signal) -> ExitStatus {
        self.process.signal(signal);
        match timeout(PATIENCE, self.process.child.wait()).await {
            Ok(status) => status.expect("the exit status can be read"),
            Err(elapsed) => panic!("still running: {elapsed}\n{}", self.log.lines().join("\n")),
        }
    }
}
