use std::net::{IpAddr, SocketAddr};

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderName},
};
use ipnet::IpNet;
use lemon_domain::values::InvalidValue;

/// The header in which proxies say for whom they call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardingHeader {
    /// `X-Forwarded-For`, as nearly all proxies set it.
    #[default]
    XForwardedFor,
    /// `Forwarded`: <https://www.rfc-editor.org/rfc/rfc7239>.
    Forwarded,
}

impl ForwardingHeader {
    /// Reads the name of a header.
    ///
    /// # Errors
    /// If it is no such header.
    pub fn parse(name: &str) -> Result<Self, InvalidValue> {
        match name.to_ascii_lowercase().as_str() {
            "x-forwarded-for" => Ok(Self::XForwardedFor),
            "forwarded" => Ok(Self::Forwarded),
            _ => Err(InvalidValue::new(
                "the header",
                "is neither \"x-forwarded-for\" nor \"forwarded\"",
            )),
        }
    }

    const fn name(self) -> HeaderName {
        match self {
            Self::XForwardedFor => header::X_FORWARDED_FOR,
            Self::Forwarded => header::FORWARDED,
        }
    }

    /// The address of one entry of the header.
    fn address(self, entry: &str) -> Option<IpAddr> {
        let node = match self {
            Self::XForwardedFor => entry.trim(),
            Self::Forwarded => entry.split(';').find_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                let is_for = name.trim().eq_ignore_ascii_case("for");
                is_for.then(|| value.trim().trim_matches('"'))
            })?,
        };
        let bare = node
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(node);
        let with_port = || node.parse().ok().map(|at: SocketAddr| at.ip());
        bare.parse().ok().or_else(with_port)
    }
}

/// The proxies in front of this server: their word for a caller's address is taken, and nobody else's.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    networks: Vec<IpNet>,
    header: ForwardingHeader,
}

impl Proxies {
    /// Reads networks such as `10.0.0.0/8`, and addresses.
    ///
    /// # Errors
    /// If one of them is neither.
    pub fn parse(networks: &[String], header: ForwardingHeader) -> Result<Self, InvalidValue> {
        let network = |text: &String| {
            let text = text.trim();
            let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
            text.parse().ok().or_else(address).ok_or_else(|| {
                InvalidValue::new(
                    "the list",
                    "has an entry that is neither a network such as 10.0.0.0/8 nor an address",
                )
            })
        };
        Ok(Self {
            networks: networks.iter().map(network).collect::<Result<_, _>>()?,
            header,
        })
    }

    /// Whether an address is a proxy's.
    #[must_use]
    pub fn include(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }

    /// Whether no proxy has a name.
    pub(crate) fn are_none(&self) -> bool {
        self.networks.is_empty()
    }

    /// Whether a proxy is on this machine.
    #[must_use]
    pub fn are_local(&self) -> bool {
        ["127.0.0.1", "::1"]
            .iter()
            .filter_map(|address| address.parse().ok())
            .any(|address| self.include(address))
    }

    /// Whether a request seems to come from a proxy that is not one of these.
    pub(crate) fn miss(&self, request: &HttpRequest) -> bool {
        let peer = request.peer_addr();
        let is_named = peer.is_some_and(|peer| self.include(peer.ip()));
        !is_named && request.headers().contains_key(self.header.name())
    }

