//! Real servers for tests, found in the first way that works:
//!
//! 1. `env`: an address in the environment, `LEMON_TEST_POSTGRES_URL`, `LEMON_TEST_REDIS_URL` or
//!    `LEMON_TEST_SQS_URL`;
//! 2. `local`: a program of this machine, started on a free port in a folder of its own.
//!
//! `LEMON_TEST_SERVICES=env` or `local` forces one. A server is shared by the tests of a process that run at
//! the same time, and ends with the last of them. Each test keeps to key names, a schema or queues of its own.

mod link;
mod local;
#[cfg(feature = "postgres")]
mod postgres;
mod redis;
mod sqs;

use std::{env, str::FromStr};

use async_trait::async_trait;

pub use link::Link;
#[cfg(feature = "postgres")]
pub use postgres::PostgresServer;
pub use redis::RedisServer;
pub use sqs::SqsServer;

/// The variable that forces a way.
const FORCED: &str = "LEMON_TEST_SERVICES";

/// How a test comes to a real server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Its address is in the environment.
    Env,
    /// A program of this machine.
    Local,
}

impl Way {
    /// All ways, or the one that `LEMON_TEST_SERVICES` forces.
    fn allowed() -> Vec<Self> {
        match env::var(FORCED) {
            Ok(name) => vec![name.parse().unwrap_or_else(|fault| panic!("{fault}"))],
            Err(_) => vec![Self::Env, Self::Local],
        }
    }
}

impl FromStr for Way {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "env" => Ok(Self::Env),
            "local" => Ok(Self::Local),
            other => Err(format!("{FORCED} is {other:?}, not env or local")),
        }
    }
}

/// A kind of server, and how to come to one in each way. Errors say why a way does not work.
#[async_trait]
trait Service: Sized {
    /// Its name.
    const NAME: &'static str;
    /// The variable that holds its address.
    const VARIABLE: &'static str;
    /// The programs that can be started, the first that is there.
    const PROGRAMS: &'static [&'static str];

    /// The path of the program to start.
    fn program() -> Result<String, String> {
        local::program(Self::PROGRAMS)
    }

    /// The server at an address.
    fn at(url: String) -> Result<Self, String>;

    /// The program at a path, started.
    async fn started(program: &str) -> Result<Self, String>;
}

/// A server in the first way that works.
///
/// # Panics
/// If none does, with the ways and what is wrong with each.
async fn find<S: Service>() -> S {
    let mut faults = Vec::new();
    for way in Way::allowed() {
        let found = match way {
            Way::Env => env::var(S::VARIABLE)
                .map_err(|_| format!("{} is not set", S::VARIABLE))
                .and_then(S::at),
            Way::Local => match S::program() {
                Ok(program) => S::started(&program).await,
                Err(fault) => Err(fault),
            },
        };
        match found {
            Ok(server) => return server,
            Err(fault) => faults.push(format!("{way:?}: {fault}").to_lowercase()),
        }
    }
    panic!(
        "this test needs {name}, and there is none.\n{faults}\n\
         Give an address in {variable}, or install {programs}.",
        name = S::NAME,
        faults = faults.join("\n"),
        variable = S::VARIABLE,
        programs = S::PROGRAMS.join(" or "),
    );
}
