//! Contract 1 to 5: requests.

mod cooldowns;
mod idempotency_keys;
mod seats;
mod storing;

pub use cooldowns::*;
pub use idempotency_keys::*;
pub use seats::*;
pub use storing::*;

use lemon_domain::{
    ports::{NewRegistration, RequestOutcome},
    values::{BudgetKey, Identity, Place, Registered, RequestId, Turn, Use, UserId},
};

use crate::{given, store::Store};

fn expected_use(new: &NewRegistration) -> Use {
    Use {
        turn: new.turn,
        window_start: new.places[0].key.window.start,
        cooldown_until: new.cooldown_until,
    }
}

fn expected_place(new: &NewRegistration, i: usize) -> Place {
    Place {
        holder: Turn {
            user: new.identity.user,
            number: new.turn,
        }
        .holder(),
        seat: new.places[i].seat,
        units: new.places[i].units,
        at: new.at,
    }
}

async fn last_use(store: &dyn Store, user: UserId) -> Option<Use> {
    store.last_use(user, &given::learn_me()).await.unwrap()
}

/// The answer to a person's attempt at the usual service.
async fn answered(store: &dyn Store, who: Identity, key: &str) -> Option<Registered> {
    let key = given::attempt(key).key;
    let answered = store.answered(who.user, &given::learn_me(), &key).await;
    answered.unwrap()
}

fn expected_answer(new: &NewRegistration) -> Registered {
    Registered {
        position: new.places[0].seat,
        limit: new.places[0].limit,
    }
}

async fn seats(store: &dyn Store, key: &BudgetKey) -> Vec<u32> {
    let places = store.places(key).await.unwrap();
    places.iter().map(|place| place.seat).collect()
}

async fn current_request(store: &dyn Store, user: UserId) -> RequestId {
    let list = store.list(user).await.unwrap();
    assert_eq!(list.len(), 1);
    list[0].request_id
}

async fn assert_used_before(store: &dyn Store, new: NewRegistration, by: &NewRegistration) {
    let outcome = store.request(new).await.unwrap();
    assert_eq!(outcome, RequestOutcome::UsedBefore(expected_use(by)));
}
