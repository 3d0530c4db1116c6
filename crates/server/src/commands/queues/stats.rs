use std::{fmt::Display, time::Duration};

use anyhow::{Context, bail};
use lemon_domain::{ports::QueueStats, values::Catalogue};
use lemon_worker::QueueCare;
use serde::Serialize;

use super::{failed, say};
use crate::commands::operator::print_json;

/// A queue, as it is shown. What its server leaves out is `None`.
#[derive(Serialize)]
struct ShownQueue {
    queue: String,
    exists: bool,
    waiting: Option<u64>,
    in_flight: Option<u64>,
    dead: Option<u64>,
    visibility_seconds: Option<u64>,
    retention_seconds: Option<u64>,
    max_receives: Option<u32>,
    dead_letter_queue: Option<String>,
}

impl ShownQueue {
    fn of(queue: String, found: Option<QueueStats>) -> Self {
        let exists = found.is_some();
        let stats = found.unwrap_or_default();
        Self {
            queue,
            exists,
            waiting: stats.waiting,
            in_flight: stats.in_flight,
            dead: stats.dead,
            visibility_seconds: stats.visibility.as_ref().map(Duration::as_secs),
            retention_seconds: stats.retention.as_ref().map(Duration::as_secs),
            max_receives: stats.max_receives,
            dead_letter_queue: stats.dead_letter_queue,
        }
    }

    fn print(&self) -> anyhow::Result<()> {
        let Self { queue, .. } = self;
        if !self.exists {
            return say(format_args!("{queue:<40} does not exist"));
        }
        let visibility = self
            .visibility_seconds
            .map(|seconds| format!("{seconds} s"));
        let days = self.retention_seconds.map(|seconds| seconds / 86_400);
        let retention = days.map(|days| format!("{days} d"));
        say(format_args!(
            "{queue:<40} {:>9} {:>9} {:>9} {:>11} {:>10} {:>9}",
            shown(self.waiting),
            shown(self.in_flight),
            shown(self.dead),
            shown(visibility),
            shown(retention),
            shown(self.max_receives),
        ))
    }
}

fn shown(value: Option<impl Display>) -> String {
    value.map_or("-".to_owned(), |value| value.to_string())
}

/// Describes every queue of the configuration. A missing one is a line, and an error at the end.
pub(super) async fn stats(
    care: &QueueCare,
    catalogue: &Catalogue,
    json: bool,
) -> anyhow::Result<()> {
    if !json {
        say(format_args!(
            "{:<40} {:>9} {:>9} {:>9} {:>11} {:>10} {:>9}",
            "queue", "waiting", "in flight", "dead", "visibility", "retention", "receives"
        ))?;
    }
    let mut all = Vec::new();
    for queue in catalogue.queues() {
        let found = care.stats(&queue).await.with_context(|| failed(&queue))?;
        let queue = ShownQueue::of(queue.to_string(), found);
        if !json {
            queue.print()?;
        }
        all.push(queue);
    }
    if json {
        print_json(&all)?;
    }
    let missing = all.iter().filter(|queue| !queue.exists).count();
    if missing > 0 {
        bail!("{missing} queue(s) do not exist: run `lemon-toolbox queues create`");
    }
    Ok(())
}