    /// The address of whoever called the outermost proxy. Each proxy adds, at the right, the address that called it: what is further left
    /// is the caller's own word.
    pub(crate) fn caller(&self, request: &HttpRequest) -> Option<IpAddr> {
        let mut caller = request.peer_addr()?.ip().to_canonical();
        let entries: Vec<&str> = request
            .headers()
            .get_all(self.header.name())
            .flat_map(|value| value.to_str().unwrap_or_default().split(','))
            .collect();
        for entry in entries.into_iter().rev() {
            if !self.include(caller) {
                break;
            }
            match self.header.address(entry) {
                Some(address) => caller = address.to_canonical(),
                None => break,
            }
        }
        Some(caller)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn caller(header: ForwardingHeader, peer: &str, entries: &[&str]) -> String {
        let networks = ["10.0.0.0/8".to_owned(), "2001:db8::1".to_owned()];
        let proxies = Proxies::parse(&networks, header).unwrap();
        let mut request = TestRequest::default().peer_addr(peer.parse().unwrap());
        for entry in entries {
            request = request.append_header((header.name(), *entry));
        }
        let caller = proxies.caller(&request.to_http_request());
        caller.unwrap().to_string()
    }

    #[test]
    fn only_a_named_proxy_is_believed_and_only_what_it_added() {
        let x = ForwardingHeader::XForwardedFor;
        for (peer, entries, expected) in [
            ("192.0.2.1:1", &["203.0.113.9"][..], "192.0.2.1"),
            ("10.0.0.1:1", &[], "10.0.0.1"),
            ("10.0.0.1:1", &["203.0.113.9"], "203.0.113.9"),
            ("[::ffff:10.0.0.1]:1", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1:1", &["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1:1", &["1.1.1.1", "203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1:1", &["203.0.113.9, 10.9.9.9"], "203.0.113.9"),
            ("10.0.0.1:1", &["10.0.0.3, 10.9.9.9"], "10.0.0.3"),
            ("10.0.0.1:1", &["203.0.113.9:4711"], "203.0.113.9"),
            ("10.0.0.1:1", &["[2001:db8::9]:4711"], "2001:db8::9"),
            ("10.0.0.1:1", &["2001:db8::9"], "2001:db8::9"),
            ("[2001:db8::1]:1", &["[2001:db8::9]"], "2001:db8::9"),
            ("10.0.0.1:1", &["203.0.113.9, unknown"], "10.0.0.1"),
            ("10.0.0.1:1", &["203.0.113.9,"], "10.0.0.1"),
        ] {
            assert_eq!(caller(x, peer, entries), expected, "{peer} {entries:?}");
        }
    }

    #[test]
    fn a_call_for_others_from_an_unnamed_address_is_noticed() {
        let networks = ["10.0.0.0/8".to_owned()];
        let proxies = Proxies::parse(&networks, ForwardingHeader::default()).unwrap();
        for (peer, forwarded, expected) in [
            ("192.0.2.1:1", Some("203.0.113.9"), true),
            ("192.0.2.1:1", None, false),
            ("10.0.0.1:1", Some("203.0.113.9"), false),
        ] {
            let mut request = TestRequest::default().peer_addr(peer.parse().unwrap());
            if let Some(address) = forwarded {
                request = request.insert_header((header::X_FORWARDED_FOR, address));
            }
            assert_eq!(proxies.miss(&request.to_http_request()), expected, "{peer}");
        }
    }

    #[test]
    fn the_standard_header_is_read_if_the_proxies_set_it() {
        let forwarded = ForwardingHeader::Forwarded;
        for (entries, expected) in [
            (&["for=203.0.113.9"][..], "203.0.113.9"),
            (&["proto=https; For=\"203.0.113.9:4711\""], "203.0.113.9"),
            (
                &["for=1.1.1.1, for=\"[2001:db8::9]:4711\";by=10.0.0.1"],
                "2001:db8::9",
            ),
            (&["for=_hidden"], "10.0.0.1"),
            (&["203.0.113.9"], "10.0.0.1"),
        ] {
            let found = caller(forwarded, "10.0.0.1:1", entries);
            assert_eq!(found, expected, "{entries:?}");
        }
    }

    #[test]
    fn a_list_of_something_else_is_refused_without_quoting_it() {
        for wrong in ["hunter2", "10.0.0.0/33", ""] {
            let fault = Proxies::parse(&[wrong.to_owned()], ForwardingHeader::default());
            let fault = fault.unwrap_err().to_string();
            assert!(!fault.contains("hunter2"), "{fault}");
        }
        assert!(ForwardingHeader::parse("x-real-ip").is_err());
    }
}
