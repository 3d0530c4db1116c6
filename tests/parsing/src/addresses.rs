//! Addresses in the configuration.

use lemon_http::{ForwardingHeader, Origin, Proxies};
use lemon_postgres::StoreConfig;
use lemon_redis::{KeyPrefix, RedisConfig};
use lemon_twitter::{TwitterApp, TwitterConfig};
use url::Url;

use crate::runtime::{MARK, must_not_quote};

/// Addresses of stores, counters, origins and proxies, each also behind a password: no refusal quotes them.
pub(crate) fn addresses(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let behind = |scheme: &str| format!("{scheme}://lemon:{MARK}@{text}");
    let bare = text.to_string();
    for url in [
        behind("redis"),
        behind("rediss-cluster"),
        behind("redis-sentinel"),
        bare.clone(),
    ] {
        if let Err(error) = RedisConfig::new(url).check() {
            must_not_quote(&error);
        }
    }
    for url in [behind("postgres"), behind("sqlite"), bare.clone()] {
        if let Err(error) = StoreConfig::new(url).check() {
            must_not_quote(&error);
        }
    }
    if let Err(error) = KeyPrefix::parse(&format!("{MARK}{text}")) {
        must_not_quote(&error);
    }
    origin(&text);
    origin(&behind("https"));
    proxies(&text);
    proxies(&format!("{MARK}{text}"));
    twitter(&text);
    twitter(&behind("https"));
}

fn origin(text: &str) {
    match Origin::parse(text) {
        Ok(origin) => assert_eq!(
            Origin::parse(origin.as_str()).unwrap().as_str(),
            origin.as_str()
        ),
        Err(error) => must_not_quote(&error),
    }
}

fn proxies(text: &str) {
    let networks: Vec<String> = text.split(',').map(ToOwned::to_owned).collect();
    if let Err(error) = Proxies::parse(&networks, ForwardingHeader::XForwardedFor) {
        must_not_quote(&error);
    }
    if let Err(error) = ForwardingHeader::parse(text) {
        must_not_quote(&error);
    }
}

fn twitter(text: &str) {
    let Ok(url) = Url::parse(text) else { return };
    let app = TwitterApp {
        consumer_key: "key".into(),
        consumer_secret: "secret".into(),
        callback_url: url.clone(),
    };
    if let Err(error) = TwitterConfig::new(url, app).check() {
        must_not_quote(&error);
    }
}
