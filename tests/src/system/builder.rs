use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Output,
};

use tempfile::TempDir;
use tokio::process::Command;

use super::{EarlyExit, System, command};

/// The settings of a system.
#[derive(Debug, Clone)]
pub struct SystemBuilder {
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) descriptors: Option<u32>,
}

impl SystemBuilder {
    pub(crate) fn new() -> Self {
        let ports = [
            "LEMON_HTTP__LISTEN",
            "LEMON_OPS__LISTEN",
            "LEMON_SANDBOX__LISTEN",
            "LEMON_WORKERS__LISTEN",
        ];
        let mut settings: BTreeMap<String, String> =
            ports.map(|name| (name.into(), "127.0.0.1:0".into())).into();
        // Nobody balances the load of a test.
        settings.insert("LEMON_HTTP__DRAIN_SECONDS".into(), "0".into());
        Self {
            settings,
            data_dir: None,
            descriptors: None,
        }
    }

    /// Sets an environment variable. The test's own `LEMON_…` variables do not reach the system.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.into(), value.into());
        self
    }

    /// Adds the service Draw Me, at `/api/service/draw_me`.
    #[must_use]
    pub fn draw_me(self) -> Self {
        [
            ("QUEUES__TRAIN", "DrawMeRequestQueue"),
            ("QUEUES__READY", "ServiceReadyQueue"),
            ("QUEUES__NOTIFY", "TweetNotificationQueue"),
            ("QUEUES__DELETE", "DrawMeDeleteQueue"),
            ("NOTIFICATION", "Your picture is drawn."),
        ]
        .into_iter()
        .fold(self, |system, (key, value)| {
            system.env(&format!("LEMON_SERVICES__DRAW_ME__{key}"), value)
        })
    }

    /// Makes Learn Me and Draw Me share a budget of a hundred units a month; a use takes 30 or 20 of them.
    #[must_use]
    pub fn shared_reads(self) -> Self {
        self.draw_me()
            .env("LEMON_BUDGETS__READS__LIMIT", "100")
            .env("LEMON_SERVICES__LEARN_ME__BUDGETS__READS__SHARED", "true")
            .env("LEMON_SERVICES__LEARN_ME__BUDGETS__READS__UNITS", "30")
            .env("LEMON_SERVICES__DRAW_ME__BUDGETS__READS__SHARED", "true")
            .env("LEMON_SERVICES__DRAW_ME__BUDGETS__READS__UNITS", "20")
    }

    /// Uses this data folder, which outlives the system; by default the system has a temporary one.
    #[must_use]
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(path.into());
        self
    }

    /// Limits the number of the system's descriptors.
    #[must_use]
    pub fn descriptors(mut self, most: u32) -> Self {
        self.descriptors = Some(most);
        self
    }

    /// The program with these settings in this folder, for adding arguments and starting it.
    #[must_use]
    pub fn command(&self, home: &Path) -> Command {
        command(self, home)
    }

    /// Runs another command of the program with the same settings, and waits for its end.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        let home = TempDir::with_prefix("lemon-").expect("a temporary folder can be made");
        let mut command = command(self, home.path());
        let output = command.args(arguments).output().await;
        output.expect("the binary can be started")
    }

    /// Starts the system; panics with its log if it is not ready in time.
    pub async fn start(self) -> System {
        match self.try_start().await {
            Ok(system) => system,
            Err(exit) => panic!("{exit}"),
        }
    }

    /// Starts the system, which may exit before it is ready.
    ///
    /// # Errors
    /// How it exited, and what it logged.
    pub async fn try_start(self) -> Result<System, EarlyExit> {
        System::launch(self).await
    }
}
