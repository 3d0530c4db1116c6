//! What a program refuses if it is built without the feature `sandbox`.

use crate::config::{ConfigError, Settings};

/// Refuses a configuration that needs the sandbox. Its section is refused even if Twitter is the real one, like an
/// unknown section: its author expects something that is missing.
pub(super) fn check(settings: &Settings) -> Result<(), ConfigError> {
    if settings.sandbox.is_some() {
        let fault = "this program was built without the sandbox, so leave the section out";
        return Err(ConfigError::wrong("sandbox", fault));
    }
    if settings.twitter.is_sandbox() {
        let fault = "this program was built without the sandbox, which is the default, so it \
                     must be an address such as https://api.x.com";
        return Err(ConfigError::wrong("twitter.url", fault));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::{
        app::{Plan, StartError},
        config::{Overrides, load},
    };

    /// The error for a configuration that the plan refuses.
    fn fault(data_dir: &Path, variables: &[(&str, &str)]) -> String {
        let overrides = Overrides {
            file: None,
            data_dir: Some(data_dir.to_owned()),
        };
        let variables = variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        let (settings, _) = load(&overrides, variables).unwrap();
        match Plan::new(settings) {
            Err(StartError::Config(error)) => error.to_string(),
            Err(StartError::Other(error)) => panic!("it is refused for another reason: {error}"),
            Ok(_) => panic!("it is not refused"),
        }
    }

    #[test]
    fn the_sandbox_is_refused_before_anything_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");
        let real = ("LEMON_TWITTER__URL", "https://api.x.com");
        let sandbox = ("LEMON_TWITTER__URL", "sandbox");
        let section = ("LEMON_SANDBOX__TRAINING_SECONDS", "1");
        for (variables, key) in [
            (&[][..], "twitter.url"),
            (&[sandbox], "twitter.url"),
            (&[section], "sandbox"),
            (&[real, section], "sandbox"),
        ] {
            let fault = fault(&data_dir, variables);
            let named = format!(
                "the configuration's {key} is wrong: this program was built without the sandbox"
            );
            assert!(fault.starts_with(&named), "{fault}");
            assert_eq!(fault.lines().count(), 1, "{fault}");
            assert!(!data_dir.exists(), "{variables:?}");
        }
    }

    #[test]
    fn no_warning_names_a_key_of_the_sandbox() {
        let variable = ("LEMON_SANDBOX_LISTEN".into(), "127.0.0.1:0".into());
        let (_, hints) = load(&Overrides::default(), [variable]).unwrap();
        assert_eq!(hints, [""; 0]);
    }

    #[test]
    fn a_real_twitter_lacks_only_what_it_needs() {
        let folder = tempfile::tempdir().unwrap();
        let real = [("LEMON_TWITTER__URL", "https://api.x.com")];
        let fault = fault(folder.path(), &real);
        assert!(fault.contains("has no jwt.secrets"), "{fault}");
    }

    #[test]
    fn an_invalid_twitter_address_is_refused_without_naming_the_sandbox() {
        let folder = tempfile::tempdir().unwrap();
        let fault = fault(folder.path(), &[("LEMON_TWITTER__URL", "nonsense")]);
        assert_eq!(
            fault,
            "the configuration's twitter.url is wrong: it is not a URL"
        );
    }
}
