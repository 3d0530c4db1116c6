//! Every secret is marked, every flow and fault is run, and everything that anybody keeps or shows is searched.

use std::{process::Output, time::Duration};

use lemon_test_servers::{PostgresServer, RedisServer};
use lemon_tests::{Answer, System, SystemBuilder, sealed_body, wait_until};
use reqwest::{Method, RequestBuilder, header::HeaderValue};
use rusqlite::{Connection, params};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, Statement};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    search::{
        ACCESS_SECRET, ACCESS_TOKEN, CONSUMER_SECRET, JWT_SECRET, MARK, PASSWORD, SEALING_KEY,
        Search, VERIFIER,
    },
    twitter::{ACCOUNT, FAULTS, MarkedTwitter},
};

const READY: &str = "ServiceReadyQueue";

/// The program with marked secrets, and with the parts of one machine.
fn program(folder: &TempDir, twitter: &MarkedTwitter) -> SystemBuilder {
    [
        ("LOG__FILTER", "trace"),
        ("LOG__FORMAT", "json"),
        ("STORE__URL", "embedded"),
        ("QUOTA__URL", "embedded"),
        ("QUEUE__URL", "embedded"),
        ("STORE__SEALING_KEYS", SEALING_KEY),
        ("JWT__SECRETS", JWT_SECRET),
        ("TWITTER__URL", twitter.url.as_str()),
        ("TWITTER__CONSUMER_KEY", "the-consumer-key"),
        ("TWITTER__CONSUMER_SECRET", CONSUMER_SECRET),
        ("TWITTER__CALLBACK_URL", "http://app.example/"),
    ]
    .into_iter()
    .fold(
        System::builder().data_dir(folder.path().join("data")),
        |system, (key, value)| system.env(&format!("LEMON_{key}"), value),
    )
}

async fn sent(search: &mut Search, place: &str, request: RequestBuilder) -> Answer {
    let answer = Answer::read(request.send().await.unwrap()).await.unwrap();
    search.look(place, format!("{answer:?}").as_bytes());
    answer
}

/// Signs in at a Twitter that fails in that way at the end; answers the token if it does not. Only a good answer has one.
async fn sign_in(
    search: &mut Search,
    system: &System,
    twitter: &MarkedTwitter,
    fault: usize,
) -> Option<String> {
    let client = system.client();
    let beginning = client.get(system.url("/api/oauth/twitter/request-token"));
    twitter.fail(0);
    let begun = sent(search, "request token", beginning).await.must_be(200);
    let token = begun["token"].as_str().unwrap();
    twitter.fail(fault);
    let mut found = None;
    for _ in 0..2 {
        let login = client
            .post(system.url("/api/oauth/twitter/twitter-login"))
            .json(&json!({ "oauth_token": token, "oauth_verifier": VERIFIER }));
        let answer = Answer::read(login.send().await.unwrap()).await.unwrap();
        match answer.body["access_token"].as_str() {
            Some(jwt) => found = Some(jwt.to_owned()),
            None => search.look("login", format!("{answer:?}").as_bytes()),
        }
    }
    if let Some(jwt) = &found {
        search.also(jwt.rsplit_once('.').unwrap().1);
    }
    found
}

/// What a person does, and what goes wrong with it.
async fn act(search: &mut Search, system: &System, twitter: &MarkedTwitter) {
    let jwt = sign_in(search, system, twitter, 0).await.unwrap();
    let call = |method, path: &str| {
        let request = system.client().request(method, system.url(path));
        request.bearer_auth(&jwt)
    };
    let public = json!({ "service_type": "LEARNME", "public": true });
    for (request, status) in [
        (call(Method::GET, "/api/twitter/user-profile"), 200),
        (call(Method::POST, "/api/service/learn_me"), 201),
        (call(Method::POST, "/api/service/learn_me"), 429),
        (call(Method::GET, "/api/service"), 200),
        (call(Method::PUT, "/api/service").json(&public), 200),
        (call(Method::GET, "/api/service/learn_me/can-use"), 200),
    ] {
        sent(search, "a call", request).await.must_be(status);
    }
    for fault in 1..=FAULTS {
        let failed = sign_in(search, system, twitter, fault).await;
        assert_eq!(failed, None, "{fault}");
        for path in [
            "/api/oauth/twitter/request-token",
            "/api/twitter/user-profile",
        ] {
            sent(search, path, call(Method::GET, path)).await;
        }
    }
    twitter.fail(0);
    let delete = call(Method::DELETE, "/api/service/learn_me");
    sent(search, "deletion", delete).await.must_be(200);
    let again = call(Method::POST, "/api/service/learn_me");
    sent(search, "in the cooldown", again).await.must_be(429);
    spoil(search, system, &jwt).await;
}

