use std::{
    io::{IsTerminal, Write, stderr},
    path::{Path, PathBuf},
};

use tokio::time::sleep;
use tracing::info;

use super::ending::{EndRequest, EndRequests};
use crate::app::{App, ListenAddresses, Plan, StartError};

/// Serves until it is asked to end.
pub(crate) async fn run(plan: Plan) -> Result<(), StartError> {
    let mut requests = EndRequests::receive()?;
    let drain = plan.drain;
    let welcome = Welcome {
        docs: plan.docs,
        data_dir: plan.data_dir.clone(),
    };
    let app = tokio::select! {
        _ = requests.next() => {
            info!("ended before it was ready");
            return Ok(());
        }
        app = App::start(plan) => app?,
    };
    let addresses = app.addresses();
    info!(
        http.address = %addresses.http,
        ops.address = %addresses.ops,
        sandbox.address = addresses.sandbox.map(|address| address.to_string()),
        workers.address = addresses.workers.map(|address| address.to_string()),
        "ready to serve"
    );
    let mut terminal = stderr();
    if terminal.is_terminal() {
        // If the terminal is gone, nobody reads the text.
        drop(terminal.write_all(welcome.text(*addresses).as_bytes()));
    }
    let draining = app.draining();
    let until = async {
        if requests.next().await == EndRequest::Interrupt {
            return;
        }
        draining.begin();
        info!(
            http.drain_s = drain.as_secs(),
            "not ready any more; calls are still accepted for a while"
        );
        tokio::select! {
            () = sleep(drain) => {}
            _ = requests.next() => {}
        }
    };
    app.run(until).await?;
    info!("ended");
    Ok(())
}

/// The addresses that a person at a terminal wants to open next.
struct Welcome {
    docs: bool,
    data_dir: PathBuf,
}

impl Welcome {
    fn text(&self, addresses: ListenAddresses) -> String {
        let ListenAddresses {
            http, ops, sandbox, ..
        } = addresses;
        let lines = [
            sandbox.map(|_| ("page", format!("http://{http}/"))),
            self.docs
                .then(|| ("documentation", format!("http://{http}/swagger-ui/"))),
            Some((
                "operations",
                format!("http://{ops}/health/ready and /metrics"),
            )),
            Some(("data folder", absolute(&self.data_dir))),
        ];
        let lines = lines
            .into_iter()
            .flatten()
            .map(|(name, value)| format!("  {name:<15}{value}\n"));
        let version = env!("CARGO_PKG_VERSION");
        format!("\nlemon-toolbox {version}\n{}", lines.collect::<String>())
    }
}

fn absolute(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_welcome_takes_six_lines_and_names_what_is_on() {
        let welcome = Welcome {
            docs: true,
            data_dir: "/var/lib/lemon".into(),
        };
        let addresses = ListenAddresses {
            http: "127.0.0.1:8080".parse().unwrap(),
            ops: "[::1]:8082".parse().unwrap(),
            sandbox: Some("127.0.0.1:8081".parse().unwrap()),
            workers: None,
        };
        let text = welcome.text(addresses);
        assert_eq!(text.lines().count(), 6);
        for value in [
            concat!("lemon-toolbox ", env!("CARGO_PKG_VERSION")),
            "http://127.0.0.1:8080/\n",
            "http://127.0.0.1:8080/swagger-ui/",
            "http://[::1]:8082/health/ready",
            "/var/lib/lemon",
        ] {
            assert!(text.contains(value), "{text}");
        }
        let addresses = ListenAddresses {
            sandbox: None,
            ..addresses
        };
        let without = Welcome {
            docs: false,
            ..welcome
        };
        let text = without.text(addresses);
        assert!(
            !text.contains("page") && !text.contains("swagger"),
            "{text}"
        );
    }
}
