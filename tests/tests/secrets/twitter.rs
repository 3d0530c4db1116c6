//! A Twitter that answers with marked secrets, or repeats what it was sent.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, http::StatusCode, web};

use crate::search::{ACCESS_SECRET, ACCESS_TOKEN, REQUEST_SECRET, VERIFIER};

/// The number of the person at Twitter.
pub(crate) const ACCOUNT: &str = "783214";

/// The ways in which it fails.
pub(crate) const FAULTS: usize = 9;

pub(crate) struct MarkedTwitter {
    pub(crate) url: String,
    fault: Arc<AtomicUsize>,
}

impl MarkedTwitter {
    pub(crate) fn start() -> Self {
        let fault = Arc::new(AtomicUsize::new(0));
        let chosen = Arc::clone(&fault);
        let server = HttpServer::new(move || {
            let fault = Arc::clone(&chosen);
            App::new().default_service(web::to(move |request: HttpRequest, body: String| {
                let answer = answer(&request, &body, fault.load(Ordering::SeqCst));
                async move { answer }
            }))
        });
        let server = server
            .workers(1)
            .disable_signals()
            .bind("127.0.0.1:0")
            .unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        tokio::spawn(server.run());
        Self { url, fault }
    }

    /// Fails from now on in the n-th way; 0 is none.
    pub(crate) fn fail(&self, fault: usize) {
        self.fault.store(fault, Ordering::SeqCst);
    }
}

fn answer(request: &HttpRequest, body: &str, fault: usize) -> HttpResponse {
    let authorization = request.headers().get("authorization");
    let authorization = authorization.map_or("", |value| value.to_str().unwrap());
    let echo = format!(
        "{REQUEST_SECRET} {ACCESS_TOKEN} {ACCESS_SECRET} {VERIFIER} {} {body} {}",
        authorization.replace('"', "'"),
        request.uri()
    );
    let status = |code| HttpResponse::build(StatusCode::from_u16(code).unwrap());
    let errors = format!(r#"{{"errors":[{{"code":89,"message":"{echo}"}}]}}"#);
    match fault {
        0 => right(request.path()),
        1 => status(401).body(errors),
        2 => status(403).body(format!("<html>{echo}</html>")),
        3 => status(500).body(echo),
        4 => status(200).body(echo),
        5 => status(200).body(format!(r#"{{"data":"{ACCESS_TOKEN}"}}"#)),
        6 => status(200).body(format!(
            r#"{{"data":{{"id":"{ACCOUNT}","public_metrics":"{ACCESS_SECRET}"}}}}"#
        )),
        7 => status(302)
            .insert_header(("location", format!("https://x.invalid/{ACCESS_TOKEN}")))
            .body(echo),
        8 => status(400).body(format!(
            r#"{{"title":"{echo}","type":"https://api.x.com/2/problems/{ACCESS_SECRET}","detail":"{echo}"}}"#
        )),
        // The last one: for a minute, Twitter is not asked again.
        _ => status(429).body(errors),
    }
}

fn right(path: &str) -> HttpResponse {
    match path {
        "/oauth/request_token" => {
            static LAST: AtomicUsize = AtomicUsize::new(0);
            let number = LAST.fetch_add(1, Ordering::SeqCst);
            HttpResponse::Ok().body(format!(
                "oauth_token=request-{number}&oauth_token_secret={REQUEST_SECRET}&oauth_callback_confirmed=true"
            ))
        }
        "/oauth/access_token" => HttpResponse::Ok().body(format!(
            "oauth_token={ACCESS_TOKEN}&oauth_token_secret={ACCESS_SECRET}&user_id={ACCOUNT}&screen_name=me"
        )),
        "/2/users/me" => HttpResponse::Ok().body(format!(
            r#"{{"data":{{"id":"{ACCOUNT}","username":"me","name":"Me"}}}}"#
        )),
        _ => HttpResponse::NotFound().finish(),
    }
}
