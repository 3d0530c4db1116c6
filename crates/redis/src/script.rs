use std::time::Duration;

use fred::{
    clients::Client,
    error::Error as FredError,
    interfaces::{ClientLike, LuaInterface},
    types::{Value, config::Options, scripts::Script},
};
use tokio::time::Instant;

use crate::error::RedisFault;

macro_rules! script {
    ($file:literal) => {
        Script::from_lua(concat!(
            include_str!("scripts/window.lua"),
            include_str!($file)
        ))
    };
}

/// The operations of the port. Each is one script, except `restore`. A script is atomic.
#[derive(Debug)]
pub(crate) struct Scripts {
    pub(crate) reserve: Script,
    pub(crate) release: Script,
    pub(crate) usage: Script,
    pub(crate) sums: Script,
    pub(crate) begin: Script,
    pub(crate) restore: Script,
    pub(crate) recount: Script,
    pub(crate) open: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            reserve: script!("scripts/reserve.lua"),
            release: script!("scripts/release.lua"),
            usage: script!("scripts/usage.lua"),
            sums: script!("scripts/sums.lua"),
            begin: script!("scripts/begin.lua"),
            restore: script!("scripts/restore.lua"),
            recount: script!("scripts/recount.lua"),
            open: script!("scripts/open.lua"),
        }
    }
}

/// A script with its keys, which are all in one slot, and its arguments.
#[derive(Debug)]
pub(crate) struct ScriptCall<'a> {
    pub(crate) script: &'a Script,
    pub(crate) keys: Vec<String>,
    pub(crate) args: Vec<String>,
}

impl ScriptCall<'_> {
    /// Runs the script by its hash, or by its text if the server does not have it (any more).
    pub(crate) async fn run(&self, client: &Client, until: Instant) -> Result<Value, FredError> {
        let by_hash = within(client, until)
            .evalsha(
                self.script.sha1().clone(),
                self.keys.clone(),
                self.args.clone(),
            )
            .await;
        match (by_hash, self.script.lua()) {
            (Err(error), Some(text)) if error.details().starts_with("NOSCRIPT") => {
                within(client, until)
                    .eval(text.clone(), self.keys.clone(), self.args.clone())
                    .await
            }
            (answer, _) => answer,
        }
    }
}

/// The answer of a script. Windows are numbered from 0, in the order of the call.
#[derive(Debug, PartialEq)]
pub(crate) enum ScriptAnswer {
    Done(Vec<Value>),
    /// An answer for each holder of the call, in order.
    Each(Vec<Value>),
    Unknown(usize),
    Exhausted {
        window: usize,
        used: u32,
        held: Vec<usize>,
    },
}

impl ScriptAnswer {
    pub(crate) fn read(value: Value) -> Result<Self, RedisFault> {
        let mut parts = value.into_array().into_iter();
        let word = parts.next().and_then(Value::into_string);
        match word.as_deref() {
            Some("done") => Some(Self::Done(parts.collect())),
            Some("each") => Some(Self::Each(parts.collect())),
            Some("unknown") => parts.next().as_ref().and_then(window).map(Self::Unknown),
            Some("exhausted") => exhausted(parts),
            Some("corrupt") => {
                let mut next = || parts.next().and_then(Value::into_string);
                if let (Some(key), Some(fault)) = (next(), next()) {
                    return Err(RedisFault::Corrupt { key, fault });
                }
                None
            }
            _ => None,
        }
        .ok_or(RedisFault::Answer)
    }

    /// The values of a script that never refuses.
    pub(crate) fn done(self) -> Result<Vec<Value>, RedisFault> {
        match self {
            Self::Done(values) => Ok(values),
            Self::Each(_) | Self::Unknown(_) | Self::Exhausted { .. } => Err(RedisFault::Answer),
        }
    }
}

/// A number of seats or units. A larger number becomes `u32::MAX`: no limit is higher.
pub(crate) fn count(value: &Value) -> Result<u32, RedisFault> {
    number(value).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
}

/// A number that is not negative.
pub(crate) fn number(value: &Value) -> Result<u64, RedisFault> {
    let number = value.as_i64().and_then(|number| number.try_into().ok());
    number.ok_or(RedisFault::Answer)
}

fn exhausted(mut parts: impl Iterator<Item = Value>) -> Option<ScriptAnswer> {
    Some(ScriptAnswer::Exhausted {
        window: window(&parts.next()?)?,
        used: count(&parts.next()?).ok()?,
        held: parts.map(|part| window(&part)).collect::<Option<_>>()?,
    })
}

fn window(value: &Value) -> Option<usize> {
    let number = usize::try_from(value.as_i64()?).ok()?;
    number.checked_sub(1)
}

/// The client with the remaining time as its time-out. A command that cannot be sent fails at once instead of waiting
/// in a queue: there it could run after its caller has gone.
fn within(client: &Client, until: Instant) -> fred::clients::WithOptions<Client> {
    let left = until.saturating_duration_since(Instant::now());
    client.with_options(&Options {
        // Zero would mean no time-out.
        timeout: Some(left.max(Duration::from_millis(1))),
        fail_fast: true,
        ..Options::default()
    })
}
