use std::{net::SocketAddr, path::PathBuf};

use secrecy::SecretString;
use url::Url;

/// The settings of the stand-in Twitter.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// The address on which it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The one application's key.
    pub consumer_key: String,
    /// The one application's secret.
    pub consumer_secret: SecretString,
    /// The allowed callbacks, which must match exactly.
    pub callback_urls: Vec<Url>,
    /// The key from which access tokens are computed. With the same key they remain valid over restarts.
    pub token_key: SecretString,
    /// The folder that stores posts and revocations over restarts; without it, they are only in memory.
    pub state_dir: Option<PathBuf>,
    /// Whether it may listen on other than loopback addresses, although anybody can sign in as anybody.
    pub allow_public: bool,
}
