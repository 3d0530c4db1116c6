use std::{
    net::IpAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use actix_web::HttpRequest;
use lemon_connections::{AddressCap, AddressIsFull, AddressMember, caller_at, is_local};

use crate::{
    keyed_rate::KeyedRate,
    measures,
    problem::Problem,
    protection::{ConnectionShare, Protection, Rate},
    proxies::Proxies,
};

/// When an address with too many calls in flight may try again: they last a moment.
const SOON: Duration = Duration::from_secs(1);

/// The rate of each call that is limited by address.
pub(crate) struct Gates {
    proxies: Proxies,
    request_tokens: Gate,
    sign_ins: Gate,
    /// Whether the operator was told that a proxy may have no name.
    has_warned: AtomicBool,
}

/// The rate of one call.
struct Gate {
    rate: Option<KeyedRate<IpAddr>>,
    spares_local: bool,
}

impl Gates {
    pub(crate) fn new(protection: &Protection) -> Self {
        Self {
            proxies: protection.proxies.clone(),
            request_tokens: Gate::new(protection.request_tokens),
            sign_ins: Gate::new(protection.sign_ins),
            has_warned: AtomicBool::new(false),
        }
    }

    /// Counts a call that begins a sign-in.
    pub(crate) fn begin_sign_in(&self, request: &HttpRequest) -> Result<(), Problem> {
        self.admit(&self.request_tokens, request)
    }

    /// Counts a call that completes a sign-in.
    pub(crate) fn complete_sign_in(&self, request: &HttpRequest) -> Result<(), Problem> {
        self.admit(&self.sign_ins, request)
    }

    fn admit(&self, gate: &Gate, request: &HttpRequest) -> Result<(), Problem> {
        let Some(rate) = &gate.rate else {
            return Ok(());
        };
        match self.proxies.caller(request) {
            Some(address) if !(gate.spares_local && is_local(address)) => {
                let admitted = rate.admit(&caller_at(address));
                if admitted.is_err() && self.proxies.miss(request) {
                    self.warn();
                }
                admitted.map_err(Problem::too_many_calls)
            }
            _ => Ok(()),
        }
    }

    /// Once: anybody may send the header.
    fn warn(&self) {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "an address is limited that says it calls for others: if it is a proxy of yours, name it in http.proxies"
            );
        }
    }
}

impl Gate {
    fn new(rate: Rate) -> Self {
        let (rate, spares_local) = match rate {
            Rate::Unlimited => (None, false),
            Rate::OfStrangers(calls) => (Some(calls), true),
            Rate::OfAll(calls) => (Some(calls), false),
        };
        Self {
            rate: rate.map(KeyedRate::per_minute),
            spares_local,
        }
    }
}

/// The cap on the connections of one address.
pub(crate) fn address_cap(protection: &Protection) -> AddressCap {
    let proxies = protection.proxies.clone();
    cap(
        protection.connections,
        proxies,
        measures::connection_refused,
    )
}

/// The most calls at a time of an address behind a named proxy, whose connections bring everybody's calls. All workers share it.
#[derive(Debug, Clone)]
pub(crate) struct ProxiedCalls {
    proxies: Proxies,
    cap: AddressCap,
}

impl ProxiedCalls {
    /// `None` if no proxy has a name.
    pub(crate) fn new(protection: &Protection) -> Option<Self> {
        let proxies = protection.proxies.clone();
        (!proxies.are_none()).then(|| Self {
            cap: cap(protection.connections, proxies.clone(), || {}),
            proxies,
        })
    }

    /// Counts a call until the returned value is dropped.
    ///
    /// # Errors
    /// If its address has enough calls in flight.
    pub(crate) fn join(&self, request: &HttpRequest) -> Result<Option<AddressMember>, Problem> {
        let is_proxied = request
            .peer_addr()
            .is_some_and(|peer| self.proxies.include(peer.ip()));
        if !is_proxied {
            // Its connection is counted.
            return Ok(None);
        }
        let joined = self.cap.join(self.proxies.caller(request));
        joined
            .map(Some)
            .map_err(|AddressIsFull| Problem::too_many_calls(SOON))
    }
}

fn cap(
    share: ConnectionShare,
    proxies: Proxies,
    on_refusal: impl Fn() + Send + Sync + 'static,
) -> AddressCap {
    let (most, spares_local) = match share {
        ConnectionShare::Unlimited => return AddressCap::none(),
        ConnectionShare::OfStrangers(most) => (most, true),
        ConnectionShare::OfAll(most) => (most, false),
    };
    let is_exempt = move |peer| proxies.include(peer) || (spares_local && is_local(peer));
    AddressCap::new(most, is_exempt, on_refusal)
}
