use std::time::Duration;

use lemon_domain::usecases::SignIns;
use secrecy::SecretString;

use crate::{origin::Origin, protection::Protection};

/// The time for a head that begins at the last moment of the keep-alive time.
const NEXT_HEAD: Duration = Duration::from_secs(5);

/// How the API behaves. The address belongs to the [`Listener`](crate::Listener).
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Web apps on other origins that may call with credentials.
    pub allowed_origins: Vec<Origin>,
    /// Serve Swagger UI and the OpenAPI document.
    pub docs: bool,
    /// The port of [`Operations`](crate::Operations), which the document names.
    pub operations_port: u16,
    /// Worker threads; if none is given, one per core.
    pub workers: Option<usize>,
    /// Tokens.
    pub jwt: JwtConfig,
    /// How a sign-in is bound to the browser that began it.
    pub browser: BrowserConfig,
    /// The deadlines.
    pub deadlines: Deadlines,
    /// Connections at a time. Further ones wait until the system accepts no more.
    pub max_connections: usize,
    /// How long a profile is kept, here and in the caller's browser; whole seconds.
    pub keep_profiles: Duration,
    /// What keeps one caller from taking what is there for all.
    pub protection: Protection,
}

impl HttpConfig {
    /// How long a profile is kept by default: a web app reads it several times for each page.
    pub const DEFAULT_KEEP_PROFILES: Duration = Duration::from_secs(60);
}

/// How a sign-in is bound to the browser that began it: by a cookie, which the call that completes the sign-in must bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrowserConfig {
    /// Which calls must bring it.
    pub binding: BrowserBinding,
    /// From where it is sent.
    pub scope: CookieScope,
    /// The web app is on another machine, and over plain HTTP. Otherwise the cookie is `Secure`, except for who calls
    /// the API on a loopback address.
    pub plain_http: bool,
    /// How long a sign-in that was begun can be completed.
    pub lifetime: Duration,
}

impl Default for BrowserConfig {
    fn default() -> Self {
        Self {
            binding: BrowserBinding::Browsers,
            scope: CookieScope::AsCalled,
            plain_http: false,
            lifetime: SignIns::DEFAULT_PENDING_FOR,
        }
    }
}

/// Which calls must show that their browser began the sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrowserBinding {
    /// Those of browsers, and of other programs that send cookies of sign-ins. A browser shows itself by
    /// `Sec-Fetch-Site`, which no script can set.
    Browsers,
    /// All.
    Everybody,
    /// None: for a web app that does not send credentials.
    Nobody,
}

/// From where a browser sends the cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieScope {
    /// From where the sign-in was begun: as the browser says, from the same site or from another.
    AsCalled,
    /// From the API's own site: `SameSite=Lax`.
    SameSite,
    /// From other sites too: `SameSite=None; Secure; Partitioned`.
    AnySite,
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
            keep_alive: Self::DEFAULT_KEEP_ALIVE,
            idle: Self::DEFAULT_KEEP_ALIVE.saturating_add(NEXT_HEAD),
            answer: Duration::from_secs(30),
            shutdown: Duration::from_secs(20),
        }
    }
}

impl Deadlines {
    /// How long a connection is kept by default: longer than load balancers keep theirs (60 s for nginx and AWS), so
    /// that none sends a call on a connection that is just being closed.
    pub const DEFAULT_KEEP_ALIVE: Duration = Duration::from_secs(75);

    /// Sets how long a connection without a call is kept.
    #[must_use]
    pub const fn with_keep_alive(mut self, keep_alive: Duration) -> Self {
        self.keep_alive = keep_alive;
        self.idle = keep_alive.saturating_add(NEXT_HEAD);
        self
    }
}
