use std::{fmt, sync::Arc, time::Duration};

use sea_orm::{DatabaseConnection, Statement, metric::Info};

/// A callback for statements.
#[derive(Clone)]
pub(crate) struct Observer(Arc<dyn Fn(&Info<'_>) + Send + Sync>);

impl Observer {
    pub(crate) fn new(tell: impl Fn(&Info<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(crate) fn tell(&self, statement: &Statement, elapsed: Duration, failed: bool) {
        (self.0)(&Info {
            elapsed,
            statement,
            failed,
        });
    }

    /// Observes one of the driver's connections.
    pub(crate) fn observe(&self, connection: &mut DatabaseConnection) {
        let tell = Arc::clone(&self.0);
        connection.set_metric_callback(move |info| tell(info));
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}
