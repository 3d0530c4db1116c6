//! The application under test, and a person to call it.

use std::{collections::BTreeMap, io::Read, net::SocketAddr, sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use lemon_domain::{
    sealing::{SealingKey, SealingKeys},
    traces::Tracer,
    usecases::{
        KnownPeople, PeopleCare, Profiles, Quotas, Registering, RegisteringPorts,
        RevocationsInForce, SignIns, SignOuts,
    },
    values::{
        BudgetName, BudgetPolicy, Catalogue, Period, QueueName, Service, ServicePath,
        ServiceQueues, ServiceType, TrainingPolicy, WindowPolicy,
    },
};
use lemon_fakes::{FakeClock, FakeTwitter, SequentialIds};
use lemon_http::{
    Application, BrowserConfig, Deadlines, Draining, HttpConfig, JwtConfig, Listener, Mount,
    Origin, Protection, Tokens, UseCases,
};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{faults::FaultyCounter, forge, gated::GatedStore};

/// Where the web app of the tests is served from.
pub(crate) const WEB_APP: &str = "http://localhost:3000";
/// The day's places of `learn_me`.
pub(crate) const LIMIT: u32 = 3;

/// A running application.
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) twitter: Arc<FakeTwitter>,
    pub(crate) counter: Arc<FaultyCounter>,
    pub(crate) store: Arc<GatedStore>,
    pub(crate) tokens: Arc<Tokens>,
    client: reqwest::Client,
    _stop: DropGuard,
}

/// The deadline of a call that no test is about.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a test may want otherwise.
pub(crate) struct Setup {
    pub(crate) docs: bool,
    pub(crate) deadlines: Deadlines,
    pub(crate) mount: Mount,
    pub(crate) max_connections: usize,
    pub(crate) draining: Draining,
    pub(crate) keep_profiles: Duration,
    pub(crate) protection: Protection,
    pub(crate) browser: BrowserConfig,
    pub(crate) tracer: Tracer,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            docs: true,
            // No test is about the machine's speed, unless it says so.
            deadlines: Deadlines {
                call: PATIENCE,
                twitter: PATIENCE,
                ..Deadlines::default()
            },
            mount: Mount::nothing(),
            max_connections: 1_000,
            draining: Draining::default(),
            keep_profiles: HttpConfig::DEFAULT_KEEP_PROFILES,
            protection: Protection::default(),
            browser: BrowserConfig::default(),
            tracer: Tracer::off(),
        }
    }
}

impl App {
    pub(crate) fn start() -> Self {
        Self::start_with(Setup::default())
    }

    pub(crate) fn start_with(setup: Setup) -> Self {
        let stop = CancellationToken::new();
        let (app, _) = Self::start_until(setup, stop.clone());
        app
    }

    /// The application, and what its run comes to once it is stopped.
    pub(crate) fn start_until(
        setup: Setup,
        stop: CancellationToken,
    ) -> (Self, tokio::task::JoinHandle<std::io::Result<()>>) {
        let clock = Arc::new(FakeClock::default());
        let twitter = Arc::new(FakeTwitter::default());
        let counter = Arc::new(FaultyCounter::default());
        let store = Arc::new(GatedStore::default());
        let use_cases = use_cases(&clock, &twitter, &counter, &store);
        let config = HttpConfig {
            allowed_origins: vec![Origin::parse(WEB_APP).unwrap()],
            docs: setup.docs,
            operations_port: 8082,
            workers: Some(1),
            jwt: jwt(b"k"),
            browser: setup.browser,
            deadlines: setup.deadlines,
            max_connections: setup.max_connections,
            keep_profiles: setup.keep_profiles,
            protection: setup.protection,
        };
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let application = Application::new(listener, config, use_cases, setup.mount)
            .unwrap()
            .with_draining(setup.draining)
            .with_tracer(setup.tracer);
        let app = Self {
            address: application.local_addr(),
            clock,
            twitter,
            counter,
            store,
            tokens: application.tokens(),
            client: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            _stop: stop.clone().drop_guard(),
        };
        (app, tokio::spawn(application.run(stop)))
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("http://{}{path}", self.address))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.call(Method::POST, path)
    }

    /// Signs a person in, over HTTP; answers their token.
    pub(crate) async fn sign_in(&self, person: u32) -> String {
        let answer = self.log_in(self.agree(person).await).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        let body: Value = answer.json().await.unwrap();
        body["access_token"].as_str().unwrap().to_owned()
    }

    /// The person agrees at Twitter; answers what they bring back.
    pub(crate) async fn agree(&self, person: u32) -> Value {
        let answer = self.get("/api/oauth/twitter/request-token").send().await;
        let grant: Value = answer.unwrap().json().await.unwrap();
        let token = grant["token"].as_str().unwrap();
        let request_token = lemon_domain::values::RequestToken::parse(token).unwrap();
        let verifier = self.twitter.authorize(&request_token, person);
        json!({ "oauth_token": token, "oauth_verifier": verifier.expose() })
    }

    pub(crate) async fn log_in(&self, pair: Value) -> Response {
        let call = self.post("/api/oauth/twitter/twitter-login").json(&pair);
        call.send().await.unwrap()
    }

    pub(crate) async fn register(&self, token: &str) -> Response {
        let call = self.post("/api/service/learn_me").bearer_auth(token);
        call.send().await.unwrap()
    }

    pub(crate) async fn services(&self, token: &str) -> Value {
        let call = self.get("/api/service").bearer_auth(token);
        call.send().await.unwrap().json().await.unwrap()
    }
}

