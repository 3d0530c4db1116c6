use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, anyhow};
use lemon_domain::{ports::Accounts, sealing::SealingKeys};
use lemon_postgres::{Pooling, PostgresError, SqlStore, StoreConfig};
use secrecy::{ExposeSecret, SecretString};

use super::make;
use crate::{
    app::StartError,
    config::{ConfigError, StoreSettings},
};

const NO_STORE: &str = "the store cannot be used";

/// Whether a start brings the database to the program's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MigratePolicy {
    Auto,
    Never,
}

/// The user store, as it was configured.
pub(crate) struct StorePlan {
    config: StoreConfig,
    /// The data folder, if the database is a file in it.
    folder: Option<PathBuf>,
    policy: MigratePolicy,
}

impl StorePlan {
    pub(crate) fn new(settings: &StoreSettings, data_dir: &Path) -> Result<Self, ConfigError> {
        let (url, folder) = if let Some(url) = settings.address() {
            (url.clone(), None)
        } else {
            let file = data_dir.join("lemon.db");
            let url = SecretString::from(format!("sqlite://{}", file.display()));
            (url, Some(data_dir.to_owned()))
        };
        let is_known = ["postgres://", "postgresql://", "sqlite://"]
            .iter()
            .any(|scheme| url.expose_secret().starts_with(scheme));
        if !is_known {
            let fault = "it is neither \"embedded\" nor sqlite://… nor postgres://…";
            return Err(ConfigError::wrong("store.url", fault));
        }
        let config = StoreConfig::new(url)
            .with_max_connections(settings.max_connections)
            .with_deadline(Duration::from_millis(settings.deadline_ms))
            .with_application_name(&settings.application_name);
        let config = sessions(config, settings)?;
        config.check().map_err(|fault| match fault {
            PostgresError::Address(_) if folder.is_some() => {
                ConfigError::wrong("data_dir", "its path has a question mark")
            }
            PostgresError::Address(fault) => ConfigError::wrong("store.url", fault),
            PostgresError::DirectAddress(fault) => ConfigError::wrong("store.direct_url", fault),
            PostgresError::ApplicationName(fault) => {
                ConfigError::wrong("store.application_name", fault)
            }
            other => ConfigError::wrong("store", other),
        })?;
        let policy = match settings.migrate.as_str() {
            "auto" => MigratePolicy::Auto,
            "never" => MigratePolicy::Never,
            _ => {
                let fault = "it is neither \"auto\" nor \"never\"";
                return Err(ConfigError::wrong("store.migrate", fault));
            }
        };
        Ok(Self {
            config,
            folder,
            policy,
        })
    }

    /// Sets how long a call may take.
    pub(crate) fn with_deadline(mut self, deadline: Duration) -> Self {
        self.config = self.config.with_deadline(deadline);
        self
    }

    /// Tells whether several replicas can share it.
    pub(crate) fn is_postgresql(&self) -> bool {
        !self.config.url.expose_secret().starts_with("sqlite://")
    }

    pub(crate) const fn max_connections(&self) -> u32 {
        self.config.max_connections
    }

    pub(crate) const fn deadline(&self) -> Duration {
        self.config.deadline
    }

    /// Connects. The schema stays as it is.
    pub(crate) async fn connect(&self) -> Result<SqlStore, StartError> {
        if let Some(folder) = &self.folder {
            make(folder)?;
        }
        Ok(SqlStore::connect(&self.config).await.context(NO_STORE)?)
    }

    /// Checks all that would keep the program from serving with the store, and changes nothing. Answers the missing
    /// migrations.
    pub(crate) async fn check(
        &self,
        store: &SqlStore,
        keys: &SealingKeys,
    ) -> Result<Vec<String>, StartError> {
        let pending = store.pending_migrations().await.context(NO_STORE)?;
        if self.policy == MigratePolicy::Never && !pending.is_empty() {
            let error = anyhow!(
                "the database lacks {} migration(s), and store.migrate is \"never\": run `lemon-toolbox migrate`",
                pending.len()
            );
            return Err(error.into());
        }
        store.check_rights().await.context(NO_STORE)?;
        if pending.iter().any(|name| name == ACCOUNTS) {
            // There are no accounts yet.
            return Ok(pending);
        }
        let needed = store.sealing_key_ids().await.context(NO_STORE)?;
        let lacking: Vec<_> = needed.into_iter().filter(|id| !keys.has(id)).collect();
        if lacking.is_empty() {
            Ok(pending)
        } else {
            let fault = format!(
                "it lacks the key(s) {}, with which accounts are sealed",
                lacking.join(", ")
            );
            Err(ConfigError::wrong("store.sealing_keys", fault).into())
        }
    }
}

