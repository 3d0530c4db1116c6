use serde::Deserialize;

/// The format of log lines.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// Human on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// For people.
    Human,
    /// For programs.
    Json,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogSettings {
    /// In the syntax of `tracing-subscriber`'s `Targets`: a level for all and levels for some, as
    /// `info,lemon_http=debug`.
    pub(crate) filter: String,
    pub(crate) format: LogFormat,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            format: LogFormat::Auto,
        }
    }
}
