use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{QuotaCounter, QuotaError, Reservation, ReserveOutcome, Taken},
    values::{BudgetKey, Holder, Place},
};

use crate::{
    ConnectError, RedisConfig,
    address::Address,
    connections::Connections,
    error::Fault,
    keys::{Keys, expiry},
    script::{Answer, Call, Scripts},
};

/// Counts in Redis or Valkey, for any number of processes.
///
/// Dropping it closes its connections.
pub struct RedisQuotaCounter {
    connections: Connections,
    scripts: Scripts,
    keys: Keys,
}

impl RedisQuotaCounter {
    /// Connects, and proves that the server runs the scripts and takes writes. Nothing is left there.
    ///
    /// # Errors
    /// If the address is wrong, the server is out of reach, refuses the sign-in or cannot count.
    pub async fn connect(config: &RedisConfig) -> Result<Self, ConnectError> {
        let keys = Keys::new(&config.key_prefix)?;
        let address = Address::parse(&config.url)?;
        let counter = Self {
            connections: Connections::open(&address, config).await?,
            scripts: Scripts::new(),
            keys,
        };
        counter
            .probe()
            .await
            .map_err(|fault| address.explain_fault(&fault))?;
        Ok(counter)
    }

    /// Restores a window that is long over: its keys expire as they are written.
    async fn probe(&self) -> Result<(), Fault> {
        let call = Call {
            script: &self.scripts.restore,
            keys: self.keys.of_probe().into(),
            args: vec!["0".to_owned(), "1".to_owned()],
        };
        let until = self.connections.deadline();
        self.connections.run(&call, until).await.map(drop)
    }

    fn keys_of<'a>(&self, windows: impl IntoIterator<Item = &'a BudgetKey>) -> Vec<String> {
        windows
            .into_iter()
            .flat_map(|key| self.keys.of(key))
            .collect()
    }
}

#[async_trait]
impl QuotaCounter for RedisQuotaCounter {
    async fn reserve(&self, reservation: &Reservation) -> Result<ReserveOutcome, QuotaError> {
        let Reservation {
            holder,
            budgets,
            at,
        } = reservation;
        let windows: Vec<&BudgetKey> = budgets.iter().map(|budget| &budget.key).collect();
        if by_service(&windows).len() > 1 {
            return Err(Fault::SeveralServices.into());
        }
        let mut args = vec![holder.to_string(), at.timestamp_micros().to_string()];
        for budget in budgets {
            args.push(budget.limit.to_string());
            args.push(budget.units.to_string());
            args.push(expiry(&budget.key).to_string());
        }
        let call = Call {
            script: &self.scripts.reserve,
            keys: self.keys_of(windows.iter().copied()),
            args,
        };
        let answer = self
            .connections
            .run(&call, self.connections.deadline())
            .await?;
        Ok(outcome(answer, &windows)?)
    }

    async fn release(&self, holder: Holder, keys: &[BudgetKey]) -> Result<(), QuotaError> {
        let windows: Vec<&BudgetKey> = keys.iter().collect();
        let until = self.connections.deadline();
        for group in by_service(&windows) {
            let call = Call {
                script: &self.scripts.release,
                keys: self.keys_of(group.iter().map(|(_, key)| *key)),
                args: vec![holder.to_string()],
            };
            self.connections.run(&call, until).await?;
        }
        Ok(())
    }

    async fn usage(&self, keys: &[BudgetKey]) -> Result<Vec<Option<u32>>, QuotaError> {
        let windows: Vec<&BudgetKey> = keys.iter().collect();
        let until = self.connections.deadline();
        let mut usage = vec![None; keys.len()];
        for group in by_service(&windows) {
            let call = Call {
                script: &self.scripts.usage,
                keys: self.keys_of(group.iter().map(|(_, key)| *key)),
                args: Vec::new(),
            };
            match self.connections.run(&call, until).await? {
                Answer::Done(used) if used.len() == group.len() => {
                    for ((index, _), used) in group.iter().zip(used) {
                        usage[*index] = used;
                    }
                }
                _ => return Err(Fault::Answer.into()),
            }
        }
        Ok(usage)
    }

    async fn restore(
        &self,
        key: &BudgetKey,
        record: &[Place],
        as_of: DateTime<Utc>,
    ) -> Result<(), QuotaError> {
        let mut args = vec![
            as_of.timestamp_micros().to_string(),
            expiry(key).to_string(),
        ];
        for place in record {
            args.push(place.holder.to_string());
            args.push(place.seat.to_string());
            args.push(place.units.to_string());
            args.push(place.at.timestamp_micros().to_string());
        }
        let call = Call {
            script: &self.scripts.restore,
            keys: self.keys_of([key]),
            args,
        };
        self.connections
            .run(&call, self.connections.deadline())
            .await?;
        Ok(())
    }
}

/// The windows, and where they stand in the call, by service: those of one service are in one slot.
fn by_service<'a>(windows: &[&'a BudgetKey]) -> Vec<Vec<(usize, &'a BudgetKey)>> {
    let mut groups: Vec<Vec<(usize, &BudgetKey)>> = Vec::new();
    for (index, window) in windows.iter().copied().enumerate() {
        let group = groups.iter_mut().find(|group| {
            group
                .iter()
                .any(|(_, other)| other.service == window.service)
        });
        match group {
            Some(group) => group.push((index, window)),
            None => groups.push(vec![(index, window)]),
        }
    }
    groups
}

fn outcome(answer: Answer, windows: &[&BudgetKey]) -> Result<ReserveOutcome, Fault> {
    let window = |index: usize| {
        windows
            .get(index)
            .map(|key| (*key).clone())
            .ok_or(Fault::Answer)
    };
    match answer {
        Answer::Unknown(index) => window(index).map(ReserveOutcome::Unknown),
        Answer::Exhausted(index) => window(index).map(ReserveOutcome::Exhausted),
        Answer::Done(numbers) => {
            if numbers.len() != 3 * windows.len() {
                return Err(Fault::Answer);
            }
            let taken = windows
                .iter()
                .zip(numbers.chunks_exact(3))
                .map(|(key, numbers)| {
                    let &[Some(seat), Some(units), Some(used)] = numbers else {
                        return Err(Fault::Answer);
                    };
                    Ok(Taken {
                        key: (*key).clone(),
                        seat,
                        units,
                        used,
                    })
                });
            taken
                .collect::<Result<_, _>>()
                .map(ReserveOutcome::Reserved)
        }
    }
}
