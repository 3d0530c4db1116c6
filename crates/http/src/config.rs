use std::time::Duration;

use secrecy::SecretString;

use crate::origin::Origin;

/// How the API behaves. Where it listens is the [`Listener`](crate::Listener)'s matter.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Web apps on other origins that may call with credentials.
    pub allowed_origins: Vec<Origin>,
    /// Serve Swagger UI and the OpenAPI document.
    pub docs: bool,
    /// Worker threads; as many as there are cores if none is given.
    pub workers: Option<usize>,
    /// Tokens.
    pub jwt: JwtConfig,
    /// How long anything may take.
    pub deadlines: Deadlines,
    /// Connections at a time. Further ones wait until the system accepts them no more.
    pub max_connections: usize,
}

/// How tokens are signed and verified.
#[derive(Debug, Clone)]
pub struct JwtConfig {
    /// Base64 of at least 64 bytes each. The first signs, all verify, so that a key can be rotated without signing
    /// anybody out.
    pub secrets: Vec<SecretString>,
    /// How long a token is good.
    pub lifetime: Duration,
}

impl JwtConfig {
    /// A month, as the earlier system had it: a twelfth of 365.25 days, 2,629,800 s.
    pub const DEFAULT_LIFETIME: Duration = Duration::from_secs(43_830 * 60);
}

/// How long anything may take. Past it a caller gets a problem, never a hang.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// A request's head, and then its body, to arrive (408).
    pub request: Duration,
    /// A call that asks only our own stores (503). One that has not begun to store by then stores nothing.
    pub call: Duration,
    /// A step that stores and has begun, beyond `call`: its outcome is waited for, so that the answer is true. The store's own
    /// deadline should end it earlier.
    pub storing: Duration,
    /// A call that asks Twitter as well (503).
    pub twitter: Duration,
    /// A connection that was answered, to send anything.
    pub keep_alive: Duration,
    /// A connection that was answered and sends something, to begin the next call: its head, or the rest of a body that
    /// nobody reads. From the answer on, as `keep_alive`, and longer than that.
    pub idle: Duration,
    /// An answer to be taken.
    pub answer: Duration,
    /// Calls in hand to finish once the server is told to stop. Whole seconds.
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
