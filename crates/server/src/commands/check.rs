use std::{fmt::Display, io::Write, sync::Arc};

use anyhow::{Context, anyhow};
use lemon_domain::ports::{Clock, IdSource};
use lemon_system::{SystemClock, SystemIds};
use lemon_twitter::HttpTwitterClient;

use crate::app::{Plan, StartError, TwitterPlan, connections};

/// Tries every connection, a line each.
pub(crate) async fn run(plan: Plan) -> Result<(), StartError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn IdSource> = Arc::new(SystemIds);
    let mut report = Report { faults: 0 };
    report.line(
        "configuration",
        Ok(format!("{} service(s)", plan.catalogue.iter().count())),
    )?;
    report.line("store", store(&plan).await)?;
    report.line("quota", quota(&plan, &clock).await)?;
    let queue = connections::queue(&plan.queue, &plan.data_dir, &plan.catalogue, &clock, &ids);
    report.line("queue", queue.await.map(|_| plan.queue.url()))?;
    for key in plan.unshared() {
        let what = format!("{key} is of one replica alone: another one would not share it");
        line("warning", &what)?;
    }
    report.line("twitter", twitter(&plan, clock).await)?;
    match report.faults {
        0 => Ok(()),
        faults => Err(anyhow!("{faults} part(s) cannot be used").into()),
    }
}

struct Report {
    faults: usize,
}

impl Report {
    fn line(
        &mut self,
        part: &str,
        outcome: Result<impl Display, StartError>,
    ) -> anyhow::Result<()> {
        let said = match outcome {
            Ok(detail) => format!("ok, {detail}"),
            Err(fault) => {
                self.faults += 1;
                format!("fault: {}", sentence(&fault))
            }
        };
        line(part, &said)
    }
}

fn line(name: &str, what: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{name:<14} {what}").context("cannot print")
}

fn sentence(fault: &StartError) -> String {
    match fault {
        StartError::Config(error) => error.to_string(),
        StartError::Other(error) => format!("{error:#}"),
    }
}

async fn quota(plan: &Plan, clock: &Arc<dyn Clock>) -> Result<&'static str, StartError> {
    connections::quota(&plan.quota, &plan.data_dir, &plan.catalogue, clock).await?;
    Ok(match plan.quota.address() {
        Some(_) => "redis counts",
        None => "embedded",
    })
}

async fn store(plan: &Plan) -> Result<String, StartError> {
    let store = connections::store(&plan.store, &plan.data_dir).await?;
    let pending = store
        .pending_migrations()
        .await
        .context("the store cannot be used")?;
    Ok(match pending.len() {
        0 => "up to date".to_owned(),
        missing => format!("{missing} migration(s) to apply"),
    })
}

async fn twitter(plan: &Plan, clock: Arc<dyn Clock>) -> Result<String, StartError> {
    use lemon_domain::ports::TwitterClient;
    match &plan.twitter {
        #[cfg(feature = "sandbox")]
        TwitterPlan::Sandbox(_) => Ok("sandbox".to_owned()),
        TwitterPlan::Real(config) => {
            let client =
                HttpTwitterClient::connect(config, clock).context("twitter cannot be used")?;
            client
                .request_token()
                .await
                .context("twitter cannot be used")?;
            Ok(format!("{} gave a request token", config.url))
        }
    }
}
