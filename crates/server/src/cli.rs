//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use lemon_domain::values::{InvalidValue, ProviderUserId, QueueName};
use secrecy::SecretString;
use uuid::Uuid;

/// Twitter tools for everybody: sign in, take one of the day's places, be told when it is ready.
///
/// Without a command, the program serves.
#[cfg_attr(
    feature = "sandbox",
    doc = "A first look needs no installation and no configuration: everything runs on this machine, with SQLite in a data folder \
           and a stand-in for Twitter, and the log shows the address of the page."
)]
#[cfg_attr(
    not(feature = "sandbox"),
    doc = "This program was built without the sandbox: it needs a configuration with the address of a Twitter."
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
    /// Configuration file (TOML). The environment overrides it
    #[arg(long, global = true, env = "LEMON_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder for the keys and databases of a single machine. The first run makes it
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
    /// Check the configuration, try every connection, and print one line for each
    Check,
    /// Migrate the database to this program's version, or back
    Migrate(MigrateArgs),
    /// Show, set or clear limits, in place of the configured ones
    ///
    /// They are stored, and each replica follows them within a second, also after a restart.
    Limits {
        #[command(subcommand)]
        action: LimitsAction,
    },
    /// Pause a service, the relay or the listener; without a name, show what is paused
    ///
    /// A paused service takes no registrations. While the relay is paused, jobs stay in the outbox; while the listener
    /// is paused, ready messages stay in their queues. Each replica follows within a second, also after a restart.
    Pause(PauseArgs),
    /// Resume what was paused
    Resume {
        /// The path of a service, `relay` or `listener`
        part: String,
    },
    /// Ask the process that serves with this configuration whether it is ready
    ///
    /// Asks the operations port, and succeeds if the answer is 200. For health checks of containers.
    Health {
        /// Ask only whether it is alive
        #[arg(long)]
        live: bool,
    },
    /// Bring people and registrations over from the earlier system's PostgreSQL database
    ///
    /// Run it after `migrate` and before the first `serve`, when the earlier system has stopped. It prints an account of
    /// everything that it read. It can be repeated: what is here already stays as it is.
    Import(ImportArgs),
    /// Print the OpenAPI document
    Openapi {
        /// Print TypeScript declarations of its bodies and calls instead
        #[arg(long)]
        typescript: bool,
    },
    /// Print the document of the queues (`AsyncAPI`), with the JSON Schemas of their messages
    Asyncapi,
    /// Create the queues on SQS, show queues and their dead letters, send dead letters again or remove them
    Queues {
        #[command(subcommand)]
        action: QueuesAction,
        /// Print JSON
        #[arg(long, global = true)]
        json: bool,
    },
    /// Show what is stored of a person, or delete it
    People {
        #[command(subcommand)]
        action: PeopleAction,
        /// Print JSON
        #[arg(long, global = true)]
        json: bool,
    },
    /// Make keys, show which keys the store needs, and seal what it has with the first key
    ///
    /// SECURITY.md says how to change a key while the program serves.
    Keys {
        #[command(subcommand)]
        action: KeysAction,
        /// Print JSON
        #[arg(long, global = true)]
        json: bool,
    },
    /// Announce a training to the workers again
    Registrations {
        #[command(subcommand)]
        action: RegistrationsAction,
        /// Print JSON
        #[arg(long, global = true)]
        json: bool,
    },
}

