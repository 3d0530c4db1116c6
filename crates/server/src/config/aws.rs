use std::ffi::OsString;

use super::ConfigError;

/// The beginning of the AWS SDK's own variables.
const PREFIX: &str = "AWS_";

/// Refuses variables that the AWS SDK would ignore without a word, or send as they are: empty ones, and those that end in
/// a line break or are not text, as they come from files and templates.
pub(crate) fn check_aws(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<(), ConfigError> {
    for (name, value) in environment {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
            continue;
        };
        let fault = match value.to_str() {
            None => "is not UTF-8",
            Some(value) if value.trim().is_empty() => {
                "is set, and empty: give it a value, or do not set it"
            }
            Some(value) if value.trim() != value => "begins or ends with white space",
            Some(value) if value.chars().any(char::is_control) => "has a control character",
            Some(_) => continue,
        };
        return Err(ConfigError::new(format!("the value of {name} {fault}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    fn fault(name: &str, value: &[u8]) -> Option<String> {
        let variable = (name.into(), OsString::from_vec(value.to_vec()));
        check_aws([variable]).err().map(|fault| fault.to_string())
    }

    #[test]
    fn a_variable_of_aws_that_would_not_work_is_named_without_its_value() {
        for value in ["", "\n", "hunter2\n", " hunter2", "hun\tter2"] {
            let fault = fault("AWS_SECRET_ACCESS_KEY", value.as_bytes()).unwrap();
            assert!(fault.contains("AWS_SECRET_ACCESS_KEY"), "{fault}");
            assert!(!fault.contains("hunter2"), "{fault}");
        }
        assert!(fault("AWS_REGION", b"\xff").unwrap().contains("UTF-8"));
        assert_eq!(fault("AWS_REGION", b"eu-west-1"), None);
        assert_eq!(fault("OTHER", b""), None);
    }
}
