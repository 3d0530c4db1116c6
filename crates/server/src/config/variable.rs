/// The prefix of the program's variables.
pub(super) const PREFIX: &str = "LEMON_";
/// The separator between a section and its key.
pub(super) const SEPARATOR: &str = "__";
/// The environment variable of a key.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', SEPARATOR).to_uppercase())
}