/// A header's text, `""` where there is none.
pub(crate) fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    let value = answer.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

/// The body of a problem, once everything that all problems share was checked.
pub(crate) async fn problem(answer: Response) -> BTreeMap<String, Value> {
    let status = answer.status();
    assert_eq!(header(&answer, "content-type"), "application/problem+json");
    assert_eq!(header(&answer, "cache-control"), "no-store");
    assert!(!header(&answer, "x-request-id").is_empty());
    let waits = matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    );
    let retry_after = header(&answer, "retry-after").parse::<u64>();
    assert_eq!(retry_after.is_ok_and(|seconds| seconds >= 1), waits);
    let challenge = header(&answer, "www-authenticate");
    assert_eq!(
        challenge.starts_with("Bearer"),
        status == StatusCode::UNAUTHORIZED
    );
    let path = answer.url().path().to_owned();
    let body: BTreeMap<String, Value> = answer.json().await.unwrap();
    assert_eq!(body["status"], status.as_u16());
    assert_eq!(body["instance"], path);
    body
}

/// A problem of which only the code is of interest.
pub(crate) async fn code(answer: Response) -> String {
    problem(answer).await["code"].as_str().unwrap().to_owned()
}

/// Keys of 64 bytes that begin with these.
pub(crate) fn jwt(keys: &[u8]) -> JwtConfig {
    JwtConfig {
        secrets: keys
            .iter()
            .map(|byte| BASE64_STANDARD.encode(forge::key(*byte)).into())
            .collect(),
        lifetime: JwtConfig::DEFAULT_LIFETIME,
    }
}

/// Two services.
pub(crate) fn catalogue() -> Catalogue {
    Catalogue::new(vec![learn_me(), draw_me()]).unwrap()
}

fn use_cases(
    clock: &Arc<FakeClock>,
    twitter: &Arc<FakeTwitter>,
    counter: &Arc<FaultyCounter>,
    gated: &Arc<GatedStore>,
) -> UseCases {
    let store = Arc::clone(&gated.inner);
    let ids = Arc::new(SequentialIds::default());
    let sealing = format!("a:{}", BASE64_STANDARD.encode(&forge::KEY[..32]));
    let keys = vec![SealingKey::parse(&sealing.into()).unwrap()];
    let keys = Arc::new(SealingKeys::new(keys).unwrap());
    let quotas = Quotas::new(
        counter.clone(),
        store.clone(),
        clock.clone(),
        Registering::GRACE,
    );
    UseCases {
        sign_ins: Arc::new(SignIns {
            twitter: twitter.clone(),
            pending: store.clone(),
            accounts: store.clone(),
            keys: keys.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            pending_for: SignIns::DEFAULT_PENDING_FOR,
        }),
        sign_outs: Arc::new(SignOuts {
            revocations: Arc::new(RevocationsInForce::new(store.clone(), clock.clone())),
            people: Arc::new(PeopleCare {
                people: store.clone(),
                deadlines: store.clone(),
                clock: clock.clone(),
            }),
            accounts: store.clone(),
            keys: keys.clone(),
            twitter: twitter.clone(),
            clock: clock.clone(),
            token_lifetime: JwtConfig::DEFAULT_LIFETIME,
        }),
        known_people: Arc::new(KnownPeople::new(store.clone())),
        profiles: Arc::new(Profiles {
            twitter: twitter.clone(),
            accounts: store.clone(),
            keys,
        }),
        registering: Arc::new(Registering::new(RegisteringPorts {
            registrations: gated.clone(),
            quotas: Arc::new(quotas),
            clock: clock.clone(),
            ids: ids.clone(),
        })),
        catalogue: Arc::new(catalogue()),
        clock: clock.clone(),
        ids,
    }
}

fn learn_me() -> Service {
    service("LEARNME", "learn_me", Vec::new())
}

/// A service with a further budget, of which there is enough for one.
fn draw_me() -> Service {
    let reads = BudgetPolicy {
        name: BudgetName::parse("reads").unwrap(),
        limit: 100,
        units: 60,
        window: WindowPolicy::parse(Period::Monthly, "00:00", "UTC").unwrap(),
        is_shared: false,
    };
    service("DRAWME", "draw_me", vec![reads])
}

fn service(service_type: &str, path: &str, budgets: Vec<BudgetPolicy>) -> Service {
    let queue = |name| QueueName::parse(&format!("{service_type}-{name}")).unwrap();
    Service {
        service_type: ServiceType::parse(service_type).unwrap(),
        path: ServicePath::parse(path).unwrap(),
        daily: BudgetPolicy {
            name: BudgetName::daily(),
            limit: LIMIT,
            units: 1,
            window: WindowPolicy::parse(Period::Daily, "06:00", "Asia/Seoul").unwrap(),
            is_shared: false,
        },
        budgets,
        cooldown: Duration::from_secs(7 * 24 * 60 * 60),
        training: TrainingPolicy::default(),
        queues: ServiceQueues {
            train: queue("train"),
            ready: queue("ready"),
            notify: queue("notify"),
            delete: queue("delete"),
        },
        notification: "Done".to_owned(),
    }
}

/// A body without its compression.
pub(crate) fn unpacked(packed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(packed)
        .read_to_end(&mut plain)
        .unwrap();
    plain
}
