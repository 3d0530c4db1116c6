use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_contracts::race;
use lemon_domain::{
    ports::{
        Accounts, CompletedSignIn, PendingSignIn, PendingSignIns, SignInClaim, StoreError,
        TwitterError,
    },
    sealing::{OpenError, SealContext, Sealed},
    usecases::{SignInError, SignIns},
    values::{Identity, RequestToken, Verifier},
};
use lemon_fakes::MemoryStore;
use secrecy::ExposeSecret;

use crate::{
    mocks::{MockAccounts, MockPendingSignIns, broken_off},
    world::{SECOND, World, account, sealing_keys},
};

fn contains(sealed: &Sealed, plain: &str) -> bool {
    sealed
        .data
        .windows(plain.len())
        .any(|part| part == plain.as_bytes())
}

/// Begins a sign-in, to which the person of that number agrees.
async fn agreed(world: &World, person: u32) -> (RequestToken, Verifier) {
    let grant = world.sign_ins().begin().await.unwrap();
    let verifier = world.twitter.authorize(&grant.token, person);
    (grant.token, verifier)
}

fn anybody() -> SignInClaim {
    SignInClaim::of(&Verifier::parse("verifier").unwrap())
}

/// What Twitter answers where it should not be asked.
fn asked() -> TwitterError {
    TwitterError::Rejected("nobody should have asked".into())
}

async fn assert_not_pending(world: &World, (token, verifier): &(RequestToken, Verifier)) {
    let repeated = world.sign_ins().complete(token, verifier).await;
    assert!(
        matches!(repeated, Err(SignInError::NotPending)),
        "{repeated:?}"
    );
}

#[tokio::test]
async fn a_person_who_agreed_is_signed_in_and_their_credentials_are_kept() {
    let world = World::new();
    let (token, verifier) = agreed(&world, 7).await;
    let identity = world.sign_ins().complete(&token, &verifier).await.unwrap();
    assert_eq!(identity.account, account(7));
    let stored = world.store.account(account(7)).await.unwrap().unwrap();
    assert_eq!(stored.user, identity.user);
    let credentials = world.keys.open_credentials(account(7), &stored.credentials);
    assert_eq!(credentials.unwrap(), world.twitter.credentials_of(7));
}

#[tokio::test]
async fn a_later_sign_in_is_the_same_person() {
    let world = World::new();
    let mut people = Vec::new();
    for _ in 0..2 {
        let (token, verifier) = agreed(&world, 7).await;
        people.push(world.sign_ins().complete(&token, &verifier).await.unwrap());
    }
    assert_eq!(people[0], people[1]);
}

#[tokio::test]
async fn an_older_request_token_stays_good_while_newer_ones_are_issued() {
    let world = World::new();
    let (token, verifier) = agreed(&world, 1).await;
    for _ in 0..20 {
        world.sign_ins().begin().await.unwrap();
    }
    world.sign_ins().complete(&token, &verifier).await.unwrap();
}

#[tokio::test]
async fn the_request_tokens_secret_is_stored_sealed() {
    let world = World::new();
    let grant = world.sign_ins().begin().await.unwrap();
    let pending = world
        .store
        .take(&grant.token, &anybody(), world.now())
        .await;
    let secret = pending.unwrap().unwrap().secret;
    assert!(!contains(&secret, grant.secret.expose_secret()));
    let place = SealContext::RequestTokenSecret(&grant.token);
    let opened = world.keys.open(place, &secret).unwrap();
    assert_eq!(opened.expose_secret(), grant.secret.expose_secret());
}

#[tokio::test]
async fn the_credentials_are_stored_sealed() {
    let world = World::new();
    let (token, verifier) = agreed(&world, 7).await;
    world.sign_ins().complete(&token, &verifier).await.unwrap();
    let stored = world.store.account(account(7)).await.unwrap().unwrap();
    let credentials = world.twitter.credentials_of(7);
    for plain in [credentials.token, credentials.secret] {
        assert!(!contains(&stored.credentials, plain.expose_secret()));
    }
}

