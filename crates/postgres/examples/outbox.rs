//! Somebody signs in and requests a service; the job that this causes waits in the outbox, is sent and is removed.
//!
//! `STORE_URL=postgres://lemon:lemon@127.0.0.1/lemon cargo run -p lemon-postgres --example outbox`, or without
//! `STORE_URL` in a temporary file.
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{env, error::Error, time::Duration};

use chrono::TimeDelta;
use lemon_domain::{
    ports::{Accounts, NewRegistration, Outbox, Registrations, ReservedPlace, SignIn},
    sealing::Sealed,
    values::{
        AccountId, BudgetKey, BudgetName, Identity, Period, ProviderUserId, RequestId, ServiceType,
        WindowPolicy,
    },
};
use lemon_postgres::{SqlStore, StoreConfig};
use sea_orm::prelude::Uuid;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = format!("sqlite://{}/lemon.db", folder.path().display());
    let url = env::var("STORE_URL").unwrap_or(file);
    let store = SqlStore::connect(&StoreConfig::new(url)).await?;
    store.migrate().await?;

    #[expect(clippy::disallowed_methods, reason = "an example has no `Clock`")]
    let now = chrono::Utc::now();
    let account = AccountId::twitter(ProviderUserId::parse("2244994945")?);
    // The domain's sealing makes this from credentials and a key.
    let credentials = Sealed {
        key_id: "example".to_owned(),
        data: vec![7; 64],
    };
    let sign_in = SignIn {
        account,
        credentials,
        at: now,
    };
    let user = store.sign_in(sign_in).await?;
    println!("signed in as user {user}");

    let service = ServiceType::parse("LEARNME")?;
    let window = WindowPolicy::parse(Period::Daily, "06:00", "Asia/Seoul")?.window_at(now);
    let daily = BudgetKey {
        scope: (&service).into(),
        budget: BudgetName::daily(),
        window,
    };
    // A quota counter assigns the turn and the seat.
    let turn = store
        .last_use(user, &service)
        .await?
        .map_or(1, |last| last.turn + 1);
    let request = NewRegistration {
        identity: Identity { user, account },
        service,
        request_id: RequestId::new(Uuid::from_u128(1)),
        turn,
        places: vec![ReservedPlace {
            key: daily,
            seat: turn,
            units: 1,
            limit: 400,
        }],
        attempt: None,
        at: now,
        cooldown_until: now + TimeDelta::days(7),
    };
    println!("asked: {:?}", store.request(request.clone()).await?);
    println!("asked again: {:?}", store.request(request).await?);

    let jobs = store.claim(10, Duration::from_secs(30), now).await?;
    for job in &jobs {
        println!(
            "to be sent: {} for {}",
            job.content.kind.as_str(),
            job.content.account.user_id
        );
    }
    store
        .remove(&jobs.iter().map(|job| job.id).collect::<Vec<_>>())
        .await?;
    println!("waiting: {}", store.backlog(now).await?.rows);
    Ok(())
}
