//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use lemon_domain::values::{InvalidValue, QueueName};

/// Twitter tools for everybody: sign in, take one of the day's places, be told when it is ready.
///
/// Without a command it serves.
#[cfg_attr(
    feature = "sandbox",
    doc = "Nothing needs to be installed or configured for a first look: everything runs on this machine, with SQLite in a data \
           folder and a stand-in for Twitter, and the log says where the page is."
)]
#[cfg_attr(
    not(feature = "sandbox"),
    doc = "This program was built without the sandbox: it needs a configuration, with the address of a Twitter."
)]
#[derive(Parser)]
#[command(name = "lemon-toolbox", version, after_long_help = format!("{HELP}{EXAMPLES}"))]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Args)]
pub(crate) struct Common {
    /// Configuration file (TOML); the environment goes over it
    #[arg(long, global = true, env = "LEMON_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder for keys and databases of a single machine, made on the first run
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serve the API, relay jobs and listen for ready messages (the default)
    Serve,
    #[cfg(feature = "sandbox")]
    #[command(flatten)]
    OfSandbox(SandboxCommand),
    /// Check the configuration and try every connection, a line each
    Check,
    /// Bring the database to this program's version, or back
    Migrate {
        /// Which way
        #[arg(value_enum, default_value_t = MigrationDirection::Up)]
        direction: MigrationDirection,
        /// With `down`: how many migrations to take back
        #[arg(long, default_value_t = 1, value_name = "N")]
        steps: u32,
    },
    /// Print the OpenAPI document
    Openapi,
    /// Make the queues on SQS, look at them, and redrive their dead letters
    Queues {
        #[command(subcommand)]
        action: QueuesAction,
    },
}

/// What only a program with the sandbox has.
#[cfg(feature = "sandbox")]
#[derive(Subcommand)]
pub(crate) enum SandboxCommand {
    /// Make the whole journey over real HTTP, a line a step; succeeds only if every step held
    ///
    /// Starts a system of its own on free ports with a temporary data folder, so that it can run beside another, signs
    /// a made-up person in, registers, waits for the training, sees the notification, deletes everything and stops.
    Demo,
    /// Stand in for Twitter and the workers, for replicas that share them
    ///
    /// Listens at `sandbox.listen` and works on the configured queues. Replicas name its address in `twitter.url`, and
    /// the same `twitter.consumer_key`, `.consumer_secret` and `.callback_url` as here.
    Sandbox,
}

#[derive(Subcommand)]
pub(crate) enum QueuesAction {
    /// Make every queue of the configuration that is missing, with its dead-letter queue
    ///
    /// Those of ready messages are brought into line if they are there. The others are the workers': they stay as they are.
    Create,
    /// Print how full each queue of the configuration is, and how it is set up
    Stats,
    /// List the dead letters of a queue: why, how often received, how large; never what they say
    DeadLetters {
        /// The queue, not its dead-letter queue
        #[arg(value_parser = queue_name)]
        queue: QueueName,
        /// At most so many
        #[arg(long, default_value_t = 100, value_name = "N")]
        max: usize,
    },
    /// Send every dead letter to its queue again
    Redrive {
        /// The queue, not its dead-letter queue
        #[arg(value_parser = queue_name)]
        queue: QueueName,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MigrationDirection {
    /// Apply what is missing
    Up,
    /// Take back the latest
    Down,
}

fn queue_name(name: &str) -> Result<QueueName, InvalidValue> {
    QueueName::parse(name)
}

const HELP: &str = "\
Configuration:
  Every key can be in the file ([section] key = …) and in the environment (LEMON_SECTION__KEY), which wins. A secret may
  come from a file: LEMON_SECTION__KEY_FILE names it. An unknown key stops the start. The README has the table of keys.

    LEMON_HTTP__LISTEN=0.0.0.0:8080        where the API listens
    LEMON_SERVICES__LEARN_ME__DAILY_LIMIT=400
    LEMON_LOG__FILTER=info,lemon_http=debug
    LEMON_LOG__FORMAT=json                 auto: human on a terminal, JSON elsewhere

Exit codes:
  0  done      1  it could not be started, or a part of it ended      2  the command line or the configuration is wrong

";

const EXAMPLES: &str = if cfg!(feature = "sandbox") {
    "\
Examples:
  lemon-toolbox                            serve with nothing configured; the log says where
  lemon-toolbox demo                       see the whole journey in the terminal
  lemon-toolbox --config lemon.toml check  try every connection before a start"
} else {
    "\
Examples:
  lemon-toolbox --config lemon.toml check  try every connection before a start
  lemon-toolbox --config lemon.toml        serve"
};
