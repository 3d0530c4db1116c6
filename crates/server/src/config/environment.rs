//! Finds the environment variables that are keys of the configuration, and reads their values.

use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsString,
    path::Path,
};

use lemon_domain::keys::BYTE_ORDER_MARK;

use super::{
    error::ConfigError,
    settings::Settings,
    variable::{PREFIX, SEPARATOR, variable},
};

/// Keys outside of any section.
const TOP_LEVEL: [&str; 1] = ["LEMON_DATA_DIR"];
/// The end of a name whose value is the path of a file with the value.
const FILE: &str = "_FILE";

/// The environment's part of the configuration.
#[derive(Debug, Default)]
pub(super) struct Environment {
    /// Variables and their values; each key occurs only once, and no variable is part of another one's key.
    pub(super) values: HashMap<String, String>,
    /// Warnings about variables that are not keys.
    pub(super) hints: Vec<String>,
}

impl Environment {
    /// Reads the program's variables: `LEMON_<SECTION>__<KEY>` and the few keys without a section. Other variables that
    /// begin with `LEMON_` belong to somebody else: for example, Kubernetes sets some for a Service of that name.
    pub(super) fn read(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let mut ours = BTreeMap::new();
        let mut hints = Vec::new();
        for (name, value) in variables {
            // The program's variables are all ASCII.
            let Ok(name) = name.into_string() else {
                continue;
            };
            let capitals = name.to_ascii_uppercase();
            if !capitals.starts_with(PREFIX) {
                continue;
            }
            if is_ours(&capitals) {
                if name != capitals {
                    let fault = format!("{name} is not in capitals: write {capitals}");
                    return Err(ConfigError::new(fault));
                }
                ours.insert(name, value);
            } else if name == capitals {
                refuse_section(&name)?;
                hints.extend(hint(&name));
            }
        }
        let values = resolve(&ours)?;
        refuse_overlaps(&values)?;
        Ok(Self {
            values: values.into_iter().collect(),
            hints,
        })
    }
}

fn is_ours(name: &str) -> bool {
    let key = name.strip_suffix(FILE).unwrap_or(name);
    name.contains(SEPARATOR) || TOP_LEVEL.contains(&key)
}

/// Refuses a variable for a whole section: its author means a key of the section, most likely `url`.
fn refuse_section(name: &str) -> Result<(), ConfigError> {
    let section = name.trim_start_matches(PREFIX).to_lowercase();
    if Settings::have(&section) {
        let fault = format!("{name} is a section: set its keys, as LEMON_STORE__URL");
        return Err(ConfigError::new(fault));
    }
    Ok(())
}

/// A warning for a variable that looks like a key with single underscores.
fn hint(name: &str) -> Option<String> {
    let rest = name.strip_prefix(PREFIX)?;
    let rest = rest.strip_suffix(FILE).unwrap_or(rest).to_lowercase();
    let path = splits(&rest).find_map(|(section, key)| match section {
        "services" | "budgets" => splits(key)
            .map(|(name, key)| format!("{section}.{name}.{key}"))
            .find(|path| Settings::have(path)),
        _ => Some(format!("{section}.{key}")).filter(|path| Settings::have(path)),
    })?;
    Some(format!("{name} is ignored: {} is a key", variable(&path)))
}

/// Splits a name in two, at each of its underscores.
fn splits(name: &str) -> impl Iterator<Item = (&str, &str)> {
    name.match_indices('_')
        .map(|(at, _)| (&name[..at], &name[at + 1..]))
}

/// The values, where `…_FILE` is replaced by the content of the file.
fn resolve(ours: &BTreeMap<String, OsString>) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut values = BTreeMap::new();
    for (name, value) in ours {
        let Some(key) = name.strip_suffix(FILE) else {
            let text = value
                .to_str()
                .ok_or_else(|| ConfigError::new(format!("the value of {name} is not UTF-8")))?;
            values.insert(name.clone(), filled(name, text)?);
            continue;
        };
        if ours.contains_key(key) {
            return Err(ConfigError::new(format!("both {key} and {name} are set")));
        }
        let content = std::fs::read_to_string(Path::new(value)).map_err(|error| {
            ConfigError::new(format!("{name} names a file that cannot be read: {error}"))
        })?;
        values.insert(key.to_owned(), filled(name, text_of(&content))?);
    }
    Ok(values)
}

/// The text of a file, without what editors put around it: a byte order mark, white space, the end of the line.
fn text_of(content: &str) -> &str {
    content.trim_start_matches(BYTE_ORDER_MARK).trim()
}

/// Refuses an empty value, which would look like a key that is not set.
fn filled(name: &str, text: &str) -> Result<String, ConfigError> {
    if text.trim().is_empty() {
        let fault = format!("{name} is set, and empty: give it a value, or do not set it");
        return Err(ConfigError::new(fault));
    }
    Ok(text.to_owned())
}

