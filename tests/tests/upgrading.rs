//! A rolling upgrade and its roll-back: replicas of the program beside a database that is one version newer.

use lemon_test_servers::{PostgresServer, RedisServer};
use lemon_tests::{Person, System, wait_until};
use sea_orm::{ConnectionTrait, Database, DbBackend, Statement};
use serde_json::Value;

/// 64 bytes and 32 bytes, which replicas share.
const JWT_SECRET: &str = "cmVwbGljYXMgc2hhcmUgdGhlaXIga2V5cywgb3Igb25lIHdvdWxkIHR1cm4gYXdheSB3aG9tIGFub3RoZXIgbGV0IGluISE=";
const SEALING_KEY: &str = "k1:bGVtb25sZW1vbmxlbW9ubGVtb25sZW1vbmxlbW9ubGU=";

/// What the next version may do while this one serves: it adds, and what it adds has a default.
const NEWER: &str = "
DO $$ DECLARE known text; BEGIN
    FOR known IN SELECT tablename FROM pg_tables
        WHERE schemaname = current_schema() AND tablename NOT LIKE 'lemon_%' LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN newer integer NOT NULL DEFAULT 7', known);
    END LOOP;
END $$;
CREATE TABLE newer (id integer PRIMARY KEY);
INSERT INTO lemon_migrations VALUES ('m29991231_000001_newer', 0)";

/// The next of the people, who register one after another: each is told their number.
struct Line {
    people: Vec<Person>,
    registered: usize,
}

impl Line {
    /// Two people register at each replica, and one of them deletes their data.
    async fn goes_on(&mut self, replicas: &[System]) {
        for replica in replicas {
            for deletes in [false, true] {
                let person = self.people[self.registered].at(replica);
                let answer = person.register(None).await.must_be(201);
                self.registered += 1;
                assert_eq!(answer["register_count"], self.registered);
                if deletes {
                    person.delete().await.must_be(200);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_are_replaced_one_by_one_beside_a_newer_database_and_back() {
    let (postgres, redis) = (PostgresServer::get().await, RedisServer::get().await);
    let database = postgres.database().await;
    let program = System::builder()
        .env("LEMON_STORE__URL", database.as_str())
        .env("LEMON_STORE__SEALING_KEYS", SEALING_KEY)
        .env("LEMON_JWT__SECRETS", JWT_SECRET)
        .env("LEMON_QUOTA__URL", redis.url().as_str())
        .env("LEMON_QUOTA__KEY_PREFIX", &redis.key_prefix())
        .env("LEMON_SANDBOX__WORKERS", "false");
    let mut replicas = [program.clone().start().await, program.clone().start().await];
    let mut line = Line {
        people: Vec::new(),
        registered: 0,
    };
    for n in 1..=20 {
        line.people.push(replicas[0].sign_in(n).await);
    }
    line.goes_on(&replicas).await;

    // The job of the next version migrates while both serve, with statements that they have prepared.
    let outside = Database::connect(database.as_str()).await.unwrap();
    outside.execute_unprepared(NEWER).await.unwrap();
    line.goes_on(&replicas).await;
    // One replica after another is started on it.
    for replica in 0..replicas.len() {
        assert!(replicas[replica].terminate().await.success());
        replicas[replica].restart().await;
        line.goes_on(&replicas[replica..=replica]).await;
    }
    line.goes_on(&replicas).await;
    // Delete jobs wait a minute for a person who comes back.
    wait_until("all training jobs are sent", async || {
        let left = "SELECT 1 FROM outbox WHERE task = 'train' LIMIT 1";
        let left = Statement::from_string(DbBackend::Postgres, left);
        let row = outside.query_one_raw(left).await.unwrap();
        row.is_none().then_some(())
    })
    .await;

    let status = program.run(&["migrate", "status", "--json"]).await;
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["newer"][0], "m29991231_000001_newer");
    assert_eq!(status["replicas"].as_array().unwrap().len(), 2);
    // The way back leaves the database as it is: nothing of the newer version is taken away.
    for replica in &mut replicas {
        assert!(replica.terminate().await.success());
    }
    let back = program.run(&["migrate", "down", "--yes"]).await;
    assert!(!back.status.success());
    assert!(program.run(&["migrate"]).await.status.success());
    replicas[0].restart().await;
    let told = line.people[0].at(&replicas[0]).can_use().await.must_be(200);
    assert_eq!(told["register_count"], line.registered);
}
