use std::time::Duration;

use secrecy::SecretString;

use crate::origin::Origin;

/// How the API behaves. The address belongs to the [`Listener`](crate::Listener).
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Web apps on other origins that may call with credentials.
    pub allowed_origins: Vec<Origin>,
    /// Serve Swagger UI and the OpenAPI document.
    pub docs: bool,
    /// Worker threads; if none is given, one per core.
    pub workers: Option<usize>,
    /// Tokens.
    pub jwt: JwtConfig,
    /// The deadlines.
    pub deadlines: Deadlines,
    /// Connections at a time. Further ones wait until the system accepts no more.
    pub max_connections: usize,
}

/// How tokens are signed and verified.
#[derive(Debug, Clone)]
pub struct JwtConfig {
    /// Base64 of at least 64 bytes each. The first signs, all verify, so that a key can be rotated without signing
    /// anybody out.
    pub secrets: Vec<SecretString>,
    /// How long a token is valid.
    pub lifetime: Duration,
}

impl JwtConfig {
    /// A month, as in the earlier system: a twelfth of 365.25 days, 2,629,800 s.
    pub const DEFAULT_LIFETIME: Duration = Duration::from_secs(43_830 * 60);
}

/// The deadlines. After a deadline a caller gets a problem, never a hang.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// For a request's head to arrive, and then for its body (408).
    pub request: Duration,
    /// For a call that uses only our own stores (503). A call that has not begun to store by then stores nothing.
    pub call: Duration,
    /// For a step that stores and has begun, in addition to `call`: the call waits for its outcome, so that the answer
    /// is true. The store's own deadline should end it earlier.
    pub storing: Duration,
    /// For a call that also uses Twitter (503).
    pub twitter: Duration,
    /// For a connection that was answered, to send anything.
    pub keep_alive: Duration,
    /// For a connection that was answered and sends something, to begin the next call: its head, or the rest of a body
    /// that nobody reads. It runs from the answer, like `keep_alive`, and is longer.
    pub idle: Duration,
    /// For a caller to take an answer.
    pub answer: Duration,
    /// For calls in flight to finish once the server is told to stop. Whole seconds.
    pub shutdown: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(5),
            call: Duration::from_secs(2),
            storing: Duration::from_secs(5),
            twitter: Duration::from_secs(10),
            keep_alive: Duration::from_secs(5),
            idle: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            shutdown: Duration::from_secs(20),
        }
    }
}
