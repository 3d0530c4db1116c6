use std::{net::SocketAddr, path::PathBuf};

use secrecy::SecretString;
use url::Url;

/// How the stand-in Twitter is set up.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The one application's key.
    pub consumer_key: String,
    /// The one application's secret.
    pub consumer_secret: SecretString,
    /// Where people may come back to, compared letter by letter.
    pub callback_urls: Vec<Url>,
    /// What access tokens are made from. With the same key they stay good over restarts.
    pub token_key: SecretString,
    /// Where posts and revocations are kept over restarts; without it, in memory only.
    pub state_dir: Option<PathBuf>,
    /// May listen on other than loopback addresses, though anybody can sign in as anybody.
    pub allow_public: bool,
}
