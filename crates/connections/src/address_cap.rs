use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    net::IpAddr,
    sync::Arc,
};

use parking_lot::Mutex;

use crate::address::caller_at;

/// The most connections of one address at a time, over all workers of a server, so that one caller cannot take all. A further
/// connection is closed at once. It can count other things of an address as well, such as calls behind a proxy.
#[derive(Clone)]
pub struct AddressCap(Option<Arc<CapState>>);

struct CapState {
    most: usize,
    is_exempt: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
    on_refusal: Box<dyn Fn() + Send + Sync>,
    open: Mutex<HashMap<IpAddr, usize>>,
}

impl AddressCap {
    /// No cap.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// At most `most` connections of one address: of an IPv4 address, or of an IPv6 /64. `is_exempt` tells for which addresses there is
    /// no cap, such as those of proxies; `on_refusal` is called for each connection that is closed.
    pub fn new(
        most: usize,
        is_exempt: impl Fn(IpAddr) -> bool + Send + Sync + 'static,
        on_refusal: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(CapState {
            most,
            is_exempt: Box::new(is_exempt),
            on_refusal: Box::new(on_refusal),
            open: Mutex::default(),
        })))
    }

    /// Counts a connection, or a call, until the returned value is dropped.
    ///
    /// # Errors
    /// If its address has enough.
    pub fn join(&self, peer: Option<IpAddr>) -> Result<AddressMember, AddressIsFull> {
        let counted = self.0.as_ref().zip(peer);
        let Some((cap, peer)) = counted.filter(|(cap, peer)| !(cap.is_exempt)(*peer)) else {
            return Ok(AddressMember(None));
        };
        let caller = caller_at(peer);
        let mut open = cap.open.lock();
        let count = open.entry(caller).or_insert(0);
        if *count >= cap.most {
            drop(open);
            (cap.on_refusal)();
            return Err(AddressIsFull);
        }
        *count += 1;
        Ok(AddressMember(Some((Arc::clone(cap), caller))))
    }
}

impl fmt::Debug for AddressCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = self.0.as_ref().map(|cap| cap.most);
        f.debug_tuple("AddressCap").field(&most).finish()
    }
}

/// An address has as many connections as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the address has as many connections as it may")]
pub struct AddressIsFull;

/// A connection that is counted for its address.
pub struct AddressMember(Option<(Arc<CapState>, IpAddr)>);

impl fmt::Debug for AddressMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.0.as_ref().map(|(_, caller)| caller);
        f.debug_tuple("AddressMember").field(&address).finish()
    }
}

impl Drop for AddressMember {
    fn drop(&mut self) {
        let Some((cap, caller)) = self.0.take() else {
            return;
        };
        if let Entry::Occupied(mut count) = cap.open.lock().entry(caller) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn join(cap: &AddressCap, address: &str) -> Result<AddressMember, AddressIsFull> {
        cap.join(Some(address.parse().unwrap()))
    }

    #[test]
    fn an_address_has_its_share_and_no_more_and_leaves_nothing_behind() {
        let refused = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&refused);
        let cap = AddressCap::new(
            2,
            |address| address.is_loopback(),
            move || {
                count.fetch_add(1, Ordering::Relaxed);
            },
        );
        let one = join(&cap, "2001:db8::1").ok().unwrap();
        let two = join(&cap, "2001:db8::2").ok().unwrap();
        assert!(join(&cap, "2001:db8::3").is_err());
        let other = join(&cap, "2001:db8:0:1::1").ok().unwrap();
        drop(one);
        let three = join(&cap, "2001:db8::3").ok().unwrap();
        assert_eq!(refused.load(Ordering::Relaxed), 1);
        let exempt: Vec<_> = (0..9).map(|_| join(&cap, "127.0.0.1")).collect();
        assert!(exempt.iter().all(Result::is_ok));
        assert!((0..9).all(|_| join(&AddressCap::none(), "192.0.2.1").is_ok()));
        drop((two, other, three, exempt));
        let state = cap.0.unwrap();
        assert!(state.open.lock().is_empty());
    }
}
