use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::RwLock;

use crate::{
    ports::{self, GivenDirective, StoreError},
    values::{Budget, BudgetName, Directive, PausablePart, Scope, ServiceType},
};

/// The directives that this process follows: as they were when it last read them.
pub struct DirectivesInForce {
    store: Arc<dyn ports::Directives>,
    /// Whether there is any: usually there is none, and then nothing is looked up.
    any: AtomicBool,
    current: RwLock<CurrentDirectives>,
}

#[derive(Default)]
struct CurrentDirectives {
    given: Vec<GivenDirective>,
    limits: HashMap<(Scope, BudgetName), u32>,
    paused: HashSet<PausablePart>,
}

/// A directive that has come into force, or is no longer in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectiveChange {
    /// The directive.
    pub directive: Directive,
    /// As it is given now; `None` if it was withdrawn.
    pub now: Option<GivenDirective>,
}

impl DirectivesInForce {
    /// None, until the first [`refresh`](Self::refresh).
    pub fn new(store: Arc<dyn ports::Directives>) -> Self {
        Self {
            store,
            any: AtomicBool::new(false),
            current: RwLock::default(),
        }
    }

    /// Reads the directives, and follows them from now on; answers what has changed.
    ///
    /// # Errors
    /// If the store fails. The directives stay as they were.
    pub async fn refresh(&self) -> Result<Vec<DirectiveChange>, StoreError> {
        let given = self.store.directives().await?;
        let next = CurrentDirectives::of(given);
        let mut current = self.current.write();
        let changes = changes(&current.given, &next.given);
        self.any.store(!next.given.is_empty(), Ordering::Relaxed);
        *current = next;
        Ok(changes)
    }

    /// Waits until the directives may have changed.
    pub async fn changed(&self) {
        self.store.directives_changed().await;
    }

    /// Whether a part is paused.
    #[must_use]
    pub fn is_paused(&self, part: &PausablePart) -> bool {
        self.any.load(Ordering::Relaxed) && self.current.read().paused.contains(part)
    }

    /// Whether a service takes no registrations.
    #[must_use]
    pub fn is_service_paused(&self, service: &ServiceType) -> bool {
        self.any.load(Ordering::Relaxed) && self.is_paused(&PausablePart::Service(service.clone()))
    }

    /// Replaces the configured limits by those in force.
    pub fn apply(&self, budgets: &mut [Budget]) {
        if !self.any.load(Ordering::Relaxed) {
            return;
        }
        let current = self.current.read();
        for budget in budgets {
            let key = (budget.key.scope.clone(), budget.key.budget.clone());
            if let Some(limit) = current.limits.get(&key) {
                budget.limit = *limit;
            }
        }
    }
}

impl CurrentDirectives {
    fn of(given: Vec<GivenDirective>) -> Self {
        let mut current = Self::default();
        for GivenDirective {
            directive, value, ..
        } in &given
        {
            match (directive, value) {
                (Directive::Limit { scope, budget }, Some(limit)) => {
                    let key = (scope.clone(), budget.clone());
                    current.limits.insert(key, *limit);
                }
                // A limit without a number directs nothing.
                (Directive::Limit { .. }, None) => {}
                (Directive::Pause(part), _) => {
                    current.paused.insert(part.clone());
                }
            }
        }
        current.given = given;
        current
    }
}

fn changes(before: &[GivenDirective], now: &[GivenDirective]) -> Vec<DirectiveChange> {
    let given = now.iter().filter(|given| !before.contains(given));
    let given = given.map(|given| DirectiveChange {
        directive: given.directive.clone(),
        now: Some(given.clone()),
    });
    let still = |directive| now.iter().any(|given| given.directive == directive);
    let withdrawn = before
        .iter()
        .filter(|given| !still(given.directive.clone()))
        .map(|given| DirectiveChange {
            directive: given.directive.clone(),
            now: None,
        });
    given.chain(withdrawn).collect()
}
