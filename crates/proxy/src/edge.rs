//! What is believed of clients and what is put up with from them: the gateway's place at the edge of a network.

use std::net::IpAddr;
use std::str::FromStr;

/// Whom to believe and what to accept. By default nobody and nothing that is doubtful.
#[derive(Clone, Debug, Default)]
pub struct Edge {
    /// Proxies in front of this one. What their requests say of the hops before them (X-Forwarded-*, Forwarded,
    /// X-Real-IP) is kept and added to; from anyone else it is replaced (HARDENING F1).
    pub trusted: Vec<Network>,
    pub underscores: Underscores,
    /// Added to the Plan's ports below 1024 where a redirect names them: clients connect to where they are bound. 0 where
    /// something in front (a Service) has them as the Plan does.
    pub seen_port_offset: u16,
}

impl Edge {
    /// Whether `client` is one of the trusted proxies.
    pub(crate) fn trusts(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        self.trusted.iter().any(|network| network.contains(client))
    }
}

/// What becomes of fields with `_` in their name, which many backends cannot tell from `-`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Underscores {
    /// The request is answered with 400.
    #[default]
    Reject,
    /// The field is left out, the request goes on.
    Drop,
}

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differ = u32::from(own) ^ u32::from(other);
                differ.leading_zeros() >= self.prefix
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differ = u128::from(own) ^ u128::from(other);
                differ.leading_zeros() >= self.prefix
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    /// Reads `ADDRESS` or `ADDRESS/PREFIX`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let wrong =
            || format!("{text} is no address and no network: give one such as 10.0.0.1, 10.0.0.0/8 or fd00::/8");
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => bits,
            Some(prefix) => prefix.parse().ok().filter(|prefix| *prefix <= bits).ok_or_else(wrong)?,
        };
        Ok(Self { address, prefix })
    }
}

#[cfg(test)]
mod tests;
