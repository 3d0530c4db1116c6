use std::sync::Arc;

use lemon_consumer::Control;
use lemon_domain::{
    ports::StoreError,
    usecases::{DirectiveChange, DirectivesInForce},
    values::{Directive, PausablePart},
    with_causes,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Follows the directives of operators.
pub(super) struct Follower {
    pub(super) directives: Arc<DirectivesInForce>,
    pub(super) relay: Control,
    pub(super) listener: Control,
}

impl Follower {
    pub(super) fn new(directives: DirectivesInForce) -> Self {
        Self {
            directives: Arc::new(directives),
            relay: Control::default(),
            listener: Control::default(),
        }
    }

    /// Follows what is directed now.
    pub(super) async fn refresh(&self) -> Result<(), StoreError> {
        for change in self.directives.refresh().await? {
            report(&change);
        }
        for (part, control) in [
            (PausablePart::Relay, &self.relay),
            (PausablePart::Listener, &self.listener),
        ] {
            match (self.directives.is_paused(&part), control.is_paused()) {
                (true, false) => control.pause(),
                (false, true) => control.resume(),
                _ => {}
            }
        }
        Ok(())
    }

    /// Follows every change until `stop`.
    pub(super) async fn follow(&self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = self.directives.changed() => {}
                () = stop.cancelled() => return,
            }
            if let Err(error) = self.refresh().await {
                warn!(
                    error = with_causes(&error),
                    "the directives of operators cannot be read; they stay as they were"
                );
            }
        }
    }
}

fn report(change: &DirectiveChange) {
    let DirectiveChange { directive, now } = change;
    let Some(given) = now else {
        info!(directive = %directive, "a directive is withdrawn");
        return;
    };
    info!(
        directive = %directive,
        directive.value = given.value,
        directive.by = given.by,
        "a directive is in force"
    );
    if matches!(directive, Directive::Pause(_)) {
        warn!(directive = %directive, "a part is paused");
    }
}
