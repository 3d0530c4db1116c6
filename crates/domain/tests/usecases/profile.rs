use std::sync::Arc;

use lemon_domain::{
    ports::{Accounts, SignIn, TwitterError},
    sealing::OpenError,
    usecases::{ProfileError, Profiles},
    values::{Credentials, Identity, UserId},
};
use lemon_fakes::FakeTwitter;

use crate::{
    mocks::{MockAccounts, broken_off},
    world::{World, account, sealing_keys},
};

fn profiles(world: &World) -> Profiles {
    Profiles {
        twitter: world.twitter.clone(),
        accounts: world.store.clone(),
        keys: world.keys.clone(),
    }
}

#[tokio::test]
async fn a_profile_is_fetched_with_the_persons_own_credentials() {
    let world = World::new();
    world.person(1).await;
    let who = world.person(2).await;
    let profile = profiles(&world).profile(who).await.unwrap();
    assert_eq!(profile, FakeTwitter::profile_of(2));
}

#[tokio::test]
async fn a_person_without_credentials_must_sign_in_and_twitter_is_not_asked() {
    let world = World::new();
    let who = world.person(1).await;
    let sign_in = SignIn {
        account: who.account,
        credentials: world
            .keys
            .seal_credentials(who.account, &Credentials::none(), [7; 24]),
        at: world.now(),
    };
    world.store.sign_in(sign_in).await.unwrap();
    let unasked = TwitterError::Rejected("nobody should have asked".into());
    world.twitter.fail_next([unasked]);
    let outcome = profiles(&world).profile(who).await;
    assert!(
        matches!(
            outcome,
            Err(ProfileError::Twitter(TwitterError::InvalidToken))
        ),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_person_without_that_account_is_unknown_and_twitter_is_not_asked() {
    let world = World::new();
    let who = world.person(1).await;
    let other = world.person(2).await;
    let unasked = TwitterError::Rejected("nobody should have asked".into());
    world.twitter.fail_next([unasked]);
    let profiles = profiles(&world);
    let strangers = [
        Identity {
            account: account(3),
            ..who
        },
        Identity {
            account: other.account,
            ..who
        },
        Identity {
            user: UserId::new(-1),
            ..who
        },
    ];
    for stranger in strangers {
        let outcome = profiles.profile(stranger).await;
        assert!(matches!(outcome, Err(ProfileError::UnknownPerson)));
    }
}

#[tokio::test]
async fn revoked_credentials_are_refused_by_twitter() {
    let world = World::new();
    let who = world.person(1).await;
    world.twitter.fail_next([TwitterError::InvalidToken]);
    let outcome = profiles(&world).profile(who).await;
    assert!(matches!(
        outcome,
        Err(ProfileError::Twitter(TwitterError::InvalidToken))
    ));
}

#[tokio::test]
async fn credentials_sealed_with_a_key_that_was_removed_do_not_open() {
    let world = World::new();
    let who = world.person(1).await;
    let profiles = Profiles {
        keys: Arc::new(sealing_keys(&["third"])),
        ..profiles(&world)
    };
    let outcome = profiles.profile(who).await;
    assert!(matches!(
        outcome,
        Err(ProfileError::Sealing(OpenError::UnknownKey(_)))
    ));
}

#[tokio::test]
async fn a_failure_of_the_store_is_reported() {
    let world = World::new();
    let who = world.person(1).await;
    let mut accounts = MockAccounts::new();
    accounts.expect_account().return_once(|_| Err(broken_off()));
    let profiles = Profiles {
        accounts: Arc::new(accounts),
        ..profiles(&world)
    };
    let outcome = profiles.profile(who).await;
    assert!(matches!(outcome, Err(ProfileError::Store(_))));
}
