use std::{fs, sync::Arc};

use anyhow::ensure;
use lemon_test_servers::{PostgresServer, RedisServer};
use lemon_tests::System;
use tempfile::TempDir;
use url::Url;

use crate::{
    CONNECTIONS, ROUNDS, figures::Figures, load::once_each, median, quiet::quiet, registering, tool,
};

/// Registrations of each client in a round.
const EACH: usize = 50;
const ROUND: usize = EACH * CONNECTIONS;

/// What a registration says to PostgreSQL, one statement after the other, as most programs do; this one sends all that
/// change something in one statement. Each client has people of its own.
const STATEMENTS: &str = "\\set i :i + 1
\\set n :first + :client_id * :each + :i
SELECT turn, window_start, cooldown_until FROM uses WHERE user_id = :n AND service = 'LEARNME';
BEGIN;
SELECT id FROM accounts WHERE provider = 'TWITTER' AND provider_user_id = :n AND user_id = :n;
INSERT INTO uses (user_id, service, turn, window_start, cooldown_until, expires_at, request_id)
  VALUES (:n, 'LEARNME', 1, '2026-11-22 21:00Z', '2026-11-30 03:04Z', '2026-11-30 03:04Z', lpad(:n::text, 32, '0')::uuid)
  ON CONFLICT (user_id, service) DO UPDATE SET turn = excluded.turn WHERE uses.turn < 1;
INSERT INTO registrations (user_id, service, account_id, request_id, public, ready, can_use_at, requested_at,
    announced_at, announcements)
  VALUES (:n, 'LEARNME', :n, lpad(:n::text, 32, '0')::uuid, false, false, '2026-11-30 03:04Z', '2026-11-23 03:04Z',
    '2026-11-23 03:04Z', 1)
  ON CONFLICT (user_id, service) DO UPDATE SET request_id = excluded.request_id;
INSERT INTO outbox (task, service, provider, provider_user_id, request_id, attempt, due_at, created_at)
  VALUES ('train', 'LEARNME', 'TWITTER', :n, lpad(:n::text, 32, '0')::uuid, 0, '2026-11-23 03:04Z', '2026-11-23 03:04Z');
INSERT INTO places (service, budget, window_start, seat, user_id, turn, units, at, expires_at, fingerprint)
  VALUES ('LEARNME', 'daily', '2026-11-22 21:00Z', :n, :n, 1, 1, '2026-11-23 03:04Z', '2026-11-30 03:04Z', 1234567::bigint * :n)
  ON CONFLICT DO NOTHING RETURNING budget;
COMMIT;
";

/// How many registrations a second the system accepts on PostgreSQL and Redis, beside its statements one by one by
/// `pgbench`.
pub(crate) async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    let (postgres, redis) = (PostgresServer::get().await, RedisServer::get().await);
    let bare = Bare::new(&postgres).await?;
    let system = System::builder()
        .env("LEMON_STORE__URL", postgres.database().await.as_str())
        .env("LEMON_STORE__MAX_CONNECTIONS", &CONNECTIONS.to_string())
        .env("LEMON_QUOTA__URL", redis.url().as_str())
        .env("LEMON_QUOTA__KEY_PREFIX", &redis.key_prefix())
        .env("LEMON_SERVICES__LEARN_ME__DAILY_LIMIT", "1000000")
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "3600")
        .start()
        .await;
    let requests = registering::requests(&system, ROUND * ROUNDS).await?;
    let (mut measured, mut limit) = (Vec::new(), Vec::new());
    for (round, requests) in requests.chunks(ROUND).enumerate() {
        measured.push(once_each(system.http_address(), requests.to_vec(), CONNECTIONS).await?);
        quiet(&system).await?;
        limit.push(bare.round(round).await?);
    }
    figures.rate(
        "registrations, beside pgbench",
        median(measured),
        median(limit),
        0.5,
    );
    Ok(())
}

/// A database with the program's schema and people in it, and `pgbench` on it.
struct Bare {
    database: Url,
    script: TempDir,
    _server: Arc<PostgresServer>,
}

impl Bare {
    async fn new(server: &Arc<PostgresServer>) -> anyhow::Result<Self> {
        let database = server.database().await;
        let migrated = System::builder()
            .env("LEMON_STORE__URL", database.as_str())
            .run(&["migrate"])
            .await;
        ensure!(migrated.status.success(), "{migrated:?}");
        let people = ROUND * ROUNDS;
        let sign_up = format!(
            "INSERT INTO users (id, created_at) SELECT n, now() FROM generate_series(1, {people}) n; \
             INSERT INTO accounts (id, user_id, provider, provider_user_id, credentials, credentials_key_id, created_at, \
             refreshed_at) SELECT n, n, 'TWITTER', n, decode(repeat('00', 160), 'hex'), 'bench', now(), now() \
             FROM generate_series(1, {people}) n; ANALYZE"
        );
        tool::run(
            &["psql"],
            &["--quiet", "--command", &sign_up, database.as_str()],
        )
        .await?;
        let script = TempDir::with_prefix("lemon-")?;
        fs::write(script.path().join("statements.sql"), STATEMENTS)?;
        Ok(Self {
            database,
            script,
            _server: Arc::clone(server),
        })
    }

    async fn round(&self, round: usize) -> anyhow::Result<f64> {
        let script = self.script.path().join("statements.sql");
        let (script, clients, each) = (
            script.display().to_string(),
            CONNECTIONS.to_string(),
            EACH.to_string(),
        );
        let numbers = [
            "i=0".to_owned(),
            format!("each={EACH}"),
            format!("first={}", round * ROUND),
        ];
        let mut arguments = vec![
            "--no-vacuum",
            "--protocol=prepared",
            "--jobs=2",
            "--client",
            &clients,
            "--transactions",
            &each,
            "--file",
            &script,
        ];
        for number in &numbers {
            arguments.extend(["--define", number]);
        }
        arguments.push(self.database.as_str());
        let said = tool::run(&["pgbench"], &arguments).await?;
        tool::number(&said, "tps = ", " ")
    }
}
