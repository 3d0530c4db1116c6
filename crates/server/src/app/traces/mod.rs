//! Traces go to an OTLP collector.

mod exporter;
mod otlp;
mod plan;

use std::sync::Arc;

use lemon_domain::{
    ports::{Clock, IdSource},
    traces::Tracer,
};

use self::exporter::exporter;
pub(crate) use self::plan::TracesPlan;
use super::supervisor::Supervisor;

/// Makes a tracer whose spans are exported until the stop of `back`, which comes after all that begins spans has ended.
pub(super) fn begin(
    plan: &TracesPlan,
    clock: Arc<dyn Clock>,
    ids: &dyn IdSource,
    back: &mut Supervisor,
) -> anyhow::Result<Tracer> {
    let (spans, exporter) = exporter(plan, ids.uuid())?;
    let stop = back.stop();
    back.spawn("traces", async move {
        exporter.run(stop).await;
        Ok(())
    });
    let ended = move |span| spans.put(span);
    Ok(Tracer::new(ids, clock, plan.sample_ratio, ended))
}
