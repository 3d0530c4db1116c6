//! Cases of the `Clock` contract.

use lemon_domain::ports::Clock;

use crate::{race::race, subject::Subject};

/// Emits the cases of the `Clock` contract. `$subject` is an async function without arguments that answers a
/// `Subject<dyn Clock>`.
#[macro_export]
macro_rules! clock_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::clock,
            $subject,
            [the_time_is_in_whole_microseconds,]
        );
    };
}

/// Contract 1: every store keeps this time without rounding it.
pub async fn the_time_is_in_whole_microseconds(clock: Subject<dyn Clock>) {
    let answers = race(8, |_| {
        let clock = clock.share();
        async move { (0..1_000).map(|_| clock.now()).collect::<Vec<_>>() }
    })
    .await;
    for now in answers.into_iter().flatten() {
        assert_eq!(now.timestamp_subsec_nanos() % 1_000, 0, "{now}");
    }
}
