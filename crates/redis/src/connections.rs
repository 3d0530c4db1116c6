use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fred::{
    clients::{Client, Pool},
    interfaces::{ClientLike, EventInterface},
    prelude::FredResult,
    types::config::{ConnectionConfig, ReconnectPolicy, UnresponsiveConfig},
};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    ConnectError, RedisConfig,
    address::Address,
    error::Fault,
    script::{Answer, Call},
};

/// How often a call is sent whose connection breaks. Every operation may be repeated.
const ATTEMPTS: usize = 3;
/// How often a call looks whether there is a connection again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// The first and the longest wait between two attempts to reconnect, in milliseconds.
const RECONNECT_AFTER_MS: (u32, u32) = (20, 1000);

/// Connections that reconnect for as long as this lives.
pub(crate) struct Connections {
    pool: Pool,
    deadline: Duration,
    leaving_replica: Arc<AtomicBool>,
    _kept: Vec<AbortOnDropHandle<()>>,
}

impl Connections {
    pub(crate) async fn open(
        address: &Address,
        config: &RedisConfig,
    ) -> Result<Self, ConnectError> {
        let explain = |error| address.explain(&error);
        let (first, longest) = RECONNECT_AFTER_MS;
        let pool = Pool::new(
            address.driver(),
            None,
            Some(timeouts(config.deadline)),
            Some(ReconnectPolicy::new_exponential(0, first, longest, 2)),
            config.pool_size.get(),
        )
        .map_err(explain)?;
        let mut kept = Vec::with_capacity(config.pool_size.get());
        for client in pool.clients() {
            let task = AbortOnDropHandle::new(client.init().await.map_err(explain)?);
            let keeper = keep_connected(client.clone(), task, address.clone());
            kept.push(AbortOnDropHandle::new(tokio::spawn(keeper)));
        }
        Ok(Self {
            pool,
            deadline: config.deadline,
            leaving_replica: Arc::default(),
            _kept: kept,
        })
    }

    /// When a call that begins now must have ended.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.deadline
    }

    /// Runs a script.
    pub(crate) async fn run(&self, call: &Call<'_>, until: Instant) -> Result<Answer, Fault> {
        let mut attempt = 1;
        loop {
            let client = self.connected(until).await?;
            // The driver's own limit does not hold while it reconnects.
            let answer = timeout_at(until, call.run(client, until))
                .await
                .map_err(|_| Fault::TimedOut(self.deadline))?;
            match answer.map_err(Fault::of) {
                Ok(answer) => return Answer::read(answer),
                Err(Fault::BrokeOff(_)) if attempt < ATTEMPTS && Instant::now() < until => {
                    attempt += 1;
                }
                Err(fault) => {
                    self.leave_replica(&fault);
                    return Err(fault);
                }
            }
        }
    }

    /// A client with a connection, waiting for one if need be.
    async fn connected(&self, until: Instant) -> Result<&Client, Fault> {
        loop {
            let client = self.pool.next_connected();
            if client.is_connected() {
                return Ok(client);
            }
            if Instant::now() >= until {
                return Err(Fault::NotConnected(self.deadline));
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Connects anew if the server turned out to be a replica: after a failover the address leads to another one.
    fn leave_replica(&self, fault: &Fault) {
        let Fault::Passing(error) = fault else { return };
        if !error.details().contains("READONLY")
            || self.leaving_replica.swap(true, Ordering::AcqRel)
        {
            return;
        }
        let (pool, leaving, longest) = (
            self.pool.clone(),
            Arc::clone(&self.leaving_replica),
            self.deadline,
        );
        tokio::spawn(async move {
            if !matches!(
                tokio::time::timeout(longest, pool.force_reconnection()).await,
                Ok(Ok(()))
            ) {
                tracing::warn!("redis is a read-only replica and cannot be left");
            }
            leaving.store(false, Ordering::Release);
        });
    }
}

fn timeouts(deadline: Duration) -> ConnectionConfig {
    ConnectionConfig {
        connection_timeout: deadline,
        internal_command_timeout: deadline,
        reconnect_on_auth_error: true,
        // A server that hangs is left for good and connected to anew.
        unresponsive: UnresponsiveConfig {
            max_timeout: Some(deadline),
            interval: deadline / 4,
        },
        ..ConnectionConfig::default()
    }
}

/// Logs losses and restarts the driver's task, which ends for good on errors that the driver takes for final.
async fn keep_connected(
    client: Client,
    mut task: AbortOnDropHandle<FredResult<()>>,
    address: Address,
) {
    let (mut errors, mut reconnections) = (client.error_rx(), client.reconnect_rx());
    let mut lost = false;
    loop {
        tokio::select! {
            _ = &mut task => {
                sleep(Duration::from_millis(RECONNECT_AFTER_MS.1.into())).await;
                task = AbortOnDropHandle::new(client.connect());
            }
            Ok((error, _)) = errors.recv() => {
                if !lost {
                    tracing::warn!(error = address.cause(&error), "a connection to redis is lost");
                }
                lost = true;
            }
            Ok(_) = reconnections.recv() => {
                if lost {
                    tracing::info!("a connection to redis is there again");
                }
                lost = false;
            }
        }
    }
}
