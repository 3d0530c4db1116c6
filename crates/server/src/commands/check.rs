use std::{fmt::Display, sync::Arc};

use anyhow::{Context, anyhow};
use lemon_domain::{
    ports::{Clock, IdSource},
    usecases::check_clock,
};
use lemon_http::Listener;
use lemon_system::{SystemClock, SystemIds};
use lemon_twitter::HttpTwitterClient;

use super::line;
use crate::app::{Plan, StartError, TwitterPlan};

/// Tries every connection, a line each.
pub(crate) async fn run(plan: Plan) -> Result<(), StartError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn IdSource> = Arc::new(SystemIds);
    let mut report = Report { faults: 0 };
    report.line(
        "configuration",
        Ok(format!("{} service(s)", plan.catalogue.iter().count())),
    )?;
    report.line("store", store(&plan, &*clock).await)?;
    report.line("quota", quota(&plan).await)?;
    let queue = plan.queue.check(&plan.catalogue, &ids).await;
    report.line("queue", queue.map(|()| plan.queue.name()))?;
    // The program that serves may be running beside this one, and then has them.
    let calls = plan.job_credentials.calls.as_ref();
    let calls = calls.map(|calls| calls.listen);
    for address in [plan.http, plan.ops].into_iter().chain(calls) {
        if let Err(error) = Listener::bind(address) {
            line(
                "warning",
                &format!("{error}, which is right if it is serving already"),
            )?;
        }
    }
    for key in plan.unshared() {
        let what = format!("{key} works for one replica only: another replica would not share it");
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

fn sentence(fault: &StartError) -> String {
    match fault {
        StartError::Config(error) => error.to_string(),
        StartError::Other(error) => format!("{error:#}"),
    }
}

async fn quota(plan: &Plan) -> Result<&'static str, StartError> {
    plan.quota.check().await?;
    Ok(if plan.quota.is_embedded() {
        "embedded"
    } else {
        "redis counts"
    })
}

async fn store(plan: &Plan, clock: &dyn Clock) -> Result<String, StartError> {
    let store = plan.store.connect().await?;
    let pending = plan.store.check(&store, &plan.sealing_keys).await?;
    check_clock(&store, clock)
        .await
        .context("the clock is wrong")?;
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