/// Refuses two variables of which one is part of the other: it would be chance which of them counts.
fn refuse_overlaps(values: &BTreeMap<String, String>) -> Result<(), ConfigError> {
    for name in values.keys() {
        let below = format!("{name}{SEPARATOR}");
        if let Some(other) = values.keys().find(|other| other.starts_with(&below)) {
            let fault =
                format!("{name} and {other} are both set, and the one is a part of the other");
            return Err(ConfigError::new(fault));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Environment, ConfigError> {
        let variables = variables.iter();
        Environment::read(variables.map(|(name, value)| (name.into(), value.into())))
    }

    fn fault(variables: &[(&str, &str)]) -> String {
        read(variables).unwrap_err().to_string()
    }

    #[test]
    fn variables_of_other_programs_are_ignored() {
        let kubernetes = [
            ("LEMON_TOOLBOX_SERVICE_HOST", "10.0.0.1"),
            ("LEMON_TOOLBOX_SERVICE_PORT_HTTP", "8080"),
            ("LEMON_TOOLBOX_PORT", "tcp://10.0.0.1:8080"),
            ("LEMON_TOOLBOX_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("LEMON_STORE_SERVICE_HOST", "10.0.0.2"),
            ("LEMON_TEST_SERVICES", "local"),
            ("LEMON_CONFIG", "lemon.toml"),
            ("LEMONADE__PRICE", "3"),
            ("lemon_drop", ""),
        ];
        let environment = read(&kubernetes).unwrap();
        assert!(environment.values.is_empty(), "{environment:?}");
        assert!(environment.hints.is_empty(), "{environment:?}");
    }

    #[test]
    fn a_variable_that_looks_like_a_mistyped_key_is_reported() {
        let hints = |name| read(&[(name, "hush")]).unwrap().hints;
        assert_eq!(
            hints("LEMON_STORE_URL"),
            ["LEMON_STORE_URL is ignored: LEMON_STORE__URL is a key"]
        );
        assert_eq!(
            hints("LEMON_JWT_LIFETIME_SECONDS"),
            ["LEMON_JWT_LIFETIME_SECONDS is ignored: LEMON_JWT__LIFETIME_SECONDS is a key"]
        );
        assert_eq!(
            hints("LEMON_STORE_SEALING_KEYS_FILE"),
            ["LEMON_STORE_SEALING_KEYS_FILE is ignored: LEMON_STORE__SEALING_KEYS is a key"]
        );
        assert_eq!(
            hints("LEMON_SERVICES_LEARN_ME_DAILY_LIMIT"),
            [
                "LEMON_SERVICES_LEARN_ME_DAILY_LIMIT is ignored: LEMON_SERVICES__LEARN_ME__DAILY_LIMIT is a key"
            ]
        );
    }

    #[test]
    fn a_whole_section_is_refused_and_its_value_not_shown() {
        for section in ["LEMON_STORE", "LEMON_QUOTA", "LEMON_SERVICES"] {
            let said = fault(&[(section, "postgres://lemon:hunter2@db")]);
            assert!(
                said.starts_with(&format!("{section} is a section")),
                "{said}"
            );
            assert!(!said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn a_key_that_is_not_in_capitals_is_refused() {
        let said = fault(&[("LEMON_store__URL", "postgres://a:hush@b/c")]);
        assert_eq!(
            said,
            "LEMON_store__URL is not in capitals: write LEMON_STORE__URL"
        );
    }

    #[test]
    fn a_key_within_another_is_refused_by_both_names() {
        let said = fault(&[
            ("LEMON_LOG__FILTER", "info"),
            ("LEMON_LOG__FILTER__X", "info"),
        ]);
        let expected = "LEMON_LOG__FILTER and LEMON_LOG__FILTER__X are both set, and the one is a part of the other";
        assert_eq!(said, expected);
    }

    #[test]
    fn an_empty_value_is_no_value() {
        for empty in ["", " ", "\n"] {
            let said = fault(&[("LEMON_STORE__URL", empty)]);
            assert!(
                said.starts_with("LEMON_STORE__URL is set, and empty"),
                "{said}"
            );
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("empty");
        std::fs::write(&file, "\n").unwrap();
        let said = fault(&[("LEMON_STORE__URL_FILE", file.to_str().unwrap())]);
        assert!(
            said.starts_with("LEMON_STORE__URL_FILE is set, and empty"),
            "{said}"
        );
    }

    #[test]
    fn a_key_whose_value_is_not_utf8_is_refused() {
        let bytes = || OsString::from_vec(vec![b'a', 0xff]);
        let others = [(bytes(), bytes()), ("PATH".into(), bytes())];
        assert!(Environment::read(others).unwrap().values.is_empty());
        let ours = [("LEMON_STORE__URL".into(), bytes())];
        let said = Environment::read(ours).unwrap_err().to_string();
        assert_eq!(said, "the value of LEMON_STORE__URL is not UTF-8");
    }
}
