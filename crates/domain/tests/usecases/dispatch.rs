use std::sync::Arc;

use lemon_domain::{
    ports::{Accounts, OutboxEntry, StoreError},
    usecases::{Dispatch, Job, JobAccess, Prepared},
    values::{Catalogue, RequestId, Service, Task, TaskKind},
};
use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::{
    mocks::{MockAccounts, broken_off},
    world::{World, account, learn_me, sealing_keys},
};

fn dispatch(world: &World, services: Vec<Service>) -> Dispatch {
    Dispatch {
        catalogue: Arc::new(Catalogue::new(services).unwrap()),
        accounts: world.store.clone(),
        keys: world.keys.clone(),
        tickets: None,
    }
}

fn entry(world: &World, kind: TaskKind) -> OutboxEntry<Task> {
    OutboxEntry {
        id: 1,
        attempt: 1,
        content: Task {
            kind,
            service: learn_me(400).service_type,
            account: account(7),
        },
        request_id: RequestId::new(Uuid::from_u128(42)),
        created_at: world.now(),
        trace: None,
    }
}

async fn prepare(world: &World, task: TaskKind) -> Prepared {
    let dispatch = dispatch(world, vec![learn_me(400)]);
    prepare_by(&dispatch, entry(world, task)).await
}

async fn prepare_by(dispatch: &Dispatch, entry: OutboxEntry<Task>) -> Prepared {
    let mut prepared = dispatch.prepare(&[entry]).await.unwrap();
    assert_eq!(prepared.len(), 1);
    prepared.remove(0)
}

fn assert_sent(prepared: Prepared, to: &str) -> Job {
    let Prepared::Send(queue, job) = prepared else {
        panic!("{prepared:?} is not sent");
    };
    assert_eq!(queue.as_str(), to);
    job
}

#[tokio::test]
async fn a_training_job_is_sent_with_the_persons_credentials() {
    let world = World::new();
    world.person(7).await;
    let job = assert_sent(
        prepare(&world, TaskKind::Train).await,
        "TweetGetRequestQueue",
    );
    let Job::Train {
        account: of,
        access: JobAccess::Inline(credentials),
        service,
        request_id,
    } = job
    else {
        panic!("{job:?} is no training");
    };
    assert_eq!(of, account(7));
    assert_eq!(credentials, world.twitter.credentials_of(7));
    assert_eq!(service, learn_me(400).service_type);
    assert_eq!(request_id.get(), Uuid::from_u128(42));
}

#[tokio::test]
async fn a_notification_is_sent_with_credentials_and_the_text_of_the_service() {
    let world = World::new();
    world.person(7).await;
    let job = assert_sent(
        prepare(&world, TaskKind::Notify).await,
        "TweetNotificationQueue",
    );
    let Job::Notify {
        account: of,
        access: JobAccess::Inline(credentials),
        message,
        service,
        request_id,
    } = job
    else {
        panic!("{job:?} is no notification");
    };
    assert_eq!(of, account(7));
    assert_eq!(credentials, world.twitter.credentials_of(7));
    assert_eq!(message, learn_me(400).notification);
    assert_eq!(service, learn_me(400).service_type);
    assert_eq!(request_id.get(), Uuid::from_u128(42));
}

#[tokio::test]
async fn a_deletion_needs_no_credentials_and_no_account() {
    let world = World::new();
    let dispatch = Dispatch {
        accounts: Arc::new(MockAccounts::new()),
        ..dispatch(&world, vec![learn_me(400)])
    };
    let entry = entry(&world, TaskKind::Delete);
    let prepared = prepare_by(&dispatch, entry.clone()).await;
    let job = assert_sent(prepared, "LearnMeTrainDataDeleteRequestQueue");
    assert!(matches!(
        job,
        Job::Delete { account: of, service, request_id }
            if of == account(7) && service == entry.content.service && request_id == entry.request_id
    ));
}

