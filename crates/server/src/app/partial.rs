//! The plans of commands that use only some parts: no key of another part is needed.

use std::{mem, sync::Arc, time::Duration};

use lemon_domain::{sealing::SealingKeys, values::Catalogue};

use super::{
    StartError,
    connections::{Patience, QueuePlan, StorePlan},
    plan::{check_named, data_dir, patience},
    sealing::{found_keys, found_or_made_keys},
};
use crate::config::{ConfigError, Settings};

/// When sealing keys are required.
const SEALED: &str = "because the secrets in the store are sealed";

/// What an import uses besides its source.
pub(crate) struct ImportPlan {
    pub(crate) store: StorePlan,
    pub(crate) patience: Patience,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) sealing_keys: Arc<SealingKeys>,
}

impl ImportPlan {
    /// Checks what is used. With the sandbox it then makes the keys of the data folder, as a first start does.
    pub(crate) fn new(mut settings: Settings) -> Result<Self, StartError> {
        let (store, patience) = store_of(&settings)?;
        let services = mem::take(&mut settings.services);
        let catalogue = services.catalogue(&settings.budgets)?;
        let keys = found_or_made_keys(&settings, &data_dir(&settings)?)?;
        let keys = keys.ok_or_else(|| ConfigError::missing("store.sealing_keys", SEALED))?;
        Ok(Self {
            store,
            patience,
            catalogue: Arc::new(catalogue),
            sealing_keys: Arc::new(keys),
        })
    }
}

/// What the command about people uses: the store, and the queues if their configuration is complete.
pub(crate) struct PeoplePlan {
    pub(crate) store: (StorePlan, Patience),
    pub(crate) queue: Result<QueuePlan, StartError>,
    pub(crate) catalogue: Catalogue,
    /// How long a new token is good.
    pub(crate) token_lifetime: Duration,
}

impl PeoplePlan {
    /// Checks what is used.
    pub(crate) fn new(settings: Settings) -> Result<Self, ConfigError> {
        Ok(Self {
            store: store_of(&settings)?,
            queue: queue_of(&settings),
            token_lifetime: Duration::from_secs(settings.jwt.lifetime_seconds),
            catalogue: settings.services.catalogue(&settings.budgets)?,
        })
    }
}

/// The plan of a command that uses only the store. All numbers are checked, and the services, but no secret of another
/// part is needed.
pub(crate) fn store_alone(settings: Settings) -> Result<(StorePlan, Patience), ConfigError> {
    store_and_services(settings).map(|(store, _)| store)
}

/// The plan of a command that uses the store, and knows the services.
pub(crate) fn store_and_services(
    settings: Settings,
) -> Result<((StorePlan, Patience), Catalogue), ConfigError> {
    let store = store_of(&settings)?;
    Ok((store, settings.services.catalogue(&settings.budgets)?))
}

/// The plan of a command that uses the store and its sealing keys.
pub(crate) fn store_and_keys(
    settings: Settings,
) -> Result<((StorePlan, Patience), Arc<SealingKeys>), StartError> {
    let keys = found_keys(&settings, &data_dir(&settings)?)?;
    let keys = keys.ok_or_else(|| ConfigError::missing("store.sealing_keys", SEALED))?;
    Ok((store_alone(settings)?, Arc::new(keys)))
}

/// The plan of a command that uses only the queues.
pub(crate) fn queues_alone(
    settings: Settings,
) -> Result<(QueuePlan, Catalogue, Patience), StartError> {
    let (queue, patience) = (queue_of(&settings)?, patience(&settings.start));
    let catalogue = settings.services.catalogue(&settings.budgets)?;
    Ok((queue, catalogue, patience))
}

fn store_of(settings: &Settings) -> Result<(StorePlan, Patience), ConfigError> {
    settings.check_numbers()?;
    check_named(settings, &["store.url"])?;
    let store = StorePlan::new(&settings.store, &data_dir(settings)?)?;
    Ok((store, patience(&settings.start)))
}

/// The queues, with keys for embedded ones if there are any.
fn queue_of(settings: &Settings) -> Result<QueuePlan, StartError> {
    settings.check_numbers()?;
    check_named(settings, &["queue.url"])?;
    let data_dir = data_dir(settings)?;
    let queue = QueuePlan::new(&settings.queue, &data_dir)?;
    if queue.is_embedded()
        && let Some(keys) = found_keys(settings, &data_dir)?
    {
        return Ok(queue.with_keys(Arc::new(keys)));
    }
    Ok(queue)
}
