use std::{any::Any, ops::Deref, sync::Arc};

/// A port under test, and what must live as long as it (a temporary folder, a server).
pub struct Subject<T: ?Sized> {
    port: Arc<T>,
    _guard: Box<dyn Any + Send + Sync>,
}

impl<T: ?Sized> Subject<T> {
    /// A port that needs nothing else.
    #[must_use]
    pub fn new(port: Arc<T>) -> Self {
        Self::guarded(port, ())
    }

    /// A port and what it lives on.
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
