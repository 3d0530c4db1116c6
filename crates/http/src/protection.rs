use std::num::NonZeroU32;

use crate::proxies::Proxies;

/// What keeps one caller from taking what is there for all. Each replica counts by itself.
#[derive(Debug, Clone, Default)]
pub struct Protection {
    /// The request tokens of an address: each is a call to Twitter and a row in the store.
    pub request_tokens: Rate,
    /// The completed sign-ins of an address, whatever comes of them.
    pub sign_ins: Rate,
    /// How often a minute a person's profile may be read at Twitter, where a read costs money; `None` is any number.
    pub profile_reads: Option<NonZeroU32>,
    /// The connections of an address at a time.
    pub connections: ConnectionShare,
    /// The proxies in front.
    pub proxies: Proxies,
    /// Names of this server, besides those of this machine: a server on a loopback address answers for no others.
    pub hosts: Vec<String>,
}

/// How many calls a minute are accepted from an address: of IPv4, or of an IPv6 /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rate {
    /// Any number.
    #[default]
    Unlimited,
    /// So many from an address of the internet. An address of this machine or of a private network may be a proxy that nobody has named,
    /// which brings everybody's calls.
    OfStrangers(NonZeroU32),
    /// So many from any address.
    OfAll(NonZeroU32),
}

/// How many connections an address may have at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConnectionShare {
    /// Any number.
    #[default]
    Unlimited,
    /// So many for an address of the internet, as for [`Rate::OfStrangers`].
    OfStrangers(usize),
    /// So many for any address, except that of a named proxy.
    OfAll(usize),
}
