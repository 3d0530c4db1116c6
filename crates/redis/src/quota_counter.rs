mod answers;
mod reserving;
mod restoring;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use fred::{
    clients::Pool,
    types::{Value, scripts::Script},
};
use lemon_batching::Batches;
use lemon_domain::{
    ports::{
        QuotaCounter, QuotaError, RecordedSegment, Reservation, ReserveOutcome, RestorationId,
        WindowSums,
    },
    values::{BudgetKey, Holder},
};
use tokio::time::Instant;

use self::reserving::{AskedReservation, ReservingScript};
use crate::{
    address::Address,
    config::RedisConfig,
    connections::RedisConnections,
    error::{RedisError, RedisFault},
    keys::{KeyPrefix, RedisKeys, expiry, field},
    script::{ScriptCall, Scripts, count, number},
};

/// Counts in Redis or Valkey, for any number of processes.
///
/// A cluster refuses a reservation in several scopes, unless their keys are [in one slot](KeyPrefix::in_one_slot).
pub struct RedisQuotaCounter {
    connections: Arc<RedisConnections>,
    reservations: Batches<ReservingScript>,
    scripts: Scripts,
    keys: RedisKeys,
}

impl RedisQuotaCounter {
    /// Uses connections of the caller, which may be used for other purposes as well. No call takes longer than the
    /// deadline.
    ///
    /// The caller connects them and keeps them connected. While none is connected, calls are `Unavailable`. Only the
    /// pool's own settings decide when a dead connection, or one to a primary that has become a replica, is replaced.
    #[must_use]
    pub fn new(pool: &Pool, key_prefix: KeyPrefix, deadline: Duration) -> Self {
        Self::over(
            RedisConnections::of(pool, deadline),
            RedisKeys::new(key_prefix),
        )
    }

    fn over(connections: RedisConnections, keys: RedisKeys) -> Self {
        let (connections, scripts) = (Arc::new(connections), Scripts::new());
        Self {
            reservations: Batches::new(ReservingScript {
                connections: Arc::clone(&connections),
                script: scripts.reserve.clone(),
                keys: keys.clone(),
            }),
            connections,
            scripts,
            keys,
        }
    }

    /// Connects, and checks that the server runs the scripts and accepts writes. It leaves no data there.
    ///
    /// This counter owns its connections: dead ones are replaced, and all are closed when it is dropped.
    ///
    /// # Errors
    /// If the address is wrong, or the server is unreachable, refuses the credentials or cannot count.
    pub async fn connect(config: &RedisConfig) -> Result<Self, RedisError> {
        let keys = RedisKeys::new(config.prefix()?);
        let address = Address::parse(&config.url)?;
        let counter = Self::over(RedisConnections::open(&address, config).await?, keys);
        let explained = |fault| address.explain_fault(&fault);
        let until = counter.connections.deadline();
        let is_node = counter.connections.is_cluster_node(until).await;
        if is_node.map_err(explained)? && !address.is_clustered() {
            return Err(RedisError::Address(
                "leads to a node of a Redis Cluster, so it must begin with redis-cluster:// or rediss-cluster://"
                    .to_owned(),
            ));
        }
        counter.probe().await.map_err(explained)?;
        Ok(counter)
    }

    /// Begins to restore a window of the distant past: its keys expire as soon as they are written.
    async fn probe(&self) -> Result<(), RedisFault> {
        let call = ScriptCall {
            script: &self.scripts.begin,
            keys: self.keys.of_probe().into(),
            args: vec!["1".to_owned()],
        };
        let until = self.connections.deadline();
        self.connections.run(&call, until).await.map(drop)
    }

    /// Runs a script on one window.
    async fn run(
        &self,
        script: &Script,
        key: &BudgetKey,
        args: Vec<String>,
    ) -> Result<Vec<Value>, RedisFault> {
        self.run_until(script, key, args, self.connections.deadline())
            .await
    }

