use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use actix_http::RequestHead;
use actix_web::http::header;

/// The hosts for which a server answers.
///
/// A page of any site can point a name of its own at 127.0.0.1, after which the browser lets it read what a server answers there (DNS
/// rebinding). Such a call names the site's host. So a server that only this machine reaches answers for this machine's names, for
/// addresses, which nobody can point elsewhere, and for names without a dot, which no site on the internet has.
#[derive(Debug, Clone)]
pub struct Hosts(Option<Arc<[String]>>);

impl Hosts {
    /// Any host.
    #[must_use]
    pub const fn any() -> Self {
        Self(None)
    }

    /// The hosts for a server that listens on an address: any, unless it is a loopback address. Further names, without a port, are in
    /// `named`.
    #[must_use]
    pub fn of(listener: IpAddr, named: &[String]) -> Self {
        let is_loopback = listener.to_canonical().is_loopback();
        Self(is_loopback.then(|| named.into()))
    }

    /// Whether the host that a request names is one of these. A request that names none comes from no browser.
    #[must_use]
    pub fn accept(&self, head: &RequestHead) -> bool {
        let Some(named) = &self.0 else {
            return true;
        };
        let hosts = head.headers.get_all(header::HOST);
        hosts
            .map(|host| host.to_str().unwrap_or_default())
            .chain(head.uri.host())
            .all(|host| is_own(host, named))
    }
}

fn is_own(host: &str, named: &[String]) -> bool {
    if host.starts_with('[') {
        return true;
    }
    let name = host.split(':').next().unwrap_or_default();
    let name = name.trim().trim_end_matches('.');
    !name.contains('.')
        || name.parse::<Ipv4Addr>().is_ok()
        || is_of_this_machine(name)
        || named.iter().any(|own| own.eq_ignore_ascii_case(name))
}

fn is_of_this_machine(name: &str) -> bool {
    let top = name.rsplit('.').next();
    top.is_some_and(|top| top.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use actix_http::Request;
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn accepts(hosts: &Hosts, uri: &str, given: &[&str]) -> bool {
        let mut request = Request::new();
        let head = request.head_mut();
        head.uri = uri.parse().unwrap();
        for host in given {
            let host = HeaderValue::from_str(host).unwrap();
            head.headers.append(header::HOST, host);
        }
        hosts.accept(head)
    }

    #[test]
    fn a_loopback_server_answers_for_no_site() {
        let loopback = "127.0.0.1".parse().unwrap();
        let hosts = Hosts::of(loopback, &["Api.Example".to_owned()]);
        for own in [
            "localhost",
            "LocalHost:8080",
            "lemon.localhost:1",
            "127.0.0.1:8080",
            "127.1.2.3",
            "[::1]:8080",
            "[::1]",
            "10.0.0.1:80",
            "lemon",
            "api.example:8080",
            "api.example.",
            "",
        ] {
            assert!(accepts(&hosts, "/", &[own]), "{own}");
        }
        assert!(accepts(&hosts, "/", &[]));
        for foreign in [
            "evil.example",
            "evil.example:8080",
            "EVIL.example.",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "1.2.3.4.5",
        ] {
            assert!(!accepts(&hosts, "/", &[foreign]), "{foreign}");
            assert!(!accepts(&hosts, "/", &["localhost", foreign]));
            assert!(accepts(&Hosts::any(), "/", &[foreign]));
            let public = Hosts::of("0.0.0.0".parse().unwrap(), &[]);
            assert!(accepts(&public, "/", &[foreign]));
        }
        assert!(!accepts(&hosts, "http://evil.example/", &["localhost"]));
        let six = Hosts::of("::1".parse().unwrap(), &[]);
        assert!(!accepts(&six, "/", &["evil.example"]));
    }
}
