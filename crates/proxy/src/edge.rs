//! What is believed of clients and what is put up with from them: the gateway's place at the edge of a network.

use std::net::IpAddr;
use std::str::FromStr;

use gatewright_core::plan::Strictness;
pub use gatewright_core::plan::{EmptySegments, EncodedSlash, PathOptions, Underscores};

use crate::violation::Violation;

/// Whom to believe and what to accept. By default nobody and nothing that is doubtful.
#[derive(Clone, Debug, Default)]
pub struct Edge {
    /// Proxies in front of this one. What their requests say of the hops before them (X-Forwarded-*, Forwarded,
    /// X-Real-IP) is kept and added to; from anyone else it is replaced (HARDENING F1).
    pub trusted: Vec<Network>,
    /// What is done with requests that servers read differently, where the Plan does not say.
    pub strict: Strict,
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

/// What is done with requests that servers read differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strict {
    pub path: PathOptions,
    pub underscores: Underscores,
}

impl Strict {
    /// Returns what holds where `plan` says it otherwise.
    pub(crate) fn with(self, plan: Strictness) -> Self {
        Self {
            path: PathOptions {
                encoded_slash: plan.encoded_slash.unwrap_or(self.path.encoded_slash),
                empty_segments: plan.empty_segments.unwrap_or(self.path.empty_segments),
            },
            underscores: plan.underscores.unwrap_or(self.underscores),
        }
    }

    /// Whether a field of this name goes on.
    ///
    /// # Errors
    /// Its request is refused.
    pub(crate) fn admits(self, name: &[u8]) -> Result<bool, Violation> {
        if !name.contains(&b'_') {
            return Ok(true);
        }
        // To many backends `_` in a name is the same as `-`, which would be a way around everything (HARDENING F1).
        match self.underscores {
            Underscores::Reject => Err(Violation::Underscore),
            Underscores::Drop => Ok(false),
            Underscores::Keep if reads_as(name, "content-length") || reads_as(name, "transfer-encoding") => {
                Err(Violation::Underscore)
            }
            Underscores::Keep => Ok(!is_forwarding(name)),
        }
    }
}

/// Whether a field claims something of the hops before: X-Forwarded-*, Forwarded (RFC 7239) and X-Real-IP; also with `_` in
/// the place of `-`.
pub(crate) fn is_forwarding(name: &[u8]) -> bool {
    match name.len() {
        9 => name.eq_ignore_ascii_case(b"forwarded") || reads_as(name, "x-real-ip"),
        13.. => reads_as(&name[..12], "x-forwarded-"),
        _ => false,
    }
}

/// Whether `name` is `known` (lower-case), to a server that cannot tell `_` from `-`.
fn reads_as(name: &[u8], known: &str) -> bool {
    let dashed = name.iter().map(|byte| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() });
    name.len() == known.len() && dashed.eq(known.bytes())
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
