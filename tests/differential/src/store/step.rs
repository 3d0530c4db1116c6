use lemon_domain::ports::Expiring;
use proptest::{collection::vec, option, prelude::*, sample::select};

/// How many people there are.
pub(super) const PEOPLE: usize = 3;

/// A person, by their number, and one of two services.
#[derive(Debug, Clone, Copy)]
pub struct Whose {
    /// Who.
    pub person: usize,
    /// The other service.
    pub other_service: bool,
}

/// A place that a request wants beside the day's.
#[derive(Debug, Clone, Copy)]
pub struct FurtherPlace {
    /// In the budget that services share.
    pub shared: bool,
    /// The seat.
    pub seat: u32,
    /// Units, of five.
    pub units: u32,
}

/// A registration.
#[derive(Debug, Clone, Copy)]
pub struct RequestStep {
    /// Whose.
    pub whose: Whose,
    /// How many turns after the latest use.
    pub turns_on: u32,
    /// The seat of the day's place, of three.
    pub seat: u32,
    /// Another place.
    pub further: Option<FurtherPlace>,
    /// The number of the attempt.
    pub attempt: Option<u8>,
    /// The cooldown.
    pub cooldown_hours: i64,
}

/// Which request a ready message names.
#[derive(Debug, Clone, Copy)]
pub enum NamedRequest {
    /// None.
    None,
    /// The latest.
    Latest,
    /// One that nobody made.
    Unknown,
}

/// A call of a store, or time that goes on. Claimed rows and overdue trainings are chosen by their number among those
/// that were found so far, from the latest, which is 0, backwards, modulo their number.
#[derive(Debug, Clone, Copy)]
#[expect(
    missing_docs,
    reason = "the fields are the arguments of the port's method"
)]
pub enum StoreStep {
    SignIn {
        person: usize,
        key: u8,
    },
    Bring {
        person: usize,
        registered: bool,
    },
    Request(RequestStep),
    RepeatRequest,
    Finish {
        whose: Whose,
        named: NamedRequest,
    },
    Delete(Whose),
    SetPublic {
        whose: Whose,
        public: bool,
    },
    Answered {
        whose: Whose,
        attempt: u8,
    },
    LastUse(Whose),
    Forget {
        person: usize,
    },
    Claim {
        max: u32,
        lease_seconds: u32,
    },
    /// Every due row is claimed and removed, as a relay does.
    Send,
    Remove {
        row: usize,
    },
    Postpone {
        row: usize,
        seconds: u32,
    },
    SetAside {
        row: usize,
    },
    Overdue {
        other_service: bool,
        hours: u32,
        max: u32,
    },
    Settle {
        training: usize,
        fail: bool,
    },
    Retry(Whose),
    Purge(Expiring),
    CorrectTotals,
    PutSignIn {
        token: u8,
        key: u8,
        minutes: i64,
    },
    TakeSignIn {
        token: u8,
        claim: u8,
    },
    DiscardSignIn {
        token: u8,
    },
    CompleteSignIn {
        token: u8,
        claim: u8,
        person: usize,
    },
    Completed {
        token: u8,
        claim: u8,
    },
    RevokeOne {
        token: u8,
    },
    RevokeAll {
        person: usize,
    },
    Reseal {
        from: u8,
        to: u8,
    },
    Pass {
        minutes: i64,
    },
}

/// Sequences of steps.
pub fn store_steps() -> impl Strategy<Value = Vec<StoreStep>> {
    vec(store_step(), 20..70)
}

fn store_step() -> impl Strategy<Value = StoreStep> {
    prop_oneof![
        30 => registration_step(),
        30 => outbox_step(),
        10 => sign_in_step(),
        8 => select(vec![1_i64, 20, 60, 7 * 60, 25 * 60, 60 * 24 * 40])
            .prop_map(|minutes| StoreStep::Pass { minutes }),
        3 => select(Expiring::ALL.to_vec()).prop_map(StoreStep::Purge),
    ]
}

/// Mostly the same, so that more happens to one.
fn person() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(0), 1 => 0..PEOPLE]
}

fn whose() -> impl Strategy<Value = Whose> {
    (person(), prop::bool::weighted(0.15)).prop_map(|(person, other_service)| Whose {
        person,
        other_service,
    })
}