#[tokio::test]
async fn a_replayed_pair_is_not_pending() {
    let world = World::new();
    let pair = agreed(&world, 1).await;
    world.sign_ins().complete(&pair.0, &pair.1).await.unwrap();
    assert_not_pending(&world, &pair).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_concurrent_calls_with_one_pair_one_signs_in() {
    let world = Arc::new(World::new());
    let (token, verifier) = agreed(&world, 1).await;
    let outcomes = race(20, |_| {
        let (world, token, verifier) = (world.clone(), token.clone(), verifier.clone());
        async move { world.sign_ins().complete(&token, &verifier).await }
    })
    .await;
    let (signed_in, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(signed_in.len(), 1);
    for outcome in refused {
        // Twitter takes a verifier once; who comes when that is settled does not ask it.
        let expected = matches!(
            outcome,
            Err(SignInError::NotPending | SignInError::Twitter(TwitterError::InvalidToken))
        );
        assert!(expected, "{outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_concurrent_calls_with_one_token_and_different_verifiers_at_most_one_signs_in() {
    let world = Arc::new(World::new());
    let (token, verifier) = agreed(&world, 1).await;
    let outcomes = race(20, |n| {
        let (world, token) = (world.clone(), token.clone());
        let verifier = match n {
            0 => verifier.clone(),
            n => Verifier::parse(format!("invented-{n}")).unwrap(),
        };
        async move { world.sign_ins().complete(&token, &verifier).await }
    })
    .await;
    let signed_in = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert!(signed_in <= 1, "{outcomes:?}");
    assert!(outcomes[1..].iter().all(Result::is_err));
}

/// A store that does what it is asked, and whose answers to one call are lost.
struct Unheard {
    store: Arc<MemoryStore>,
    call: &'static str,
}

impl Unheard {
    fn answer<T>(&self, call: &str, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if call == self.call {
            return Err(broken_off());
        }
        answer
    }
}

#[async_trait]
impl PendingSignIns for Unheard {
    async fn put(&self, pending: PendingSignIn) -> Result<(), StoreError> {
        self.answer("put", self.store.put(pending).await)
    }

    async fn take(
        &self,
        token: &RequestToken,
        claim: &SignInClaim,
        now: DateTime<Utc>,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        self.answer("take", self.store.take(token, claim, now).await)
    }

    async fn discard(&self, token: &RequestToken) -> Result<(), StoreError> {
        self.answer("discard", self.store.discard(token).await)
    }

    async fn complete(&self, completed: CompletedSignIn) -> Result<(), StoreError> {
        self.answer("complete", self.store.complete(completed).await)
    }

    async fn completed(
        &self,
        token: &RequestToken,
        claim: &SignInClaim,
        now: DateTime<Utc>,
    ) -> Result<Option<Identity>, StoreError> {
        self.answer("completed", self.store.completed(token, claim, now).await)
    }
}

fn unheard(world: &World, call: &'static str) -> SignIns {
    let store = world.store.clone();
    SignIns {
        pending: Arc::new(Unheard { store, call }),
        ..world.sign_ins()
    }
}

#[tokio::test]
async fn a_call_whose_take_was_not_answered_can_be_repeated() {
    let world = World::new();
    let (token, verifier) = agreed(&world, 1).await;
    let outcome = unheard(&world, "take").complete(&token, &verifier).await;
    assert!(matches!(outcome, Err(SignInError::Store(_))));
    let other = Verifier::parse("another").unwrap();
    let by_another = world.sign_ins().complete(&token, &other).await;
    assert!(matches!(by_another, Err(SignInError::NotPending)));
    world.sign_ins().complete(&token, &verifier).await.unwrap();
    assert_not_pending(&world, &(token, verifier)).await;
}

#[tokio::test]
async fn a_sign_in_succeeds_even_if_its_completion_cannot_be_kept() {
    let world = World::new();
    let (token, verifier) = agreed(&world, 1).await;
    let mut pending = MockPendingSignIns::new();
    let found = world.store.take(&token, &anybody(), world.now()).await;
    let found = found.unwrap();
    pending.expect_take().return_once(|_, _, _| Ok(found));
    pending.expect_complete().return_once(|_| Err(broken_off()));
    let sign_ins = SignIns {
        pending: Arc::new(pending),
        ..world.sign_ins()
    };
    sign_ins.complete(&token, &verifier).await.unwrap();
    // It is pending still: Twitter refuses who comes again.
    let found = world.store.take(&token, &anybody(), world.now()).await;
    world.store.put(found.unwrap().unwrap()).await.unwrap();
    let replayed = world.sign_ins().complete(&token, &verifier).await;
    assert!(matches!(
        replayed,
        Err(SignInError::Twitter(TwitterError::InvalidToken))
    ));
    assert_not_pending(&world, &(token, verifier)).await;
}

/// Who signed in with a pair, as a repeated call is told.
async fn completed(
    world: &World,
    (token, verifier): &(RequestToken, Verifier),
) -> Option<Identity> {
    let completed = world.sign_ins().completed(token, verifier).await;
    completed.unwrap()
}

#[tokio::test]
async fn a_pair_that_signed_somebody_in_is_answered_again_for_half_a_minute() {
    let world = World::new();
    let pair = agreed(&world, 1).await;
    assert_eq!(completed(&world, &pair).await, None);
    let identity = world.sign_ins().complete(&pair.0, &pair.1).await.unwrap();
    assert_eq!(completed(&world, &pair).await, Some(identity));
    let other = (pair.0.clone(), Verifier::parse("another").unwrap());
    assert_eq!(completed(&world, &other).await, None);
    let end = world.now() + Duration::from_secs(30);
    world.clock.set(end - SECOND);
    assert_eq!(completed(&world, &pair).await, Some(identity));
    world.clock.set(end);
    assert_eq!(completed(&world, &pair).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_calls_with_one_pair_leave_it_answered() {
    let world = Arc::new(World::new());
    let pair = agreed(&world, 1).await;
    race(20, |_| {
        let (world, pair) = (world.clone(), pair.clone());
        async move { world.sign_ins().complete(&pair.0, &pair.1).await.is_ok() }
    })
    .await;
    let stored = world.store.account(account(1)).await.unwrap().unwrap();
    let answered = completed(&world, &pair).await.map(|it| it.user);
    assert_eq!(answered, Some(stored.user));
}

#[tokio::test]
async fn an_unknown_request_token_is_not_pending_and_twitter_is_not_asked() {
    let world = World::new();
    world.twitter.fail_next([asked()]);
    let token = RequestToken::parse("invented").unwrap();
    let verifier = Verifier::parse("invented").unwrap();
    let outcome = world.sign_ins().complete(&token, &verifier).await;
    assert!(matches!(outcome, Err(SignInError::NotPending)));
}

#[tokio::test]
async fn a_person_has_an_hour_to_come_back() {
    let world = World::new();
    let (in_time, too_late) = (agreed(&world, 1).await, agreed(&world, 2).await);
    let expiry = world.now() + Duration::from_secs(60 * 60);
    world.clock.set(expiry - SECOND);
    let (token, verifier) = in_time;
    world.sign_ins().complete(&token, &verifier).await.unwrap();
    world.clock.set(expiry);
    assert_not_pending(&world, &too_late).await;
    assert_eq!(world.store.account(account(2)).await.unwrap(), None);
}

#[tokio::test]
async fn a_failure_of_twitter_that_may_pass_leaves_the_sign_in_pending() {
    let world = World::new();
    let (token, verifier) = agreed(&world, 1).await;
    let retry_after = Duration::from_secs(15 * 60);
    let passing = [
        TwitterError::Unreached("no route".into()),
        TwitterError::Unavailable("503".into()),
        TwitterError::RateLimited { retry_after },
    ];
    for error in passing {
        world.twitter.fail_next([error]);
        let outcome = world.sign_ins().complete(&token, &verifier).await;
        assert!(matches!(outcome, Err(SignInError::Twitter(error)) if error.is_transient()));
        assert_eq!(world.store.account(account(1)).await.unwrap(), None);
    }
    world.sign_ins().complete(&token, &verifier).await.unwrap();
}

#[tokio::test]
async fn a_sign_in_that_twitter_refuses_is_no_longer_pending() {
    let refusals = [
        TwitterError::InvalidToken,
        TwitterError::Suspended,
        TwitterError::Rejected("403".into()),
        TwitterError::Corrupt("no token".into()),
    ];
    for refusal in refusals {
        let world = World::new();
        let pair = agreed(&world, 1).await;
        world.twitter.fail_next([refusal]);
        let outcome = world.sign_ins().complete(&pair.0, &pair.1).await;
        assert!(matches!(outcome, Err(SignInError::Twitter(error)) if !error.is_transient()));
        assert_eq!(world.store.account(account(1)).await.unwrap(), None);
        assert_not_pending(&world, &pair).await;
    }
}

#[tokio::test]
async fn a_foreign_pair_signs_nobody_in() {
    let world = World::new();
    let (mine, _) = agreed(&world, 1).await;
    let (_, theirs) = agreed(&world, 2).await;
    let outcome = world.sign_ins().complete(&mine, &theirs).await;
    assert!(matches!(
        outcome,
        Err(SignInError::Twitter(TwitterError::InvalidToken))
    ));
    for n in [1, 2] {
        assert_eq!(world.store.account(account(n)).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_sign_in_that_twitter_does_not_start_leaves_nothing_pending() {
    let world = World::new();
    let sign_ins = SignIns {
        pending: Arc::new(MockPendingSignIns::new()),
        ..world.sign_ins()
    };
    world
        .twitter
        .fail_next([TwitterError::Unreached("no route".into())]);
    let outcome = sign_ins.begin().await;
    assert!(matches!(
        outcome,
        Err(SignInError::Twitter(TwitterError::Unreached(_)))
    ));
}

#[tokio::test]
async fn a_request_token_that_could_not_be_kept_is_not_given_out() {
    let world = World::new();
    let mut pending = MockPendingSignIns::new();
    pending.expect_put().return_once(|_| Err(broken_off()));
    let sign_ins = SignIns {
        pending: Arc::new(pending),
        ..world.sign_ins()
    };
    let outcome = sign_ins.begin().await;
    assert!(matches!(outcome, Err(SignInError::Store(_))));
}

#[tokio::test]
async fn twitter_is_not_asked_while_the_store_is_unavailable() {
    let world = World::new();
    let mut pending = MockPendingSignIns::new();
    pending
        .expect_take()
        .return_once(|_, _, _| Err(StoreError::Unreached("no route".into())));
    world.twitter.fail_next([asked()]);
    let sign_ins = SignIns {
        pending: Arc::new(pending),
        ..world.sign_ins()
    };
    let token = RequestToken::parse("token").unwrap();
    let outcome = sign_ins
        .complete(&token, &Verifier::parse("verifier").unwrap())
        .await;
    assert!(matches!(
        outcome,
        Err(SignInError::Store(StoreError::Unreached(_)))
    ));
}

#[tokio::test]
async fn a_failure_to_store_the_account_is_reported() {
    let world = World::new();
    let mut accounts = MockAccounts::new();
    accounts.expect_sign_in().return_once(|_| Err(broken_off()));
    let sign_ins = SignIns {
        accounts: Arc::new(accounts),
        ..world.sign_ins()
    };
    let (token, verifier) = agreed(&world, 1).await;
    let outcome = sign_ins.complete(&token, &verifier).await;
    assert!(matches!(outcome, Err(SignInError::Store(_))));
}

#[tokio::test]
async fn a_secret_moved_to_another_request_token_does_not_open() {
    let world = World::new();
    let (mine, verifier) = agreed(&world, 1).await;
    let (theirs, _) = agreed(&world, 2).await;
    let stolen = world.store.take(&theirs, &anybody(), world.now()).await;
    let moved = PendingSignIn {
        token: mine.clone(),
        ..stolen.unwrap().unwrap()
    };
    world.store.put(moved).await.unwrap();
    let outcome = world.sign_ins().complete(&mine, &verifier).await;
    assert!(matches!(
        outcome,
        Err(SignInError::Sealing(OpenError::Altered))
    ));
}

#[tokio::test]
async fn a_secret_sealed_with_a_key_that_was_removed_does_not_open() {
    let world = World::new();
    let (token, verifier) = agreed(&world, 1).await;
    let sign_ins = SignIns {
        keys: Arc::new(sealing_keys(&["third"])),
        ..world.sign_ins()
    };
    let outcome = sign_ins.complete(&token, &verifier).await;
    assert!(matches!(
        outcome,
        Err(SignInError::Sealing(OpenError::UnknownKey(id))) if id == "first"
    ));
    // Twitter was not asked: a replica that has the key may go on.
    assert!(world.sign_ins().complete(&token, &verifier).await.is_ok());
}