    async fn run_until(
        &self,
        script: &Script,
        key: &BudgetKey,
        args: Vec<String>,
        until: Instant,
    ) -> Result<Vec<Value>, RedisFault> {
        let call = ScriptCall {
            script,
            keys: self.keys.of(key).into(),
            args,
        };
        self.connections.run(&call, until).await?.done()
    }

    fn keys_of<'a>(&self, windows: impl IntoIterator<Item = &'a BudgetKey>) -> Vec<String> {
        windows
            .into_iter()
            .flat_map(|key| self.keys.of(key))
            .collect()
    }

    /// Groups the windows that are in one slot of a cluster, each with its index in the call.
    fn by_slot<'a>(&self, windows: &'a [BudgetKey]) -> Vec<Vec<(usize, &'a BudgetKey)>> {
        let mut groups: Vec<Vec<(usize, &BudgetKey)>> = Vec::new();
        for (index, window) in windows.iter().enumerate() {
            let group = groups.iter_mut().find(|group| {
                let mut others = group.iter();
                others.any(|(_, other)| self.keys.are_together(other, window))
            });
            match group {
                Some(group) => group.push((index, window)),
                None => groups.push(vec![(index, window)]),
            }
        }
        groups
    }
}

#[async_trait]
impl QuotaCounter for RedisQuotaCounter {
    async fn reserve(&self, reservation: &Reservation) -> Result<ReserveOutcome, QuotaError> {
        let asked = AskedReservation {
            reservation: reservation.clone(),
            until: self.connections.deadline(),
        };
        let answer = self.reservations.ask(asked).await;
        let answer = answer.map_err(RedisFault::Unanswered)?;
        Ok(answer?)
    }

    async fn release(
        &self,
        holder: &Holder,
        keys: &[BudgetKey],
        as_of: DateTime<Utc>,
    ) -> Result<(), QuotaError> {
        let until = self.connections.deadline();
        for group in self.by_slot(keys) {
            let call = ScriptCall {
                script: &self.scripts.release,
                keys: self.keys_of(group.iter().map(|(_, key)| *key)),
                args: vec![field(holder), as_of.timestamp_micros().to_string()],
            };
            self.connections.run(&call, until).await?;
        }
        Ok(())
    }

    async fn usage(&self, keys: &[BudgetKey]) -> Result<Vec<Option<u32>>, QuotaError> {
        let until = self.connections.deadline();
        let mut usage = vec![None; keys.len()];
        for group in self.by_slot(keys) {
            let call = ScriptCall {
                script: &self.scripts.usage,
                keys: self.keys_of(group.iter().map(|(_, key)| *key)),
                args: Vec::new(),
            };
            let used = self.connections.run(&call, until).await?.done()?;
            if used.len() != group.len() {
                return Err(RedisFault::Answer.into());
            }
            for ((index, _), used) in group.iter().zip(used) {
                if !used.is_null() {
                    usage[*index] = Some(count(&used)?);
                }
            }
        }
        Ok(usage)
    }

    async fn sums(&self, key: &BudgetKey) -> Result<WindowSums, QuotaError> {
        let answer = self.run(&self.scripts.sums, key, Vec::new()).await?;
        Ok(answers::sums(answer)?)
    }

    async fn begin_restoration(
        &self,
        key: &BudgetKey,
    ) -> Result<Option<RestorationId>, QuotaError> {
        let args = vec![expiry(key).to_string()];
        let answer = self.run(&self.scripts.begin, key, args).await?;
        let id = answer.first().map(number).transpose()?;
        Ok(id.map(RestorationId))
    }

    async fn restore(&self, record: &RecordedSegment) -> Result<bool, QuotaError> {
        Ok(self.restore_parts(record).await?)
    }

    async fn open(&self, key: &BudgetKey, restoration: RestorationId) -> Result<bool, QuotaError> {
        let args = vec![restoration.0.to_string()];
        let answer = self.run(&self.scripts.open, key, args).await?;
        Ok(answers::is_done(&answer)?)
    }
}