#[tokio::test]
async fn credentials_are_those_of_the_latest_sign_in() {
    let world = World::new();
    world.person(7).await;
    let credentials = world.twitter.credentials_of(7);
    let twitter: &dyn lemon_domain::ports::TwitterClient = &*world.twitter;
    twitter.revoke(&credentials).await.unwrap();
    world.person(7).await;
    let job = assert_sent(
        prepare(&world, TaskKind::Train).await,
        "TweetGetRequestQueue",
    );
    let fresh = world.twitter.credentials_of(7);
    assert_ne!(fresh, credentials);
    assert!(matches!(job, Job::Train { access: JobAccess::Inline(it), .. } if it == fresh));
}

#[tokio::test]
async fn a_job_of_an_account_that_is_gone_is_dropped() {
    let world = World::new();
    for task in [TaskKind::Train, TaskKind::Notify] {
        let prepared = prepare(&world, task).await;
        assert!(matches!(
            prepared,
            Prepared::Drop("the account no longer exists")
        ));
    }
}

#[tokio::test]
async fn a_job_whose_sealing_key_is_missing_is_held() {
    let world = World::new();
    world.person(7).await;
    let dispatch = Dispatch {
        keys: Arc::new(sealing_keys(&["third"])),
        ..dispatch(&world, vec![learn_me(400)])
    };
    let entry = entry(&world, TaskKind::Train);
    let prepared = prepare_by(&dispatch, entry).await;
    assert!(matches!(prepared, Prepared::Hold(reason) if reason.contains("\"first\"")));
}

#[tokio::test]
async fn a_job_of_a_service_that_the_catalogue_lacks_is_held() {
    let world = World::new();
    let dispatch = dispatch(&world, vec![]);
    for task in [TaskKind::Train, TaskKind::Notify, TaskKind::Delete] {
        let prepared = prepare_by(&dispatch, entry(&world, task)).await;
        assert!(matches!(prepared, Prepared::Hold(reason) if reason.contains("LEARNME")));
    }
}

#[tokio::test]
async fn a_failure_of_the_store_is_reported() {
    let world = World::new();
    let mut accounts = MockAccounts::new();
    accounts
        .expect_accounts()
        .return_once(|_| Err(broken_off()));
    let dispatch = Dispatch {
        accounts: Arc::new(accounts),
        ..dispatch(&world, vec![learn_me(400)])
    };
    let entry = entry(&world, TaskKind::Notify);
    assert!(dispatch.prepare(&[entry]).await.is_err());
}

#[tokio::test]
async fn a_corrupt_account_holds_its_own_jobs_only() {
    let world = World::new();
    let corrupt = || StoreError::Corrupt {
        table: "accounts",
        key: "8".to_owned(),
        source: "no such provider".into(),
    };
    let good = world.person(7).await;
    let stored = world.store.account(good.account).await.unwrap();
    let mut accounts = MockAccounts::new();
    accounts
        .expect_accounts()
        .once()
        .returning(move |_| Err(corrupt()));
    accounts.expect_account().returning(move |asked| {
        if asked == account(8) {
            Err(corrupt())
        } else {
            Ok(stored.clone())
        }
    });
    let dispatch = Dispatch {
        accounts: Arc::new(accounts),
        ..dispatch(&world, vec![learn_me(400)])
    };
    let entries = [8, 7].map(|n| {
        let mut entry = entry(&world, TaskKind::Train);
        entry.content.account = account(n);
        entry
    });
    let prepared = dispatch.prepare(&entries).await.unwrap();
    let [held, sent] = &prepared[..] else {
        panic!("{prepared:?} is not one for each entry");
    };
    assert!(matches!(held, Prepared::Hold(reason) if reason.contains("accounts, row 8")));
    assert!(matches!(sent, Prepared::Send(..)));
}

#[tokio::test]
async fn a_printed_job_shows_no_credentials() {
    let world = World::new();
    world.person(7).await;
    let credentials = world.twitter.credentials_of(7);
    for task in [TaskKind::Train, TaskKind::Notify] {
        let printed = format!("{:?}", prepare(&world, task).await);
        for secret in [&credentials.token, &credentials.secret] {
            assert!(!printed.contains(secret.expose_secret()), "{printed}");
        }
    }
}
