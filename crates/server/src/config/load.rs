use std::{collections::HashMap, ffi::OsString, fs, path::PathBuf};

use config::{Config, File, FileFormat};

use super::{ConfigError, Settings, environment::Environment};

/// The options of the command line.
#[derive(Default)]
pub(crate) struct Overrides {
    /// A file that must exist.
    pub(crate) file: Option<PathBuf>,
    /// The data folder.
    pub(crate) data_dir: Option<PathBuf>,
}

/// Reads the configuration: the file, then the environment, which overrides it, then the command line. The second
/// answer contains warnings about the environment.
pub(crate) fn load(
    overrides: &Overrides,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<(Settings, Vec<String>), ConfigError> {
    let Environment { values, hints } = Environment::read(environment)?;
    let text = match &overrides.file {
        Some(file) => fs::read_to_string(file).map_err(|error| {
            let file = file.display();
            ConfigError::new(format!(
                "the configuration file {file} cannot be read: {error}"
            ))
        })?,
        None => String::new(),
    };
    let mut settings: Settings = Config::builder()
        .add_source(File::from_str(&text, FileFormat::Toml))
        .add_source(variables(values))
        .build()
        .and_then(Config::try_deserialize)
        .map_err(|error| ConfigError::of(&error, &text))?;
    if let Some(data_dir) = &overrides.data_dir {
        settings.data_dir = Some(data_dir.clone());
    }
    Ok((settings, hints))
}

fn variables(values: HashMap<String, String>) -> config::Environment {
    config::Environment::with_prefix("LEMON")
        .prefix_separator("_")
        .separator("__")
        .source(Some(values))
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
                .map(|(name, value)| (name.into(), value.into())),
        )
        .map(|(settings, _)| settings)
    }

    fn fault(variables: &[(&str, &str)]) -> String {
        from(variables).err().map(|e| e.to_string()).unwrap()
    }

    #[test]
    fn nothing_at_all_is_a_configuration() {
        let settings = from(&[]).unwrap();
        assert_eq!(settings.http.listen.port(), 8080);
        assert_eq!(settings.jwt.lifetime_seconds, 2_629_800);
        let catalogue = settings.services.catalogue(&settings.budgets).unwrap();
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
        let catalogue = settings.services.catalogue(&settings.budgets).unwrap();
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
        let over = [("LEMON_OPS__LISTEN".into(), "127.0.0.1:3".into())];
        let (settings, _) = load(&overrides, over).unwrap();
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
        std::fs::write(&file, "\u{feff}hush\r\n").unwrap();
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
    fn no_sentence_shows_a_value() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lemon.toml");
        for (text, said) in [
            (
                "[store]\nurl = \"postgres://lemon:hunter2@db",
                "at line 2, column",
            ),
            ("[store\nurl = 'hunter2'", "at line 1, column"),
            (
                "store = 'postgres://lemon:hunter2@db'",
                "store is wrong: it is not ",
            ),
            (
                "[store]\nmax_connections = 'hunter2'",
                "store.max_connections is wrong: ",
            ),
            (
                "[store]\ndeadline_ms = [ 'hunter2' ]",
                "store.deadline_ms is wrong: it is not ",
            ),
            ("[http]\nlisten = 'hunter2'", "http.listen is wrong: "),
            ("[http]\ndocs = 'hunter2'", "http.docs is wrong: "),
            (
                "[http]\nmax_connections = 'hunter2'",
                "http.max_connections is wrong: ",
            ),
            (
                "[twitter]\ncallback_url = 'hunter2'",
                "twitter.callback_url is wrong: ",
            ),
            ("[log]\nformat = 'hunter2'", "log.format is wrong: "),
            (
                "[services]\nlearn_me = 'hunter2'",
                "services.learn_me is wrong: ",
            ),
            (
                "[services.learn_me.budgets.reads]\nlimit = 1\nunits = 1\nperiod = 'hunter2'",
                "period is wrong: ",
            ),
            ("jwt = 99999999999999999999", "too large"),
        ] {
            std::fs::write(&file, text).unwrap();
            let overrides = Overrides {
                file: Some(file.clone()),
                data_dir: None,
            };
            let fault = load(&overrides, []).err().unwrap().to_string();
            assert!(fault.contains(said), "{text}: {fault}");
            assert!(
                !fault.contains("hunter2") && !fault.contains("9999"),
                "{fault}"
            );
            assert_eq!(fault.lines().count(), 1, "{fault}");
        }
    }

    /// A configuration with a secret in each kind of value.
    const SECRETS: &str = "data_dir = 'hunter2'
[store]
url = \"postgres://lemon:hunter2@db/lemon\"
sealing_keys = [\"a:hunter2\", 'b:hunter2']
[jwt]
secrets = '''hunter2
hunter2==
'''
[twitter]
consumer_key = \"hunter2\" # hunter2
[http]
allowed_origins = ['https://me:hunter2@app']
[services.learn_me]
zone = 'hunter2'
queues = { train = 'hunter2!', notify = \"hunter2\" }
";

    /// What a slip of the hand does to a file: a character is lost, or becomes another one.
    #[test]
    fn no_slip_in_a_file_shows_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lemon.toml");
        for (at, lost) in SECRETS.char_indices() {
            for instead in ["", "\"", "'", "\n", "=", "[", "{", "#", "\\", "\u{1}", "7"] {
                let (before, after) = (&SECRETS[..at], &SECRETS[at + lost.len_utf8()..]);
                std::fs::write(&file, format!("{before}{instead}{after}")).unwrap();
                let overrides = Overrides {
                    file: Some(file.clone()),
                    data_dir: None,
                };
                let fault = match load(&overrides, []) {
                    Ok((settings, _)) => settings.services.catalogue(&settings.budgets).err(),
                    Err(fault) => Some(fault),
                };
                let fault = fault.map(|fault| fault.to_string()).unwrap_or_default();
                assert!(!fault.contains("unter"), "{at} {instead:?}: {fault}");
            }
        }
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
