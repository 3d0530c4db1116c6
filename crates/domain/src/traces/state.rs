use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::ended::EndedSpan;
use crate::{
    ports::Clock,
    values::{SpanId, TraceContext, TraceId},
};

/// The step between two states of the generator: <https://prng.di.unimi.it/splitmix64.c>.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// What the spans of a tracer share.
pub(super) struct TracerState {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ended: Box<dyn Fn(EndedSpan) + Send + Sync>,
    pub(super) ratio: f64,
    pub(super) seeds: [u64; 2],
    pub(super) drawn: AtomicU64,
}

impl TracerState {
    /// The first span of a new trace.
    pub(super) fn root(&self) -> TraceContext {
        let trace = loop {
            let [high, low] = self.draw();
            if let Some(trace) = TraceId::new(u128::from(high) << 64 | u128::from(low)) {
                break trace;
            }
        };
        let draw = u32::try_from(trace.get() & u128::from(u32::MAX)).unwrap_or_default();
        let is_sampled = f64::from(draw) / (f64::from(u32::MAX) + 1.0) < self.ratio;
        TraceContext::root(trace, self.span_id(), is_sampled)
    }

    /// A new span.
    pub(super) fn span_id(&self) -> SpanId {
        loop {
            if let Some(id) = SpanId::new(self.draw()[0]) {
                return id;
            }
        }
    }

    /// Two numbers that look random. They need not be secret, and fresh randomness costs a system call.
    fn draw(&self) -> [u64; 2] {
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
        self.seeds
            .map(|seed| mix(seed.wrapping_add(drawn.wrapping_mul(GAMMA))))
    }
}

/// The output of `SplitMix64` for a state. Different states have different outputs.
const fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
