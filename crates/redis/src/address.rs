use fred::{
    error::{Error as FredError, ErrorKind},
    types::config::Config as DriverConfig,
};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    error::{RedisError, RedisFault},
    tls,
};

/// The fault of an address whose scheme is right.
const NOT_READABLE: &str = "is not of the form redis://user:password@host:port/database, with a number as the port and as the database";

/// The address and the credentials of Redis. It has no `Debug`, because the driver's settings would show the password.
#[derive(Clone)]
pub(crate) struct Address {
    driver: DriverConfig,
    server: String,
}

impl Address {
    pub(crate) fn parse(url: &SecretString) -> Result<Self, RedisError> {
        let (plain_url, tls) = without_tls(url.expose_secret())?;
        let mut driver = DriverConfig::from_url(&plain_url)
            // The driver's own words may show a part of the address.
            .map_err(|_| RedisError::Address(NOT_READABLE.to_owned()))?;
        let hosts = driver.server.hosts();
        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let server = hosts.join(", ");
        if tls {
            let trust = tls::trusting_the_system();
            let trust = trust.map_err(|cause| RedisError::Tls {
                server: server.clone(),
                cause,
            })?;
            driver.tls = Some(trust);
        }
        Ok(Self { driver, server })
    }

    /// The driver's settings: servers, user, password, database and TLS.
    pub(crate) fn driver(&self) -> DriverConfig {
        self.driver.clone()
    }

    /// Tells whether it is that of a cluster.
    pub(crate) fn is_clustered(&self) -> bool {
        self.driver.server.is_clustered()
    }

    /// Why the server cannot count, explained to the author of the address.
    pub(crate) fn explain_fault(&self, fault: &RedisFault) -> RedisError {
        match fault {
            RedisFault::BrokeOff(error)
            | RedisFault::Passing(error)
            | RedisFault::Refused(error) => self.explain(error),
            other => RedisError::Refused {
                server: self.server.clone(),
                cause: other.to_string(),
            },
        }
    }

    /// Why a connection failed, explained to the author of the address.
    pub(crate) fn explain(&self, error: &FredError) -> RedisError {
        let server = self.server.clone();
        let cause = self.cause(error);
        match error.kind() {
            ErrorKind::Auth => RedisError::Credentials { server, cause },
            ErrorKind::Tls | ErrorKind::Protocol => RedisError::Tls { server, cause },
            ErrorKind::IO if self.driver.uses_tls() && is_of_tls(error) => {
                RedisError::Tls { server, cause }
            }
            // A server without TLS waits for the end of a line, which never comes.
            ErrorKind::Timeout if self.driver.uses_tls() => RedisError::Unreachable {
                server,
                cause: format!("{cause}, which a server without TLS does too"),
            },
            ErrorKind::IO | ErrorKind::Timeout | ErrorKind::Canceled | ErrorKind::Routing => {
                RedisError::Unreachable { server, cause }
            }
            _ => RedisError::Refused { server, cause },
        }
    }

    /// The driver's message, without its technical prefixes and without the password, which some servers repeat.
    pub(crate) fn cause(&self, error: &FredError) -> String {
        let details = error.details();
        // The driver formats `std::io::Error` with `Debug`; the message comes last, in quotes.
        let words = match error.kind() {
            ErrorKind::IO => details.rsplit('"').nth(1).unwrap_or(details),
            _ => details,
        };
        let words = words.trim_end_matches('.');
        match self.driver.password.as_deref() {
            Some(password) if !password.is_empty() => words.replace(password, "***"),
            _ => words.to_owned(),
        }
    }
}

fn is_of_tls(error: &FredError) -> bool {
    ["InvalidData", "tls"]
        .iter()
        .any(|word| error.details().contains(word))
}

/// The address with the scheme for no TLS, and whether the original scheme had TLS.
fn without_tls(url: &str) -> Result<(String, bool), RedisError> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let (base, kind) = scheme.split_at(scheme.find('-').unwrap_or(scheme.len()));
    let tls = match base {
        "redis" | "valkey" => false,
        "rediss" | "valkeys" => true,
        _ => return Err(not_an_address()),
    };
    match kind {
        "" | "-cluster" | "-sentinel" => Ok((format!("redis{kind}://{rest}"), tls)),
        _ => Err(not_an_address()),
    }
}

fn not_an_address() -> RedisError {
    RedisError::Address(
        "does not begin with redis:// or rediss://, perhaps with -cluster or -sentinel before the colon"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_address_is_told_without_its_text() {
        for url in [
            "",
            "hunter2://hunter2",
            "redis://:hunter2@db:hunter2",
            "redis://:hunter2@db/hunter2",
            "redis://me:hunter2#@db:6379",
            "redis-sentinel://:hunter2@db:26379?sentinelServiceName=x&node=hunter2",
            "redis-cluster://:hunter2@db:6379?node=hunter2:x",
        ] {
            let Err(refused) = Address::parse(&SecretString::from(url)) else {
                panic!("{url} is taken");
            };
            let told = format!("{refused} {refused:?}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}
