//! A program that has its own tables shares its database, and its connections, with the store.
//!
//! `DATABASE_URL=postgres://lemon:lemon@127.0.0.1/lemon cargo run -p lemon-postgres --example shared_database`, or
//! without `DATABASE_URL` in a temporary file.
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{env, error::Error};

use lemon_domain::{
    ports::{Accounts, SignIn},
    sealing::Sealed,
    values::{AccountId, ProviderUserId},
};
use lemon_postgres::{SqlStore, StoreConfig};
use sea_orm::{ConnectionTrait, Database, Statement};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = format!("sqlite://{}/app.db?mode=rwc", folder.path().display());
    let url = env::var("DATABASE_URL").unwrap_or(file);
    let connection = Database::connect(url).await?;

    // On PostgreSQL, stores in several schemas of one database have channels and locks of their own.
    let config = StoreConfig::without_address()
        .with_channel("app_outbox")
        .with_migration_lock(1);
    let store = SqlStore::new(&connection, &config)?;
    store.migrate().await?;

    // Its own migrations may be recorded in `seaql_migrations`: the store's are not there.
    let make = "CREATE TABLE IF NOT EXISTS notes (user_id bigint REFERENCES users (id), text text)";
    connection.execute_unprepared(make).await?;

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
    let backend = connection.get_database_backend();
    let note = Statement::from_sql_and_values(
        backend,
        "INSERT INTO notes (user_id, text) VALUES ($1, $2)",
        [user.get().into(), "likes lemons".into()],
    );
    connection.execute_raw(note).await?;

    let join = "SELECT provider, text FROM accounts JOIN notes ON notes.user_id = accounts.user_id";
    let rows = connection
        .query_all_raw(Statement::from_string(backend, join))
        .await?;
    for row in rows {
        let (provider, text): (String, String) =
            (row.try_get("", "provider")?, row.try_get("", "text")?);
        println!("somebody of {provider} {text}");
    }
    // The connections are this program's to close.
    store.close().await;
    connection.close().await?;
    Ok(())
}
