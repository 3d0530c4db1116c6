//! The store, the counter and the queue: each with a plan that is checked without a connection, and with the step that
//! connects.

mod queue;
mod quota;
mod store;
mod waiting;

use std::{future::Future, path::Path, pin::Pin};

use anyhow::Context;
use lemon_system::files::make_private_folder;

pub(crate) use self::{queue::QueuePlan, quota::QuotaPlan, store::StorePlan, waiting::Patience};

/// Returns with the cause when the disk of a part can no longer be written; never returns for a server.
pub(crate) type Failure = Pin<Box<dyn Future<Output = String> + Send>>;

/// Makes the data folder for a database: it may be missing, because the keys are not always stored in it.
fn make(data_dir: &Path) -> anyhow::Result<()> {
    make_private_folder(data_dir)
        .with_context(|| format!("the data folder {} cannot be used", data_dir.display()))
}

fn never() -> Failure {
    Box::pin(std::future::pending())
}
