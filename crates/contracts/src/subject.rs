use std::{any::Any, ops::Deref, sync::Arc};

/// A port under test, and a guard that must live as long as the port (a temporary folder, a server).
pub struct Subject<T: ?Sized> {
    port: Arc<T>,
    _guard: Box<dyn Any + Send + Sync>,
}

impl<T: ?Sized> Subject<T> {
    /// A port that needs no guard.
    #[must_use]
    pub fn new(port: Arc<T>) -> Self {
        Self::guarded(port, ())
    }

    /// A port and its guard.
    pub fn guarded(port: Arc<T>, guard: impl Any + Send + Sync) -> Self {
        Self {
            port,
            _guard: Box::new(guard),
        }
    }

    /// A handle to share among tasks.
    #[must_use]
    pub fn share(&self) -> Arc<T> {
        Arc::clone(&self.port)
    }
}

impl<T: ?Sized> Deref for Subject<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.port
    }
}