/// Calls with a secret where none belongs, or in a form that cannot be read.
async fn spoil(search: &mut Search, system: &System, jwt: &str) {
    let login = || {
        let path = "/api/oauth/twitter/twitter-login";
        let call = system.client().post(system.url(path));
        call.header("content-type", "application/json")
    };
    for body in [
        VERIFIER.to_owned(),
        format!("\"{VERIFIER}\""),
        format!(r#"{{"oauth_token":"a","oauth_verifier":{VERIFIER}}}"#),
        format!(r#"{{"oauth_token":["{VERIFIER}"],"oauth_verifier":"{VERIFIER}"}}"#),
        format!(r#"{{"oauth_token":"none","oauth_verifier":"{VERIFIER} \u0007"}}"#),
        format!(
            r#"{{"oauth_token":"{VERIFIER}","oauth_verifier":"{}"}}"#,
            VERIFIER.repeat(20)
        ),
    ] {
        let answer = sent(search, "spoilt login", login().body(body)).await;
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
    let get = |path: &str| system.client().get(system.url(path));
    let spoilt_key = HeaderValue::from_bytes(format!("{VERIFIER} \u{e9}").as_bytes()).unwrap();
    let forged = format!("{}.{MARK}", jwt.rsplit_once('.').unwrap().0);
    for request in [
        get("/api/service").bearer_auth(VERIFIER),
        get("/api/service").bearer_auth(&forged),
        get("/api/service").header("authorization", format!("Basic {VERIFIER}")),
        get(&format!("/api/service?oauth_verifier={VERIFIER}")),
        get(&format!("/nowhere?oauth_verifier={VERIFIER}")),
        get("/api/service").header("cookie", format!("session={VERIFIER}")),
        system
            .client()
            .post(system.url("/api/service/learn_me"))
            .bearer_auth(jwt)
            .header("idempotency-key", spoilt_key),
    ] {
        let answer = sent(search, "spoilt call", request).await;
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
    let raw = format!("GET /{VERIFIER} HTTP/9.9\r\nauthorization: {VERIFIER}\r\n\r\n");
    let mut stream = TcpStream::connect(system.http_address()).await.unwrap();
    stream.write_all(raw.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer);
    timeout(Duration::from_mins(1), end).await.unwrap().unwrap();
    search.look("no request", &answer);
}

/// What a worker sends that has mistaken its own job for a ready message.
fn send_spoilt_messages(data: &std::path::Path) -> usize {
    let job = json!({
        "finished": "spring_request_fetch_tweet", "user_id": ACCOUNT,
        "access_token": ACCESS_TOKEN, "access_secret": ACCESS_SECRET,
    })
    .to_string();
    let bodies = [
        job.clone(),
        Value::String(job.clone()).to_string(),
        job.replace('{', ""),
        format!(r#"{{"oauth_user_id":"{ACCESS_TOKEN}"}}"#),
        format!(r#"{{"oauth_user_id":1,"oauth_type":"{ACCESS_TOKEN}","service_name":"LEARNME"}}"#),
        format!(r#"{{"oauth_user_id":1,"oauth_type":"TWITTER","service_name":"{ACCESS_TOKEN}"}}"#),
        format!(
            r#"{{"oauth_user_id":1,"oauth_type":"TWITTER","service_name":"A","request_id":"{ACCESS_TOKEN}"}}"#
        ),
    ];
    let file = Connection::open(data.join("queue.db")).unwrap();
    for (number, body) in (1_u128..).zip(&bodies) {
        let id = uuid::Uuid::from_u128(number);
        let sealed = sealed_body(SEALING_KEY, id, body);
        file.execute(
            "INSERT INTO messages (queue, id, sent_at, visible_at, sealed_for, key_id, body)
             VALUES (?1, ?2, 5, 5, ?2, ?3, ?4)",
            params![READY, id.as_bytes(), sealed.key_id, sealed.data],
        )
        .unwrap();
    }
    bodies.len()
}

fn dead_letters(system: &System) -> usize {
    let lines = system.log_lines();
    let dead = lines
        .iter()
        .filter(|line| line.contains("a message is dead-lettered"));
    dead.count()
}

async fn command(search: &mut Search, program: &SystemBuilder, arguments: &[&str]) -> Output {
    let output = program.run(arguments).await;
    for (stream, content) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        search.look(&format!("{stream} of {arguments:?}"), content);
    }
    output
}

/// Runs everything, and searches what one machine has and shows.
async fn run(search: &mut Search, program: &SystemBuilder, twitter: &MarkedTwitter) -> System {
    let mut system = program.clone().start().await;
    act(search, &system, twitter).await;
    // A killed process leaves its logs as they are.
    system.kill().await;
    let data = system.data_dir();
    search.look_at_files(&data);
    let spoilt = send_spoilt_messages(&data);
    system.restart().await;
    wait_until("the spoilt messages are dead letters", async || {
        (dead_letters(&system) >= spoilt).then_some(())
    })
    .await;
    for path in ["/metrics", "/health/ready", "/health/live"] {
        let asked = system.client().get(system.ops_url(path)).send().await;
        search.look(path, &asked.unwrap().bytes().await.unwrap());
    }
    search.look_at_files(&data);
    system.terminate().await;
    search.look_at_files(&data);
    for arguments in [
        &["queues", "dead-letters", READY, "--json"][..],
        &["queues", "dead-letters", READY],
        &["queues", "stats", "--json"],
        &["people", "show", ACCOUNT, "--json"],
        &["keys", "status", "--json"],
        &["keys", "reseal"],
        &["limits", "show"],
        &["check"],
        &["people", "delete", ACCOUNT, "--yes"],
    ] {
        let output = command(search, program, arguments).await;
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
    let letters = command(
        search,
        program,
        &["queues", "dead-letters", READY, "--json"],
    )
    .await;
    let letters: Value = serde_json::from_slice(&letters.stdout).unwrap();
    assert!(
        letters.to_string().contains("not a ready message"),
        "{letters}"
    );
    system
}

/// Starts that are refused, with a secret in what is wrong.
async fn start_wrongly(search: &mut Search, program: &SystemBuilder) {
    for (variable, value) in [
        ("LEMON_STORE", format!("postgres://lemon:{PASSWORD}@db")),
        (
            "LEMON_STORE__URL",
            format!("postgres://lemon:{PASSWORD}@db:x/y"),
        ),
        (
            "LEMON_STORE__URL",
            format!("postgres://a:{PASSWORD}@127.0.0.1:1/y?x={PASSWORD}"),
        ),
        ("LEMON_STORE__URL", format!("mysql://{PASSWORD}")),
        (
            "LEMON_QUOTA__URL",
            format!("redis://:{PASSWORD}@127.0.0.1:1"),
        ),
        (
            "LEMON_QUOTA__URL",
            format!("redis://:{PASSWORD}@127.0.0.1:{PASSWORD}"),
        ),
        (
            "LEMON_QUOTA__URL",
            format!("redis://:{PASSWORD}@127.0.0.1:1/{PASSWORD}"),
        ),
        ("LEMON_QUEUE__URL", PASSWORD.to_owned()),
        (
            "LEMON_TWITTER__URL",
            format!("http://a:{PASSWORD}@127.0.0.1:1"),
        ),
        (
            "LEMON_TWITTER__URL",
            format!("http://127.0.0.1:1/?a={PASSWORD}"),
        ),
        ("LEMON_TWITTER__CALLBACK_URL", PASSWORD.to_owned()),
        ("LEMON_JWT__SECRETS", PASSWORD.to_owned()),
        ("LEMON_JWT__SECRETS", JWT_SECRET[..40].to_owned()),
        ("LEMON_STORE__SEALING_KEYS", format!("k1:{PASSWORD}")),
        (
            "LEMON_STORE__SEALING_KEYS",
            format!("{PASSWORD} :{PASSWORD}"),
        ),
        (
            "LEMON_HTTP__ALLOWED_ORIGINS",
            format!("https://a:{PASSWORD}@b"),
        ),
        ("LEMON_HTTP__LISTEN", PASSWORD.to_owned()),
        ("LEMON_HTTP__DOCS", PASSWORD.to_owned()),
        ("LEMON_LOG__FORMAT", PASSWORD.to_owned()),
        ("LEMON_SERVICES__LEARN_ME__ZONE", PASSWORD.to_owned()),
        ("LEMON_SERVICES__LEARN_ME__TURNS_AT", PASSWORD.to_owned()),
        (
            "LEMON_SERVICES__LEARN_ME__QUEUES__TRAIN",
            format!("{PASSWORD}!"),
        ),
        ("LEMON_SERVICES__LEARN_ME__DAILY_LIMIT", PASSWORD.to_owned()),
    ] {
        let wrong = program.clone().env(variable, &value);
        let output = command(search, &wrong, &["check"]).await;
        assert!(!output.status.success(), "{variable}={value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_shows_on_one_machine() {
    let (folder, twitter) = (TempDir::new().unwrap(), MarkedTwitter::start());
    let mut search = Search::default();
    let program = program(&folder, &twitter);
    let system = run(&mut search, &program, &twitter).await;
    start_wrongly(&mut search, &program).await;
    search.look("log", system.log_lines().join("\n").as_bytes());
    assert!(
        system
            .log_lines()
            .iter()
            .any(|line| line.contains("Twitter answered"))
    );
    search.must_have_found_nothing(100);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_shows_in_postgresql_and_redis() {
    let (folder, twitter) = (TempDir::new().unwrap(), MarkedTwitter::start());
    let (postgres, redis) = (PostgresServer::get().await, RedisServer::get().await);
    let database = postgres.database().await;
    let mut owned = postgres.owned(&database).await;
    // One connection, so that what is set on it counts.
    let mut options = ConnectOptions::new(database.as_str());
    options.max_connections(1);
    let admin = Database::connect(options).await.unwrap();
    let role = owned.username().to_owned();
    let change = format!("ALTER ROLE {role} PASSWORD '{PASSWORD}'");
    admin.execute_unprepared(&change).await.unwrap();
    owned.set_password(Some(PASSWORD)).unwrap();
    let prefix = redis.key_prefix();
    let program = program(&folder, &twitter)
        .env("LEMON_STORE__URL", owned.as_str())
        .env("LEMON_QUOTA__URL", redis.url().as_str())
        .env("LEMON_QUOTA__KEY_PREFIX", &prefix);
    let mut search = Search::default();
    let system = run(&mut search, &program, &twitter).await;
    search.look("log", system.log_lines().join("\n").as_bytes());
    let backend = admin.get_database_backend();
    let dump = "SELECT schema_to_xml('public', true, false, '')::text AS dump";
    for encoding in ["hex", "base64"] {
        let set = format!("SET xmlbinary = '{encoding}'");
        admin.execute_unprepared(&set).await.unwrap();
        let dump = Statement::from_string(backend, dump);
        let dump = admin.query_one_raw(dump).await.unwrap().unwrap();
        let dump: String = dump.try_get("", "dump").unwrap();
        assert!(dump.contains("credentials_key_id"), "{dump}");
        search.look("PostgreSQL", dump.as_bytes());
    }
    let keys = "return redis.call('KEYS', ARGV[1])";
    let all = "local all = {} for _, key in ipairs(redis.call('KEYS', ARGV[1])) do table.insert(all, key .. redis.call('DUMP', key)) end return table.concat(all)";
    for script in [keys, all] {
        let (host, port) = redis.address();
        let mut stream = TcpStream::connect((host, port)).await.unwrap();
        let ask = format!("EVAL \"{script}\" 0 {prefix}*\r\nQUIT\r\n");
        stream.write_all(ask.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let has_keys = answer
            .windows(prefix.len())
            .any(|it| it == prefix.as_bytes());
        assert!(has_keys, "{}", String::from_utf8_lossy(&answer));
        search.look("Redis", &answer);
    }
    search.must_have_found_nothing(100);
}
