use std::{env, net::SocketAddr, process::Stdio};

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Context;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// Makes this program the bare handler.
pub(crate) const ARGUMENT: &str = "bare-http";

/// A process of its own that answers every request with the same JSON: the limit of what actix-web can do here, with
/// as many workers as the program has.
pub(crate) struct BareHttp {
    pub(crate) address: SocketAddr,
    /// Killed when dropped.
    _process: Child,
}

impl BareHttp {
    pub(crate) async fn start(body: &str) -> anyhow::Result<Self> {
        let mut process = Command::new(env::current_exe()?)
            .args([ARGUMENT, body])
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

/// Serves until killed; says where on stdout.
pub(crate) async fn serve(body: String) -> anyhow::Result<()> {
    let server = HttpServer::new(move || {
        let body = body.clone();
        App::new().default_service(web::to(move || {
            let answer = HttpResponse::Ok()
                .content_type("application/json")
                .body(body.clone());
            async { answer }
        }))
    })
    .bind(("127.0.0.1", 0))?;
    println!("{}", server.addrs()[0]);
    Ok(server.run().await?)
}
