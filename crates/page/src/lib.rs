#![doc = include_str!("../README.md")]

mod document;
mod shell;

use std::{sync::Arc, time::Duration};

use actix_web::web::ServiceConfig;
use url::Url;

use self::document::StaticDocument;

/// The settings of the page, from the server that serves it.
#[derive(Debug, Clone)]
pub struct PageConfig {
    /// The address of the sandbox Twitter. Pictures and notifications come only from its origin.
    pub sandbox_url: Url,
    /// The page's own address, if Twitter sends people back to it: who opens the page by another name of the machine is
    /// sent there, because a sign-in ends under the name under which it began.
    pub home: Option<Url>,
    /// How long the stand-in workers train.
    pub training: Duration,
    /// The service's name in a path, such as `learn_me`.
    pub service_path: String,
    /// The service's name in bodies, such as `LEARNME`.
    pub service_type: String,
}

/// The page and its assets, as an addition to an application that serves `/api`.
///
/// Each path is a separate resource, so the application keeps every other path, even below `/assets/`.
#[expect(
    clippy::needless_pass_by_value,
    reason = "nobody needs it afterwards, and the routes must not borrow it"
)]
pub fn routes(config: PageConfig) -> impl Fn(&mut ServiceConfig) + Clone + Send + Sync + 'static {
    let documents: Arc<[Arc<StaticDocument>]> =
        documents(&config).into_iter().map(Arc::new).collect();
    move |app| {
        for document in documents.iter() {
            app.service(document::resource(document));
        }
    }
}

fn documents(config: &PageConfig) -> [StaticDocument; 8] {
    const CSS: &str = "text/css; charset=utf-8";
    const JS: &str = "text/javascript; charset=utf-8";
    const SVG: &str = "image/svg+xml";
    macro_rules! asset {
        ($name:literal, $content_type:expr) => {
            StaticDocument::asset(
                concat!("/assets/", $name),
                $content_type,
                include_str!(concat!("../assets/", $name)),
            )
        };
    }
    [
        StaticDocument::page("/", &config.sandbox_url, shell::html(config)),
        asset!("style.css", CSS),
        asset!("app.js", JS),
        asset!("api.js", JS),
        asset!("session.js", JS),
        asset!("view.js", JS),
        asset!("words.js", JS),
        asset!("icon.svg", SVG),
    ]
}
