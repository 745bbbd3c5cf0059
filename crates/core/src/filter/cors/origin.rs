//! Web origins, and the patterns that allow them.

/// A scheme, host and port; as a pattern, its host may begin with `*`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin<'a> {
    scheme: &'a str,
    host: &'a str,
    port: u16,
}

impl<'a> Origin<'a> {
    /// Reads `scheme://host[:port]` of http or https; a port that is not given is the scheme's. `null` and other schemes
    /// are no origin of this kind.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let well_known = match scheme.to_ascii_lowercase().as_str() {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        // The colons of an IPv6 address stand in brackets.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (authority, well_known),
        };
        Some(Self { scheme, host, port })
    }

    /// Whether this pattern means `origin`. A `*` stands for any number of labels, at least one.
    pub(super) fn includes(&self, origin: &Origin<'_>) -> bool {
        self.scheme.eq_ignore_ascii_case(origin.scheme) && self.port == origin.port && self.host_includes(origin.host)
    }

    fn host_includes(&self, host: &str) -> bool {
        match self.host.strip_prefix('*') {
            None => self.host.eq_ignore_ascii_case(host),
            Some(suffix) => {
                let (host, suffix) = (host.as_bytes(), suffix.as_bytes());
                host.len() > suffix.len() && host[host.len() - suffix.len()..].eq_ignore_ascii_case(suffix)
            }
        }
    }
}
