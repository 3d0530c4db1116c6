use std::{env, net::SocketAddr, process::Stdio};

use actix_web::{
    App, HttpResponse, HttpServer,
    http::header::{HeaderName, HeaderValue},
    web,
};
use anyhow::Context;
use reqwest::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// Makes this program the bare handler.
pub(crate) const ARGUMENT: &str = "bare-http";

/// A process of its own that answers every request with the same headers and the same JSON: the limit of what actix-web
/// can do here, with as many workers as the program has.
pub(crate) struct BareHttp {
    pub(crate) address: SocketAddr,
    /// Killed when dropped.
    _process: Child,
}

impl BareHttp {
    /// Answers as the program did, once and for all.
    pub(crate) async fn start(answer: reqwest::Response) -> anyhow::Result<Self> {
        let of_each_answer = [CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING];
        let mut headers = Vec::new();
        for (name, value) in answer.headers() {
            if !of_each_answer.contains(name) {
                headers.extend([name.to_string(), value.to_str()?.to_owned()]);
            }
        }
        let mut process = Command::new(env::current_exe()?)
            .args([ARGUMENT, &answer.text().await?])
            .args(headers)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = process.stdout.take().context("stdout is piped")?;
        let address = BufReader::new(stdout).lines().next_line().await?;
        Ok(Self {
            address: address.context("the bare handler did not start")?.parse()?,
            _process: process,
        })
    }
}

/// Serves until killed; says where on stdout. `headers` are names and values in turn.
pub(crate) async fn serve(body: String, headers: &[String]) -> anyhow::Result<()> {
    let headers: Vec<(HeaderName, HeaderValue)> = headers
        .as_chunks()
        .0
        .iter()
        .map(|[name, value]| Ok((name.parse()?, value.parse()?)))
        .collect::<anyhow::Result<_>>()?;
    let server = HttpServer::new(move || {
        let (body, headers) = (body.clone(), headers.clone());
        App::new().default_service(web::to(move || {
            let mut answer = HttpResponse::Ok();
            for header in &headers {
                answer.insert_header(header.clone());
            }
            let answer = answer.body(body.clone());
            async { answer }
        }))
    })
    .bind(("127.0.0.1", 0))?;
    println!("{}", server.addrs()[0]);
    Ok(server.run().await?)
}
