mod leaving;
mod line;

use std::{
    borrow::Borrow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use fred::{
    clients::{Client, Pool},
    cmd,
    error::Error as FredError,
    interfaces::ClientLike,
    types::config::{ConnectionConfig, ReconnectPolicy, TcpConfig, UnresponsiveConfig},
};
use socket2::TcpKeepalive;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use self::{
    leaving::Leaving,
    line::{PooledClient, Slot},
};
use crate::{
    address::Address,
    config::RedisConfig,
    error::{RedisError, RedisFault},
    script::{ScriptAnswer, ScriptCall},
};

/// How often a call is sent if its connection breaks. Every operation may be repeated.
const ATTEMPTS: usize = 3;
/// How often a waiting call checks for a connection.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// The first and the longest wait between two attempts to reconnect, in milliseconds.
const RECONNECT_AFTER_MS: (u32, u32) = (20, 1000);
/// A connection without traffic is probed after this time, and then each second.
const PROBE_AFTER: Duration = Duration::from_secs(5);
/// The server's system must acknowledge sent data, or a probe, within this time; otherwise the connection is closed.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(5);

/// A set of connections. Those that were opened here reconnect as long as this lives.
pub(crate) struct RedisConnections {
    slots: Vec<Arc<Slot>>,
    next: AtomicUsize,
    deadline: Duration,
    replica: Leaving,
    _kept: Vec<AbortOnDropHandle<()>>,
}

impl RedisConnections {
    pub(crate) async fn open(address: &Address, config: &RedisConfig) -> Result<Self, RedisError> {
        let (first, longest) = RECONNECT_AFTER_MS;
        let client = Client::new(
            address.driver(),
            None,
            Some(settings(config.deadline)),
            Some(ReconnectPolicy::new_exponential(0, first, longest, 2)),
        );
        let (mut slots, mut kept) = (Vec::new(), Vec::new());
        for _ in 0..config.pool_size.get() {
            let client = client.clone_new();
            let task = client
                .init()
                .await
                .map_err(|error| address.explain(&error))?;
            let slot = Arc::new(Slot::new(client));
            let keeper = line::keep_connected(
                Arc::clone(&slot),
                AbortOnDropHandle::new(task),
                address.clone(),
            );
            slots.push(slot);
            kept.push(AbortOnDropHandle::new(tokio::spawn(keeper)));
        }
        Ok(Self {
            slots,
            next: AtomicUsize::new(0),
            deadline: config.deadline,
            replica: Leaving::default(),
            _kept: kept,
        })
    }

    /// Uses clients that the caller keeps connected: this replaces none of them, and does not close them when it is
    /// dropped.
    pub(crate) fn of(pool: &Pool, deadline: Duration) -> Self {
        let clients = pool.clients().iter().cloned();
        Self {
            slots: clients.map(|client| Arc::new(Slot::new(client))).collect(),
            next: AtomicUsize::new(0),
            deadline,
            replica: Leaving::default(),
            _kept: Vec::new(),
        }
    }

    /// The deadline of a call that begins now.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.deadline
    }

    /// Runs a script.
    pub(crate) async fn run(
        &self,
        call: &ScriptCall<'_>,
        until: Instant,
    ) -> Result<ScriptAnswer, RedisFault> {
        let answer = self.run_while(|| Some(call), until).await?;
        answer.ok_or(RedisFault::Answer)
    }

    /// Runs a script whose call is made for each attempt, when there is a connection; `None` if nothing is to be sent
    /// any more.
    pub(crate) async fn run_while<'a, C: Borrow<ScriptCall<'a>>>(
        &self,
        mut call: impl FnMut() -> Option<C>,
        until: Instant,
    ) -> Result<Option<ScriptAnswer>, RedisFault> {
        let mut attempt = 1;
        loop {
            let line = self.connected(until).await?;
            let Some(call) = call() else { return Ok(None) };
            let sent = Instant::now();
            let limit = limit(attempt, sent, until, self.deadline);
            let fault = match self.attempt(call.borrow(), &line, limit).await {
                Ok(answer) => return ScriptAnswer::read(answer).map(Some),
                Err(fault) => fault,
            };
            if fault.is_of_silence() {
                self.leave_silent(sent, limit);
            } else if fault.is_of_a_replica() {
                self.leave_replica();
            }
            if !fault.is_of_the_connection() || attempt == ATTEMPTS || Instant::now() >= until {
                return Err(fault);
            }
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        call: &ScriptCall<'_>,
        line: &PooledClient,
        limit: Instant,
    ) -> Result<fred::types::Value, RedisFault> {
        // The driver's own limit does not apply while it reconnects.
        let answer = timeout_at(limit, call.run(&line.client, limit)).await;
        let answer = answer.map_err(|_| RedisFault::TimedOut(self.deadline))?;
        let answer = answer.map_err(RedisFault::of);
        if !matches!(&answer, Err(fault) if fault.is_of_the_connection()) {
            line.seen_alive();
        }
        answer
    }

    /// Tells whether the server is a node of a cluster, if it says so: it may forbid the question.
    pub(crate) async fn is_cluster_node(&self, until: Instant) -> Result<bool, RedisFault> {
        let line = self.connected(until).await?;
        let info = line.client.custom(cmd!("INFO"), vec!["cluster"]);
        let info = timeout_at(until, info).await;
        let info: Result<String, FredError> =
            info.map_err(|_| RedisFault::TimedOut(self.deadline))?;
        Ok(info.is_ok_and(|info| info.contains("cluster_enabled:1")))
    }

    /// A client that is connected; waits for one if necessary.
    async fn connected(&self, until: Instant) -> Result<Arc<PooledClient>, RedisFault> {
        loop {
            for _ in &self.slots {
                let next = self.next.fetch_add(1, Ordering::Relaxed) % self.slots.len();
                let line = self.slots[next].line();
                if line.client.is_connected() {
                    return Ok(line);
                }
            }
            if Instant::now() >= until {
                return Err(RedisFault::NotConnected(self.deadline));
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Replaces each connection that has been silent since a call was sent that got no answer: it has brought no answer
    /// and was not made since then. The driver would not do so: it considers a connection alive if it can write to it.
    ///
    /// A call that had less than half of a deadline for its answer proves nothing: the last of several scripts under
    /// one deadline has little time left if the server is only slow.
    fn leave_silent(&self, since: Instant, limit: Instant) {
        if limit.saturating_duration_since(since) < self.deadline / 2 {
            return;
        }
        for slot in &self.slots {
            slot.leave_if(|line| line.is_silent_since(since));
        }
    }

    /// Replaces all connections if the server turned out to be a replica: after a failover the address leads to another
    /// server. As long as it does not, the pause before the next replacement grows.
    fn leave_replica(&self) {
        if !self.replica.may_leave(Instant::now()) {
            return;
        }
        for slot in &self.slots {
            slot.leave_if(|line| line.client.is_connected());
        }
    }
}

/// When an attempt that is sent now is given up. The first attempt gets half of a deadline, if as much is left: its
/// connection may be dead without notice, and the rest of the time is for another connection.
fn limit(attempt: usize, sent: Instant, until: Instant, deadline: Duration) -> Instant {
    if attempt == 1 {
        until.min(sent + deadline / 2)
    } else {
        until
    }
}

fn settings(deadline: Duration) -> ConnectionConfig {
    ConnectionConfig {
        connection_timeout: deadline,
        internal_command_timeout: deadline,
        reconnect_on_auth_error: true,
        // A connection to a server that hangs is abandoned, and a new one is made.
        unresponsive: UnresponsiveConfig {
            max_timeout: Some(deadline),
            interval: deadline / 4,
        },
        tcp: TcpConfig {
            nodelay: Some(true),
            keepalive: Some(
                TcpKeepalive::new()
                    .with_time(PROBE_AFTER)
                    .with_interval(Duration::from_secs(1)),
            ),
            #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
            user_timeout: Some(CONFIRMED_WITHIN),
            ..TcpConfig::default()
        },
        ..ConnectionConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use fred::types::config::Config;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(4);

    fn connections() -> RedisConnections {
        let pool = Pool::new(Config::default(), None, None, None, 1).unwrap();
        RedisConnections::of(&pool, DEADLINE)
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_attempt_has_half_of_a_deadline_or_what_is_left() {
        let began = Instant::now();
        let until = began + DEADLINE;
        let late = began + Duration::from_secs(3);
        let first = |sent| limit(1, sent, until, DEADLINE);
        assert_eq!(first(began), began + Duration::from_secs(2));
        assert_eq!(first(began + Duration::from_secs(1)), late);
        assert_eq!(first(late), until);
        assert_eq!(limit(2, late, until, DEADLINE), until);
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_call_that_had_half_of_a_deadline_shows_that_connections_are_silent() {
        let connections = connections();
        let line = connections.slots[0].line();
        let until = connections.deadline();
        let second = Duration::from_secs(1);
        for late in [until - second, until, until + second] {
            tokio::time::advance(late - Instant::now()).await;
            connections.leave_silent(late, limit(1, late, until, DEADLINE));
            assert!(!line.is_left(), "{late:?}");
        }
        let sent = Instant::now();
        let until = connections.deadline();
        connections.leave_silent(sent, limit(1, sent, until, DEADLINE));
        assert!(line.is_left());
    }
}