#[derive(Args)]
pub(crate) struct ImportArgs {
    /// The address of the earlier system's database, `postgres://…`; it is only read
    #[arg(
        long,
        env = "LEMON_IMPORT_FROM",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(crate) from: Option<SecretString>,
    /// A file with that address, which has a password
    #[arg(long, env = "LEMON_IMPORT_FROM_FILE", value_name = "FILE")]
    pub(crate) from_file: Option<PathBuf>,
    /// Only tell what would be brought over
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What only a program with the sandbox has.
#[cfg(feature = "sandbox")]
#[derive(Subcommand)]
pub(crate) enum SandboxCommand {
    /// Make the whole journey over real HTTP and print one line for each step. It succeeds only if every step succeeds
    ///
    /// The demo starts its own system on free ports, with a temporary data folder, so it can run beside another system.
    /// It signs a made-up person in, registers, waits for the training, sees the notification, deletes everything and
    /// stops.
    Demo,
    /// Run only the stand-ins for Twitter and the workers, for replicas that share them
    ///
    /// The stand-ins listen at `sandbox.listen` and work on the configured queues. Each replica names this address in
    /// `twitter.url`, and has the same `twitter.consumer_key`, `.consumer_secret` and `.callback_url`.
    Sandbox {
        /// Stand in for Twitter alone: the workers are others
        #[arg(long)]
        no_workers: bool,
    },
}

#[derive(Subcommand)]
pub(crate) enum QueuesAction {
    /// Create each queue of the configuration that is missing, with its dead-letter queue
    ///
    /// Existing queues of ready messages get the configured settings. The other existing queues belong to the workers and
    /// stay as they are.
    Create,
    /// Print how full each queue of the configuration is, and its settings
    Stats,
    /// List the dead letters of a queue, or of every queue of the configuration
    ///
    /// Each is shown with its account, reason, number of receives and size, never with its text.
    DeadLetters {
        /// The name of the queue, not of its dead-letter queue. Without it, all queues are shown
        #[arg(value_parser = queue_name)]
        queue: Option<QueueName>,
        /// The largest number of dead letters to list of a queue
        #[arg(long, default_value_t = 100, value_name = "N")]
        max: usize,
    },
    /// Send every dead letter of a queue to that queue again, or one
    Redrive {
        /// The name of the queue, not of its dead-letter queue
        #[arg(value_parser = queue_name)]
        queue: QueueName,
        /// The id of one message, as `dead-letters` shows it
        message_id: Option<String>,
    },
    /// Remove a dead letter of a queue permanently, or all of them
    Discard {
        /// The name of the queue, not of its dead-letter queue
        #[arg(value_parser = queue_name)]
        queue: QueueName,
        /// The id of one message, as `dead-letters` shows it
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        message_id: Option<String>,
        /// Every dead letter of the queue
        #[arg(long)]
        all: bool,
        /// Really remove them; they are lost
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Subcommand)]
pub(crate) enum PeopleAction {
    /// Show a person: account, registrations, uses, what waits to be sent, and dead letters about the account
    ///
    /// Dead letters are looked for among the first 1000 of each queue. If a queue cannot be read, a line says so.
    Show {
        /// The number of the person's Twitter account
        #[arg(value_parser = twitter_id)]
        twitter_id: ProviderUserId,
    },
    /// Delete a person's registrations and credentials. The cooldown stays
    ///
    /// The workers get a delete job for each registration. The person's tokens are no longer accepted, until they sign in
    /// again.
    Delete {
        /// The number of the person's Twitter account
        #[arg(value_parser = twitter_id)]
        twitter_id: ProviderUserId,
        /// Really delete them
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Subcommand)]
pub(crate) enum RegistrationsAction {
    /// Announce the training of a registration again, with the same request id, whatever its deadline
    Retry {
        /// The id of the registration's latest request, as `people show` and the log have it
        request_id: Uuid,
    },
}

#[derive(Subcommand)]
pub(crate) enum KeysAction {
    /// Print a fresh key for the configuration. Nothing else is read, changed or logged
    Generate {
        /// The kind of the key
        #[arg(value_enum)]
        kind: KeyKind,
        /// The id of a sealing key: 1 to 32 characters of a-z, A-Z, 0-9, - and _. By default it is today's date
        #[arg(long)]
        id: Option<String>,
    },
    /// Print each sealing key, what it is configured for, and how much is sealed with it
    Status,
    /// Seal everything in the store with the first key of `store.sealing_keys`
    ///
    /// The program may serve meanwhile, and the command may be repeated. Embedded queues are not in the store: a start
    /// seals what is in them.
    Reseal,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyKind {
    /// For `jwt.secrets`
    Jwt,
    /// For `store.sealing_keys`
    Sealing,
    /// For `workers.keys`
    Worker,
}

#[derive(Subcommand)]
pub(crate) enum LimitsAction {
    /// Print each budget with its limit, and who has set it
    Show {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Set the limit of a budget
    Set {
        /// The budget: the path of its service or `shared`, a dot and its name, such as `learn_me.daily`
        budget: String,
        /// Units in a window; 0 lets nobody in
        limit: u32,
    },
    /// Return to the configured limit
    Clear {
        /// The budget, such as `learn_me.daily`
        budget: String,
    },
}

#[derive(Args)]
pub(crate) struct PauseArgs {
    /// The path of a service, `relay` or `listener`
    pub(crate) part: Option<String>,
    /// Without a name: print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct MigrateArgs {
    /// The direction of the migration
    #[arg(value_enum, default_value_t = MigrationDirection::Up)]
    pub(crate) direction: MigrationDirection,
    /// With `down`: the number of migrations to revert
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) steps: u32,
    /// With `down`: really revert them; the data in what they made is lost
    #[arg(long)]
    pub(crate) yes: bool,
    /// With `down`: even while replicas serve
    #[arg(long)]
    pub(crate) force: bool,
    /// With `status`: print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MigrationDirection {
    /// Show what is applied, what is missing, and which replicas serve
    Status,
    /// Apply the missing migrations
    Up,
    /// Revert the latest migrations
    Down,
}

fn queue_name(name: &str) -> Result<QueueName, InvalidValue> {
    QueueName::parse(name)
}

fn twitter_id(digits: &str) -> Result<ProviderUserId, InvalidValue> {
    ProviderUserId::parse(digits)
}

const HELP: &str = "\
Configuration:
  Every key can be in the file ([section] key = …) and in the environment (LEMON_SECTION__KEY). The environment overrides
  the file. LEMON_SECTION__KEY_FILE names a file that contains the value. An unknown key stops the start. The README has
  the table of keys.

    LEMON_HTTP__LISTEN=0.0.0.0:8080        the address of the API
    LEMON_SERVICES__LEARN_ME__DAILY_LIMIT=400
    LEMON_LOG__FILTER=info,lemon_http=debug
    LEMON_LOG__FORMAT=json                 auto: human on a terminal, JSON elsewhere

Exit codes:
  0  success
  1  the program could not start, or a part of it ended
  2  the command line or the configuration is wrong

";

const EXAMPLES: &str = if cfg!(feature = "sandbox") {
    "\
Examples:
  lemon-toolbox                            serve without a configuration; the log shows the address
  lemon-toolbox demo                       show the whole journey in the terminal
  lemon-toolbox --config lemon.toml check  try every connection before a start"
} else {
    "\
Examples:
  lemon-toolbox --config lemon.toml check  try every connection before a start
  lemon-toolbox --config lemon.toml        serve"
};
