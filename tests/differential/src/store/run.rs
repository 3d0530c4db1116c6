use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use lemon_contracts::Store;

use super::{
    look::look,
    side::{Moment, StoreSide},
    step::StoreStep,
};

/// After how many steps everything is compared, beside after the last.
const LOOK_AFTER: u32 = 5;

/// Takes the steps with two stores.
///
/// # Errors
/// The first difference, in words.
pub async fn compare_stores(
    left: Arc<dyn Store>,
    right: Arc<dyn Store>,
    steps: &[StoreStep],
) -> Result<(), String> {
    let mut moment = Moment {
        now: begin(),
        number: 0,
    };
    let [mut left, mut right] = [left, right].map(StoreSide::new);
    for (number, step) in (1_u32..).zip(steps) {
        if let StoreStep::Pass { minutes } = step {
            moment.now += TimeDelta::minutes(*minutes);
        }
        moment.number = number;
        let answers = [
            left.take(step, moment).await,
            right.take(step, moment).await,
        ];
        same(number, "the answer", answers)?;
        // To look costs more than a step, and what is wrong rarely becomes right by itself.
        if !number.is_multiple_of(LOOK_AFTER) && number as usize != steps.len() {
            continue;
        }
        let looks = [
            look(&left, moment.now).await,
            look(&right, moment.now).await,
        ];
        for (name, left) in &looks[0] {
            let right = looks[1].get(name).cloned().unwrap_or_default();
            same(number, name, [left.clone(), right])?;
        }
    }
    Ok(())
}

fn same(number: u32, what: &str, [left, right]: [String; 2]) -> Result<(), String> {
    if left == right {
        return Ok(());
    }
    Err(format!(
        "after step {number} {what} differs:\n  the first store  {left}\n  the second store {right}"
    ))
}

/// Noon of a Monday in Seoul, to the microsecond: years ago, so that a store's own clock is later.
fn begin() -> DateTime<Utc> {
    "2020-11-23T03:00:00.123456Z".parse().unwrap_or_default()
}