/// Adds to a configuration what connections lead to.
fn sessions(config: StoreConfig, settings: &StoreSettings) -> Result<StoreConfig, ConfigError> {
    let pooling = match settings.pooling.as_str() {
        "session" => Pooling::Session,
        "transaction" => Pooling::Transaction,
        _ => {
            let fault = "it is neither \"session\" nor \"transaction\"";
            return Err(ConfigError::wrong("store.pooling", fault));
        }
    };
    let config = config.with_pooling(pooling).with_listens(settings.listen);
    let config = match settings.prepared_statements {
        Some(prepared) => config.with_prepared_statements(prepared),
        None => config,
    };
    let Some(direct) = &settings.direct_url else {
        return Ok(config);
    };
    if !config.url.expose_secret().starts_with("postgres") {
        let fault = "store.url is no address of PostgreSQL";
        return Err(ConfigError::wrong("store.direct_url", fault));
    }
    Ok(config.with_direct_url(direct.clone()))
}

/// The migration that makes the accounts.
const ACCOUNTS: &str = "m20261122_000001_people";

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(settings: &StoreSettings) -> Option<String> {
        let plan = StorePlan::new(settings, Path::new("data"));
        plan.err().map(|error| error.to_string())
    }

    fn with_url(url: &str) -> StoreSettings {
        StoreSettings {
            url: Some(url.into()),
            ..StoreSettings::default()
        }
    }

    #[test]
    fn a_name_that_postgresql_would_cut_off_is_refused_by_its_key() {
        let named = |application_name: String| {
            refused(&StoreSettings {
                application_name,
                ..StoreSettings::default()
            })
        };
        assert_eq!(named("n".repeat(63)), None);
        let line = named("n".repeat(64)).unwrap();
        assert!(line.contains("store.application_name"), "{line}");
    }

    #[test]
    fn an_address_that_cannot_be_used_is_refused_by_its_key() {
        for url in [
            "embedded",
            "sqlite://a.db?mode=rwc",
            "postgres://[::1]/lemon",
        ] {
            assert_eq!(refused(&with_url(url)), None, "{url}");
        }
        for url in [
            "mysql://a",
            "sqlite://",
            "sqlite://a?mode=ro",
            "postgres://a:b/c",
        ] {
            let line = refused(&with_url(url)).unwrap();
            assert!(line.contains("store.url"), "{line}");
        }
    }

    #[test]
    fn a_direct_address_is_one_of_postgresql_beside_another() {
        let refused = |url: &str, direct: &str| {
            refused(&StoreSettings {
                direct_url: Some(direct.into()),
                ..with_url(url)
            })
        };
        let pooled = "postgres://pooler:6432/lemon";
        assert_eq!(refused(pooled, "postgres://db/lemon"), None);
        for (url, direct) in [
            ("embedded", "postgres://db/lemon"),
            ("sqlite://a.db", "postgres://db/lemon"),
            (pooled, "sqlite://hunter2"),
            (pooled, "postgres://hunter2:x@db:none/x"),
        ] {
            let line = refused(url, direct).unwrap();
            assert!(line.contains("store.direct_url"), "{line}");
            assert!(!line.contains("hunter2"), "{line}");
        }
    }

    #[test]
    fn pooling_is_one_of_two_words() {
        let line = refused(&StoreSettings {
            pooling: "statement".to_owned(),
            ..StoreSettings::default()
        });
        assert!(line.unwrap().contains("store.pooling"));
    }

    #[test]
    fn the_policy_is_one_of_two_words() {
        let line = refused(&StoreSettings {
            migrate: "sometimes".to_owned(),
            ..StoreSettings::default()
        });
        assert!(line.unwrap().contains("store.migrate"));
    }
}
