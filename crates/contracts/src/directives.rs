//! Cases of the `Directives` contract.

use std::time::Duration;

use lemon_domain::{
    ports::GivenDirective,
    values::{BudgetName, Directive, PausablePart, Scope, ServiceType},
};
use tokio::time::timeout;

use crate::{given, store::Store, subject::Subject};

/// Emits the cases for a function that makes a fresh, empty [`Subject<dyn Store>`](crate::Store).
#[macro_export]
macro_rules! directives_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::directives,
            $subject,
            [
                a_directive_is_listed_as_it_was_given_last_until_it_is_withdrawn,
                directives_are_listed_in_the_order_of_their_names,
                to_withdraw_what_was_not_given_answers_false,
                a_waiting_caller_returns_after_a_change,
            ]
        );
    };
}

fn limit(value: u32, by: &str) -> GivenDirective {
    let learn_me = ServiceType::parse("LEARNME").unwrap();
    GivenDirective {
        directive: Directive::Limit {
            scope: Scope::from(&learn_me),
            budget: BudgetName::daily(),
        },
        value: Some(value),
        by: by.to_owned(),
        at: given::now(),
    }
}

fn pause(part: PausablePart) -> GivenDirective {
    GivenDirective {
        directive: Directive::Pause(part),
        value: None,
        ..limit(0, "operator")
    }
}

/// Contract 1.
pub async fn a_directive_is_listed_as_it_was_given_last_until_it_is_withdrawn(
    store: Subject<dyn Store>,
) {
    assert_eq!(store.directives().await.unwrap(), []);
    store.give(&limit(500, "one")).await.unwrap();
    let mut later = limit(0, "another");
    later.at += given::HOUR;
    store.give(&later).await.unwrap();
    assert_eq!(store.directives().await.unwrap(), [later.clone()]);
    assert!(store.withdraw(&later.directive).await.unwrap());
    assert_eq!(store.directives().await.unwrap(), []);
}

/// Contract 1.
pub async fn directives_are_listed_in_the_order_of_their_names(store: Subject<dyn Store>) {
    let learn_me = ServiceType::parse("LEARNME").unwrap();
    let all = [
        limit(7, "operator"),
        pause(PausablePart::Listener),
        pause(PausablePart::Relay),
        pause(PausablePart::Service(learn_me)),
    ];
    for given in all.iter().rev() {
        store.give(given).await.unwrap();
    }
    assert_eq!(store.directives().await.unwrap(), all);
}

/// Contract 2.
pub async fn to_withdraw_what_was_not_given_answers_false(store: Subject<dyn Store>) {
    let relay = pause(PausablePart::Relay);
    store.give(&relay).await.unwrap();
    let listener = Directive::Pause(PausablePart::Listener);
    assert!(!store.withdraw(&listener).await.unwrap());
    assert_eq!(
        store.directives().await.unwrap(),
        std::slice::from_ref(&relay)
    );
    assert!(store.withdraw(&relay.directive).await.unwrap());
    assert!(!store.withdraw(&relay.directive).await.unwrap());
}

/// Contract 3.
pub async fn a_waiting_caller_returns_after_a_change(store: Subject<dyn Store>) {
    let waiting = store.share();
    let waiting = tokio::spawn(async move { waiting.directives_changed().await });
    store.give(&limit(1, "operator")).await.unwrap();
    // How soon it is depends on the machine; that it returns does not.
    let patience = Duration::from_secs(60);
    timeout(patience, waiting).await.unwrap().unwrap();
}
