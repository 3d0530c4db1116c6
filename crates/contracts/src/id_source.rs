//! Cases of the `IdSource` contract.
//!
//! The real source's own test shows that no answer can be guessed (number 2), because a source for tests counts up.

use std::{collections::HashSet, hash::Hash, sync::Arc};

use lemon_domain::ports::IdSource;

use crate::{race::race, subject::Subject};

/// Emits the cases of the `IdSource` contract. `$subject` is an async function without arguments that answers a
/// `Subject<dyn IdSource>`.
#[macro_export]
macro_rules! id_source_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::id_source,
            $subject,
            [no_two_answers_of_a_source_are_equal,]
        );
    };
}

/// Contract 1: also for concurrent callers.
pub async fn no_two_answers_of_a_source_are_equal(ids: Subject<dyn IdSource>) {
    let answers = race(8, |_| {
        let ids = ids.share();
        async move { ask(&ids) }
    })
    .await;
    let (uuids, bytes): (Vec<_>, Vec<_>) = answers.into_iter().flatten().unzip();
    assert_all_differ(uuids);
    assert_all_differ(bytes);
}

fn ask(ids: &Arc<dyn IdSource>) -> Vec<(uuid::Uuid, [u8; 16])> {
    let ask = |_| {
        let mut bytes = [0; 16];
        ids.fill(&mut bytes);
        (ids.uuid(), bytes)
    };
    (0..1_000).map(ask).collect()
}

fn assert_all_differ<T: Eq + Hash>(answers: Vec<T>) {
    let asked = answers.len();
    assert_eq!(answers.into_iter().collect::<HashSet<_>>().len(), asked);
}