fn request() -> impl Strategy<Value = StoreStep> {
    let further =
        (any::<bool>(), 1_u32..4, 1_u32..4).prop_map(|(shared, seat, units)| FurtherPlace {
            shared,
            seat,
            units,
        });
    let turns_on = select(vec![1_u32, 1, 1, 1, 0, 2]);
    let cooldown_hours = select(vec![1_i64, 30]);
    let attempt = option::weighted(0.4, 0_u8..3);
    let parts = (
        whose(),
        turns_on,
        1_u32..5,
        option::weighted(0.4, further),
        attempt,
        cooldown_hours,
    );
    parts.prop_map(
        |(whose, turns_on, seat, further, attempt, cooldown_hours)| {
            StoreStep::Request(RequestStep {
                whose,
                turns_on,
                seat,
                further,
                attempt,
                cooldown_hours,
            })
        },
    )
}

fn registration_step() -> impl Strategy<Value = StoreStep> {
    let named = select(vec![
        NamedRequest::None,
        NamedRequest::Latest,
        NamedRequest::Latest,
        NamedRequest::Unknown,
    ]);
    prop_oneof![
        5 => (person(), 0_u8..3).prop_map(|(person, key)| StoreStep::SignIn { person, key }),
        1 => (person(), any::<bool>())
            .prop_map(|(person, registered)| StoreStep::Bring { person, registered }),
        11 => request(),
        2 => Just(StoreStep::RepeatRequest),
        6 => (whose(), named).prop_map(|(whose, named)| StoreStep::Finish { whose, named }),
        3 => whose().prop_map(StoreStep::Delete),
        1 => (whose(), any::<bool>()).prop_map(|(whose, public)| StoreStep::SetPublic { whose, public }),
        1 => (whose(), 0_u8..3).prop_map(|(whose, attempt)| StoreStep::Answered { whose, attempt }),
        1 => whose().prop_map(StoreStep::LastUse),
        1 => person().prop_map(|person| StoreStep::Forget { person }),
    ]
}

fn outbox_step() -> impl Strategy<Value = StoreStep> {
    let seconds = || select(vec![1_u32, 30, 5_000]);
    prop_oneof![
        5 => (select(vec![1_u32, 2, 100]), seconds())
            .prop_map(|(max, lease_seconds)| StoreStep::Claim { max, lease_seconds }),
        3 => Just(StoreStep::Send),
        3 => (0_usize..8).prop_map(|row| StoreStep::Remove { row }),
        1 => (0_usize..8, seconds()).prop_map(|(row, seconds)| StoreStep::Postpone { row, seconds }),
        1 => (0_usize..8).prop_map(|row| StoreStep::SetAside { row }),
        5 => (prop::bool::weighted(0.2), select(vec![0_u32, 0, 0, 1, 7]), 1_u32..4)
            .prop_map(|(other_service, hours, max)| StoreStep::Overdue { other_service, hours, max }),
        5 => (0_usize..3, any::<bool>()).prop_map(|(training, fail)| StoreStep::Settle { training, fail }),
        2 => whose().prop_map(StoreStep::Retry),
        1 => Just(StoreStep::CorrectTotals),
    ]
}

fn sign_in_step() -> impl Strategy<Value = StoreStep> {
    let (token, claim, key) = (0_u8..3, 0_u8..2, 0_u8..3);
    prop_oneof![
        3 => (token.clone(), key.clone(), select(vec![1_i64, 60]))
            .prop_map(|(token, key, minutes)| StoreStep::PutSignIn { token, key, minutes }),
        3 => (token.clone(), claim.clone()).prop_map(|(token, claim)| StoreStep::TakeSignIn { token, claim }),
        1 => token.clone().prop_map(|token| StoreStep::DiscardSignIn { token }),
        2 => (token.clone(), claim.clone(), 0..PEOPLE)
            .prop_map(|(token, claim, person)| StoreStep::CompleteSignIn { token, claim, person }),
        2 => (token.clone(), claim).prop_map(|(token, claim)| StoreStep::Completed { token, claim }),
        1 => token.prop_map(|token| StoreStep::RevokeOne { token }),
        1 => (0..PEOPLE).prop_map(|person| StoreStep::RevokeAll { person }),
        1 => (key.clone(), key).prop_map(|(from, to)| StoreStep::Reseal { from, to }),
    ]
}
