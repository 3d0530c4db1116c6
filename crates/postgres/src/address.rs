use std::env;
#[cfg(feature = "sqlite")]
use std::path::PathBuf;

use sea_orm::sqlx::postgres::PgConnectOptions;
use secrecy::{ExposeSecret, SecretString};

use crate::error::PostgresError;

/// Where a database is.
#[derive(Debug)]
pub(crate) enum StoreAddress {
    Postgres(Box<PgConnectOptions>),
    #[cfg(feature = "sqlite")]
    Sqlite(PathBuf),
}

impl StoreAddress {
    /// Reads an address. The error never quotes it: it may hold a password.
    pub(crate) fn parse(url: &SecretString) -> Result<Self, PostgresError> {
        let url = url.expose_secret();
        match url.split_once("://") {
            Some(("postgres" | "postgresql", _)) => server(url).map(Box::new).map(Self::Postgres),
            #[cfg(feature = "sqlite")]
            Some(("sqlite", path)) => file(path).map(Self::Sqlite),
            _ => Err(fault(if cfg!(feature = "sqlite") {
                "it must begin with postgres:// or sqlite://"
            } else {
                "it must begin with postgres://"
            })),
        }
    }
}

/// Reads the address of a PostgreSQL server past a pooler. The error never quotes it.
pub(crate) fn direct(url: &SecretString) -> Result<PgConnectOptions, PostgresError> {
    match StoreAddress::parse(url) {
        Ok(StoreAddress::Postgres(options)) => Ok(*options),
        Err(PostgresError::Address(fault)) => Err(PostgresError::DirectAddress(fault)),
        _ => Err(PostgresError::DirectAddress(
            "it must begin with postgres://".to_owned(),
        )),
    }
}

fn server(url: &str) -> Result<PgConnectOptions, PostgresError> {
    let options = url
        .parse::<PgConnectOptions>()
        .map_err(|_| fault("it is not a PostgreSQL address"))?
        // Poolers refuse a startup parameter that they do not know, and no column of this crate is a float.
        .extra_float_digits(None::<i8>);
    // The driver takes the brackets of an IPv6 address for a part of it.
    let host = options.get_host();
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .map(str::to_owned);
    let options = match bare {
        Some(host) => options.host(&host),
        None => options,
    };
    // The driver trusts the roots that it was built with. Other parts of a program go by this variable, too.
    Ok(match env::var_os("SSL_CERT_FILE") {
        Some(file) if !url.contains("sslrootcert=") => options.ssl_root_cert(file),
        _ => options,
    })
}

/// The path of a file. The only parameter is one that many tools add, and that says what happens in any case: the file
/// is read and written, and created if there is none.
#[cfg(feature = "sqlite")]
fn file(path: &str) -> Result<PathBuf, PostgresError> {
    let path = match path.split_once('?') {
        Some((path, "mode=rwc")) => path,
        Some(_) => {
            return Err(fault(
                "after sqlite:// it has a parameter other than mode=rwc",
            ));
        }
        None => path,
    };
    if path.is_empty() || path.starts_with(":memory:") {
        return Err(fault("sqlite:// must be followed by the path of a file"));
    }
    Ok(PathBuf::from(path))
}

fn fault(fault: &str) -> PostgresError {
    PostgresError::Address(fault.to_owned())
}

#[cfg(test)]
mod tests {
    use sea_orm::sqlx::ConnectOptions;
    use tokio::{io::AsyncReadExt, net::TcpListener};

    use super::*;

    fn parse(url: &str) -> Result<StoreAddress, PostgresError> {
        StoreAddress::parse(&SecretString::from(url))
    }

    #[test]
    fn an_ipv6_address_has_no_brackets_for_the_driver() {
        let Ok(StoreAddress::Postgres(options)) = parse("postgres://me:x@[::1]:5433/lemon") else {
            panic!("it is an address");
        };
        assert_eq!((options.get_host(), options.get_port()), ("::1", 5433));
    }

    #[test]
    fn a_wrong_address_is_told_without_its_text() {
        for url in [
            "",
            "mysql://hunter2",
            "postgres://hunter2:hunter2@db:none/x",
            "postgres://db/x?sslmode=hunter2",
        ] {
            let refused = parse(url).unwrap_err().to_string();
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }

    /// The parameters that `PgBouncer` knows (<https://www.pgbouncer.org/config.html#ignore_startup_parameters>): it refuses
    /// a connection with another one.
    #[tokio::test]
    async fn a_connection_begins_with_parameters_that_poolers_know() {
        let pooler = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "postgres://me@{}/lemon?sslmode=disable&application_name=lemon",
            pooler.local_addr().unwrap()
        );
        let Ok(StoreAddress::Postgres(options)) = parse(&url) else {
            panic!("it is an address");
        };
        let connecting = tokio::spawn(async move { options.connect().await });
        let (mut stream, _) = pooler.accept().await.unwrap();
        let length = stream.read_u32().await.unwrap();
        let mut startup = vec![0; usize::try_from(length).unwrap() - 4];
        stream.read_exact(&mut startup).await.unwrap();
        connecting.abort();
        // The version of the protocol, then names and values.
        let texts = startup[4..].split(|byte| *byte == 0);
        let texts: Vec<_> = texts.map(String::from_utf8_lossy).collect();
        for name in texts.iter().step_by(2).filter(|name| !name.is_empty()) {
            let known = [
                "user",
                "database",
                "client_encoding",
                "DateStyle",
                "TimeZone",
                "application_name",
            ];
            assert!(known.contains(&&**name), "{name}");
        }
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn a_file_has_a_path_and_no_parameter_that_is_not_kept() {
        for (url, path) in [
            ("sqlite:///a/b.db", "/a/b.db"),
            ("sqlite://b.db?mode=rwc", "b.db"),
        ] {
            let parsed = parse(url).unwrap();
            assert!(
                matches!(parsed, StoreAddress::Sqlite(file) if file == std::path::Path::new(path))
            );
        }
        for url in [
            "sqlite://",
            "sqlite://?mode=rwc",
            "sqlite://:memory:",
            "sqlite://b.db?mode=ro",
            "sqlite://b.db?mode=rwc&cache=shared",
        ] {
            assert!(parse(url).is_err(), "{url}");
        }
    }
}
