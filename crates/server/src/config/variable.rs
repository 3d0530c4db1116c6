/// Our variables start so.
pub(super) const PREFIX: &str = "LEMON_";
/// Between a section and its key.
pub(super) const SEPARATOR: &str = "__";
/// The environment variable of a key.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', SEPARATOR).to_uppercase())
}
