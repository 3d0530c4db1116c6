use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Whether the process is about to stop. Clones share the state.
///
/// A draining process still accepts calls, but says that it is not ready, and closes each connection after its next
/// answer. So a load balancer has time to send its calls elsewhere, and loses none.
#[derive(Debug, Clone, Default)]
pub struct Draining(Arc<AtomicBool>);

impl Draining {
    /// Begins to drain.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Tells whether the process drains.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
