//! Workers redeem the tickets of jobs.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use lemon_domain::{
    ports::{Accounts, JobTickets, MAX_REDEMPTIONS, NewTicket, People, SignIn},
    sealing::{SealingKey, SealingKeys, fresh_nonce},
    usecases::Redeeming,
    values::{
        AccountId, Credentials, JobTicket, ProviderUserId, RequestId, ServiceType, Task, TaskKind,
    },
};
use lemon_fakes::{FakeClock, MemoryStore, SequentialIds};
use lemon_http::{Listener, WorkerCalls, WorkerKeys};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::{
    app::{code, header, problem},
    log::{lines_of, listen},
};

const KEY: &str = "k1-k1-k1-k1-k1-k1-k1-k1-k1-k1-k1";
const OTHER_KEY: &str = "k2-k2-k2-k2-k2-k2-k2-k2-k2-k2-k2";
const LIFETIME: Duration = Duration::from_secs(3600);

/// The port of the workers, over a store in memory with one person who is to be told.
struct Port {
    address: SocketAddr,
    clock: Arc<FakeClock>,
    store: Arc<MemoryStore>,
    ticket: JobTicket,
    _stop: DropGuard,
}

impl Port {
    async fn open() -> Self {
        let clock = Arc::new(FakeClock::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let key = SealingKey::generate("k", &SequentialIds::default());
        let keys = Arc::new(SealingKeys::new(vec![SealingKey::parse(&key).unwrap()]).unwrap());
        sign_in(&store, &keys, &clock).await;
        let ticket = JobTicket::of_random(&[7; JobTicket::BYTES]);
        store.issue(&[notification(&ticket, &clock)]).await.unwrap();
        let redeeming = Arc::new(Redeeming {
            tickets: store.clone(),
            accounts: store.clone(),
            keys,
            clock: clock.clone(),
        });
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let worker_keys = WorkerKeys::parse(&[KEY.into(), OTHER_KEY.into()]).unwrap();
        let ids = Arc::new(SequentialIds::default());
        let calls = WorkerCalls::new(listener, worker_keys, redeeming, ids);
        let (address, stop) = (calls.local_addr(), CancellationToken::new());
        tokio::spawn(calls.run(stop.clone()));
        Self {
            address,
            clock,
            store,
            ticket,
            _stop: stop.drop_guard(),
        }
    }

    fn post(&self) -> RequestBuilder {
        let url = format!("http://{}/internal/credentials", self.address);
        reqwest::Client::new().post(url)
    }

    /// The body of the person's job.
    fn job(&self) -> Value {
        json!({
            "finished": "spring_success_marking", "user_id": "7", "ticket": self.ticket.expose(),
            "message": "done", "service_name": "LEARNME", "request_id": request_id().to_string(),
        })
    }

    async fn redeem(&self, job: &Value) -> Response {
        self.post().bearer_auth(KEY).json(job).send().await.unwrap()
    }
}

fn account() -> AccountId {
    AccountId::twitter(ProviderUserId::parse("7").unwrap())
}

fn request_id() -> RequestId {
    RequestId::new(Uuid::from_u128(7))
}

async fn sign_in(store: &MemoryStore, keys: &SealingKeys, clock: &FakeClock) {
    use lemon_domain::ports::Clock;
    let credentials = Credentials::new("7-hush-token", "hush-secret");
    let nonce = fresh_nonce(&SequentialIds::default());
    let sign_in = SignIn {
        account: account(),
        credentials: keys.seal_credentials(account(), &credentials, nonce),
        at: clock.now(),
    };
    store.sign_in(sign_in).await.unwrap();
}

fn notification(ticket: &JobTicket, clock: &FakeClock) -> NewTicket {
    use lemon_domain::ports::Clock;
    NewTicket {
        digest: ticket.digest(),
        task: Task {
            kind: TaskKind::Notify,
            service: ServiceType::parse("LEARNME").unwrap(),
            account: account(),
        },
        request_id: request_id(),
        issued_at: clock.now(),
        expires_at: clock.now() + LIFETIME,
    }
}

#[tokio::test]
async fn a_worker_sends_its_job_and_gets_the_credentials() {
    let port = Port::open().await;
    for key in [KEY, OTHER_KEY] {
        let call = port.post().bearer_auth(key).json(&port.job());
        let answer = call.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(header(&answer, "cache-control"), "no-store");
        let body: Value = answer.json().await.unwrap();
        let expected = json!({
            "user_id": "7", "access_token": "7-hush-token", "access_secret": "hush-secret",
        });
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn who_brings_no_worker_key_gets_nothing_and_uses_nothing_up() {
    let port = Port::open().await;
    let job = port.job();
    for call in [
        port.post(),
        port.post().bearer_auth(&KEY[1..]),
        port.post().bearer_auth(format!("{KEY}x")),
        port.post().basic_auth(KEY, Some(KEY)),
        port.post().header("Authorization", KEY),
        port.post().bearer_auth(KEY).bearer_auth(KEY),
    ] {
        let answer = call.json(&job).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert!(header(&answer, "www-authenticate").starts_with("Bearer"));
        assert_eq!(code(answer).await, "worker_key_invalid");
    }
    for _ in 0..MAX_REDEMPTIONS {
        assert_eq!(port.redeem(&job).await.status(), StatusCode::OK);
    }
}

/// Whoever reaches the port could fill the log.
#[tokio::test]
async fn a_call_without_a_worker_key_is_a_line_at_debug_only() {
    listen();
    let port = Port::open().await;
    let call = port.post().header("X-Request-Id", "worker-without-key");
    let answer = call.json(&port.job()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let lines = lines_of("worker-without-key");
    let refused = "a call of a worker without a worker key is refused";
    assert!(lines.iter().any(|line| line.contains(refused)), "{lines:?}");
    assert!(
        lines.iter().all(|line| line.starts_with("DEBUG")),
        "{lines:?}"
    );
}

#[tokio::test]
async fn what_is_no_ticket_of_the_job_is_a_problem_that_repeats_nothing() {
    let port = Port::open().await;
    let with = |field: &str, value: Value| {
        let mut job = port.job();
        job[field] = value;
        job
    };
    let hush = "hush-hush-hush-hush-hush-hush-hush-hush-hus";
    for (job, expected) in [
        (with("ticket", json!(hush)), "ticket_unknown"),
        (
            with("request_id", json!(Uuid::from_u128(8))),
            "ticket_unknown",
        ),
        (
            with("finished", json!("spring_request_fetch_tweet")),
            "ticket_unknown",
        ),
        (
            with("finished", json!("spring_request_delete")),
            "invalid_body",
        ),
        (with("finished", json!("hush")), "invalid_body"),
        (with("ticket", json!("hush")), "invalid_body"),
        (with("ticket", Value::Null), "invalid_body"),
        (with("request_id", json!("hush")), "invalid_body"),
        (json!(["hush"]), "invalid_body"),
    ] {
        let problem = problem(port.redeem(&job).await).await;
        assert_eq!(problem["code"], expected, "{job}");
        assert!(!format!("{problem:?}").contains("hush"), "{problem:?}");
    }
    let broken = port
        .post()
        .bearer_auth(KEY)
        .body("hush{")
        .header("content-type", "application/json");
    assert_eq!(code(broken.send().await.unwrap()).await, "malformed_json");
    assert_eq!(port.redeem(&port.job()).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_ticket_that_is_over_says_how_and_that_the_message_is_to_be_deleted() {
    let used = Port::open().await;
    for _ in 0..MAX_REDEMPTIONS {
        used.redeem(&used.job()).await;
    }
    let expired = Port::open().await;
    expired.clock.advance(LIFETIME);
    let void = Port::open().await;
    {
        use lemon_domain::ports::Clock;
        let at = void.clock.now();
        void.store.forget(account(), at).await.unwrap().unwrap();
    }
    for (port, expected) in [
        (used, "ticket_used"),
        (expired, "ticket_expired"),
        (void, "ticket_void"),
    ] {
        let answer = port.redeem(&port.job()).await;
        assert_eq!(answer.status(), StatusCode::GONE);
        let problem = problem(answer).await;
        assert_eq!(problem["code"], expected);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("Delete"), "{detail}");
    }
}

#[tokio::test]
async fn the_port_has_one_call_and_no_other_origin_may_make_it() {
    let port = Port::open().await;
    let url = format!("http://{}/internal/credentials", port.address);
    let answer = reqwest::get(url).await.unwrap();
    assert_eq!(header(&answer, "allow"), "POST");
    assert_eq!(code(answer).await, "method_not_allowed");
    let answer = reqwest::get(format!("http://{}/api/service", port.address)).await;
    assert_eq!(code(answer.unwrap()).await, "not_found");
    let foreign = port.post().bearer_auth(KEY).json(&port.job());
    let foreign = foreign.header("Origin", "http://localhost:3000");
    let answer = foreign.send().await.unwrap();
    assert!(
        answer
            .headers()
            .get("access-control-allow-origin")
            .is_none()
    );
    let rebound = port.post().bearer_auth(KEY).json(&port.job());
    let rebound = rebound.header("Host", "evil.example").send().await.unwrap();
    assert_eq!(code(rebound).await, "wrong_host");
}
