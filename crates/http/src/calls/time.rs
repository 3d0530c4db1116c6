use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};
use lemon_domain::values::Service;

/// A time in the zone of the service's day, in whole seconds: rounded up, so that it is never too early.
pub(super) fn shown(time: DateTime<Utc>, service: Option<&Arc<Service>>) -> String {
    let down = time.trunc_subsecs(0);
    let up = if down < time {
        down + TimeDelta::seconds(1)
    } else {
        down
    };
    match service {
        Some(service) => up
            .with_timezone(&service.daily.window.zone())
            .to_rfc3339_opts(SecondsFormat::Secs, false),
        None => up.to_rfc3339_opts(SecondsFormat::Secs, false),
    }
}
