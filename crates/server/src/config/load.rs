use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use config::{Config, Environment, File, FileFormat};

use super::Settings;

/// The environment's keys start so.
const PREFIX: &str = "LEMON_";
/// What the command line takes itself.
const NOT_KEYS: [&str; 1] = ["LEMON_CONFIG"];

/// Why a configuration is not one. One sentence, that names the key.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConfigError(String);

impl ConfigError {
    /// `fault` is a whole sentence without its full stop.
    pub(crate) fn new(fault: impl Into<String>) -> Self {
        Self(fault.into())
    }

    /// A key that must be there.
    pub(crate) fn missing(key: &str, why: &str) -> Self {
        Self(format!(
            "the configuration has no {key} ({}), which is required {why}",
            variable(key)
        ))
    }

    /// A key whose value cannot be.
    pub(crate) fn wrong(key: &str, fault: impl std::fmt::Display) -> Self {
        Self(format!("the configuration's {key} is wrong: {fault}"))
    }
}

/// What the command line says.
#[derive(Default)]
pub(crate) struct Overrides {
    /// A file that must exist.
    pub(crate) file: Option<PathBuf>,
    /// The data folder.
    pub(crate) data_dir: Option<PathBuf>,
}

/// Reads the configuration: the file, then the environment over it, then the command line.
pub(crate) fn load(
    overrides: &Overrides,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Settings, ConfigError> {
    let environment = Environment::with_prefix("LEMON")
        .prefix_separator("_")
        .separator("__")
        .source(Some(with_files(environment)?));
    let mut builder = Config::builder();
    if let Some(file) = &overrides.file {
        builder = builder.add_source(File::from(file.as_path()).format(FileFormat::Toml));
    }
    let mut settings: Settings = builder
        .add_source(environment)
        .build()
        .and_then(Config::try_deserialize)
        .map_err(|error| ConfigError::new(format!("the configuration cannot be used: {error}")))?;
    if let Some(data_dir) = &overrides.data_dir {
        settings.data_dir = Some(data_dir.clone());
    }
    Ok(settings)
}

/// Our part of the environment, with the content of files in place of `…_FILE`.
fn with_files(
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<HashMap<String, String>, ConfigError> {
    let ours: HashMap<String, String> = environment
        .into_iter()
        .filter(|(name, _)| name.starts_with(PREFIX) && !NOT_KEYS.contains(&name.as_str()))
        .collect();
    let mut resolved = HashMap::with_capacity(ours.len());
    for (name, value) in &ours {
        let Some(key) = name.strip_suffix("_FILE") else {
            resolved.insert(name.clone(), value.clone());
            continue;
        };
        if ours.contains_key(key) {
            return Err(ConfigError::new(format!("both {key} and {name} are set")));
        }
        let content = std::fs::read_to_string(Path::new(value)).map_err(|error| {
            ConfigError::new(format!("{name} names a file that cannot be read: {error}"))
        })?;
        resolved.insert(key.to_owned(), content.trim().to_owned());
    }
    Ok(resolved)
}

/// The environment variable of a key.
fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        load(
            &Overrides::default(),
            variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    fn fault(variables: &[(&str, &str)]) -> String {
        from(variables).err().map(|e| e.to_string()).unwrap()
    }

    #[test]
    fn nothing_at_all_is_a_configuration() {
        let settings = from(&[]).unwrap();
        assert_eq!(settings.http.listen.port(), 8080);
        assert_eq!(settings.jwt.lifetime_seconds, 2_629_800);
        let catalogue = settings.services.catalogue().unwrap();
        assert_eq!(catalogue.iter().next().unwrap().daily.limit, 400);
    }

    #[test]
    fn the_environment_reaches_every_depth() {
        let settings = from(&[
            ("LEMON_DATA_DIR", "somewhere"),
            ("LEMON_SERVICES__LEARN_ME__DAILY_LIMIT", "7"),
            ("LEMON_SERVICES__LEARN_ME__BUDGETS__READS__LIMIT", "90"),
            ("LEMON_SERVICES__LEARN_ME__BUDGETS__READS__UNITS", "30"),
            ("LEMON_JWT__SECRETS", "one, two"),
            ("LEMON_TWITTER__CONSUMER_KEY", "0123"),
            ("LEMON_TWITTER__API", "v1.1"),
            ("UNRELATED", "x"),
        ])
        .unwrap();
        assert_eq!(settings.data_dir, Some(PathBuf::from("somewhere")));
        assert_eq!(settings.jwt.secrets.0[1].expose_secret(), "two");
        let key = settings.twitter.consumer_key.unwrap();
        assert_eq!(key.expose_secret(), "0123");
        let catalogue = settings.services.catalogue().unwrap();
        let service = catalogue.iter().next().unwrap();
        assert_eq!(service.daily.limit, 7);
        assert_eq!(
            (service.budgets[0].limit, service.budgets[0].units),
            (90, 30)
        );
    }

    #[test]
    fn a_file_comes_before_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lemon.toml");
        std::fs::write(
            &file,
            "[http]\nlisten = '127.0.0.1:1'\nallowed_origins = ['https://a.example']\n[ops]\nlisten = '127.0.0.1:2'\n",
        )
        .unwrap();
        let overrides = Overrides {
            file: Some(file),
            data_dir: Some("there".into()),
        };
        let over = [("LEMON_OPS__LISTEN".to_owned(), "127.0.0.1:3".to_owned())];
        let settings = load(&overrides, over).unwrap();
        assert_eq!(settings.http.listen.port(), 1);
        assert_eq!(settings.ops.listen.port(), 3);
        assert_eq!(
            settings.http.allowed_origins.unwrap().0,
            ["https://a.example"]
        );
        assert_eq!(settings.data_dir, Some("there".into()));
    }

    #[test]
    fn a_secret_may_come_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "hush\n").unwrap();
        let path = file.to_str().unwrap();
        let settings = from(&[("LEMON_TWITTER__CONSUMER_SECRET_FILE", path)]).unwrap();
        let secret = settings.twitter.consumer_secret.unwrap();
        assert_eq!(secret.expose_secret(), "hush");
        let both = [
            ("LEMON_TWITTER__CONSUMER_SECRET_FILE", path),
            ("LEMON_TWITTER__CONSUMER_SECRET", "x"),
        ];
        assert!(fault(&both).starts_with("both "));
    }

    #[test]
    fn unknown_and_wrong_keys_are_named() {
        assert!(fault(&[("LEMON_HTTP__LISTN", "x")]).contains("listn"));
        assert!(fault(&[("LEMON_HTP__LISTEN", "x")]).contains("htp"));
        assert!(fault(&[("LEMON_HTTP__LISTEN", "x")]).contains("http.listen"));
        assert!(fault(&[("LEMON_SERVICES__LEARN_ME__LIMT", "1")]).contains("limt"));
        assert!(
            fault(&[("LEMON_SERVICES__LEARN_ME__DAILY_LIMIT", "-1")])
                .contains("services.learn_me.daily_limit")
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let overrides = Overrides {
            file: Some("nowhere/lemon.toml".into()),
            data_dir: None,
        };
        let fault = load(&overrides, []).err().unwrap().to_string();
        assert!(fault.contains("nowhere/lemon.toml"), "{fault}");
    }
}
