//! A disk that fails under the files of a single machine.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use lemon_tests::{FailingDisk, Person, System, record_on_sqlite, wait_until};
use serde_json::json;

/// A system with files whose path contains this on a disk that works still, and a person who has registered.
async fn on(disk: &FailingDisk, path: &str) -> (System, Person) {
    let system = System::builder()
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "0")
        .env("LEMON_SERVICES__LEARN_ME__DAILY_LIMIT", "1000000");
    let system = disk.under(system, path).start().await;
    let person = system.sign_in(1).await;
    person.register(None).await.must_be(201);
    person.wait_until_ready().await;
    (system, person)
}

/// Registers until the process has ended by itself; answers why. Once it is not ready it is never ready again.
async fn end(system: &mut System, person: &Person) -> String {
    let (client, ready) = (system.client().clone(), system.ops_url("/health/ready"));
    let asking = async {
        let mut failed = false;
        // Until nobody listens any more.
        while let Ok(answer) = client.get(&ready).send().await {
            failed |= answer.status() == 503;
            assert!(!failed || answer.status() == 503, "{answer:?}");
            let register = person.request(reqwest::Method::POST, "/api/service/learn_me");
            let _ = register.send().await;
        }
    };
    let (status, ()) = tokio::join!(system.ended(), asking);
    assert_eq!(status.code(), Some(1), "{:?}", system.log_lines());
    system.log_lines().last().unwrap().clone()
}

/// Whom the system has registered.
async fn registered(person: &Person) -> usize {
    let services = person.services().await.must_be(200);
    services.as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_process_ends_when_the_disk_of_the_store_fails_and_keeps_accepted_requests() {
    let disk = FailingDisk::new();
    let (mut system, first) = on(&disk, "/lemon.db").await;
    let second = system.sign_in(2).await;
    disk.fail();
    let refused = second.register(None).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    let cause = end(&mut system, &second).await;
    let said = "the disk of the store failed: Input/output error";
    assert!(cause.contains(said), "{cause}");
    disk.replace();
    system.restart().await;
    assert_eq!(registered(&first).await, 1);
    second.register(None).await;
    second.wait_until_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_process_ends_when_the_disk_of_the_queue_fails_and_the_job_is_sent_after_that() {
    let disk = FailingDisk::new();
    let (mut system, _) = on(&disk, "/queue.db").await;
    let second = system.sign_in(2).await;
    disk.fail();
    second.register(None).await.must_be(201);
    let cause = end(&mut system, &second).await;
    let said = "the disk of the job queue failed: disk I/O error";
    assert!(cause.contains(said), "{cause}");
    disk.replace();
    system.restart().await;
    second.wait_until_ready().await;
}

/// The counter flushes only what moves from its log to its file, which takes many changes: the record says that others have
/// taken very many places.
#[tokio::test(flavor = "multi_thread")]
async fn the_process_ends_when_the_disk_of_the_counter_fails_and_the_count_is_right_after_that() {
    const RECORDED: u32 = 60_000;
    let disk = FailingDisk::new();
    let (mut system, _) = on(&disk, "/quota.db").await;
    let second = system.sign_in(2).await;
    record_on_sqlite(&system.data_dir().join("lemon.db"), 2..=RECORDED);
    disk.fail();
    let cause = end(&mut system, &second).await;
    let said = "the disk of the quota counter failed: disk I/O error";
    assert!(cause.contains(said), "{cause}");
    disk.replace();
    system.restart().await;
    let registered = second.register(None).await.must_be(201);
    assert_eq!(registered["register_count"], RECORDED + 1);
}

/// The file of the store itself, without its log: a checkpoint alone writes and flushes it.
const FILE: &str = "/lemon.db$";

/// A log that is to be moved to its file.
fn fill_the_log(system: &System) {
    record_on_sqlite(&system.data_dir().join("lemon.db"), 2..=20_000);
}

/// One more change, which the log takes: by the end of the deadline or later.
async fn commit(person: &Person) {
    let answer = person.set_public(true).await;
    assert!([200, 503].contains(&answer.status), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_process_ends_when_a_checkpoint_of_the_store_is_not_flushed_and_keeps_accepted_requests()
 {
    let disk = FailingDisk::new();
    let (mut system, person) = on(&disk, FILE).await;
    disk.fail();
    wait_until("a change is accepted", async || {
        (person.set_public(true).await.status == 200).then_some(())
    })
    .await;
    fill_the_log(&system);
    let client = system.client().clone();
    let change = person.request(reqwest::Method::PUT, "/api/service");
    let change = change
        .json(&json!({ "service_type": "LEARNME", "public": true }))
        .build()
        .unwrap();
    let changing = async {
        // Until nobody listens any more.
        while let Ok(answer) = client.execute(change.try_clone().unwrap()).await {
            assert!([200, 503].contains(&answer.status().as_u16()), "{answer:?}");
        }
    };
    let (status, ()) = tokio::join!(system.ended(), changing);
    assert_eq!(status.code(), Some(1), "{:?}", system.log_lines());
    let cause = system.log_lines().last().unwrap().clone();
    let said = "the disk of the store failed: disk I/O error";
    assert!(cause.contains(said), "{cause}");
    disk.replace();
    system.restart().await;
    let services = person.services().await.must_be(200);
    assert_eq!(services[0]["public"], true, "{services}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_room_for_a_checkpoint_continues_and_logs_it_once() {
    const TOLD: &str = "a checkpoint of the store failed";
    let disk = FailingDisk::new();
    let (system, person) = on(&disk, FILE).await;
    let told = || {
        let lines = system.log_lines();
        lines.iter().filter(|line| line.contains(TOLD)).count()
    };
    let file = system.data_dir().join("lemon.db");
    let modified = || std::fs::metadata(&file).unwrap().modified().unwrap();
    disk.fill();
    fill_the_log(&system);
    let before = modified();
    wait_until("it is told", async || {
        commit(&person).await;
        (told() > 0).then_some(())
    })
    .await;
    for _ in 0..20 {
        commit(&person).await;
    }
    assert_eq!((told(), modified()), (1, before));
    disk.replace();
    wait_until("the log is moved", async || {
        commit(&person).await;
        (modified() != before).then_some(())
    })
    .await;
    assert_eq!(told(), 1);
}
