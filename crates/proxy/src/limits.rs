//! Every bound of the proxy, with its reason.

use std::time::Duration;

/// What may grow, and how far.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a request or response head. Cookies of real applications stay under 16 KiB; the rest is an attack.
    pub head_bytes_max: usize,
    /// Bytes of a request target, over which the answer is 414.
    pub target_bytes_max: usize,
    /// Fields of a head, HTTP/2 cookie crumbs counted singly: bounds the work per head where bytes alone do not.
    pub head_fields_max: usize,
    /// Bytes and fields of trailers.
    pub trailer_bytes_max: usize,
    pub trailer_fields_max: usize,
    /// Bytes of chunk extensions in one body: they carry nothing we use.
    pub chunk_extension_bytes_max: usize,
    /// Concurrent HTTP/2 streams of one connection.
    pub streams_max: u32,
    /// HTTP/2 windows, bytes: what one slow reader may make us hold.
    pub stream_window_bytes: u32,
    pub connection_window_bytes: u32,
    /// Requests of one connection, after which it closes: rebalances long-lived clients.
    pub connection_requests_max: u32,
    /// A body held back for a retry or a mirror, bytes.
    pub replay_bytes_max: usize,
    /// Bytes of bodies that the whole process keeps: for another try, for authorization servers, for mirrors that lag.
    /// 128 of the largest at once; half of the 256 MiB that a small container has.
    pub buffered_bytes_max: usize,
    /// Copies of requests under way to mirrors, in the whole process: each has a task, and most a connection. As many as
    /// Envoy lets be under way to one cluster; fewer where there are few descriptors ([`Limits::within_descriptors`]).
    pub mirrors_max: usize,
    /// Retries under way in the whole process, in percent of its live requests: backends that fail get a fifth more load
    /// at most, where each request retried thrice would be four times the load. With few requests a share says nothing,
    /// so that `retries_min` are made in any case. Linkerd's and Envoy's usual share, and Linkerd's least.
    pub retries_percent_max: usize,
    pub retries_min: usize,
    pub tls_handshake_timeout: Duration,
    /// From a connection's beginning to the end of its first request's head, with TLS and HTTP/2's preface: whoever has not
    /// asked by then is no client. With the second that closing may take, 15 s.
    pub first_request_timeout: Duration,
    /// Within which a client acknowledges our SETTINGS (RFC 9113 §6.5.3): every library does at once.
    pub settings_timeout: Duration,
    /// Within which a client that we wait for must take `client_bytes_min` of what we have for it; where its socket takes the
    /// bytes, it takes tens of KiB at a time, so that about 3 KiB a second always pass. Slower than any network that
    /// people load pages over, and with the 5 s of a busy connection's coarse timer still within 30 s. Tunnels have
    /// `progress_timeout` instead, and a slow backend is not the client's fault.
    pub client_stall_timeout: Duration,
    /// Above what windows that open a byte at a time let through (HARDENING H7); low, because a hundred streams may
    /// share a slow network.
    pub client_bytes_min: u64,
    /// From the first byte of a head to its end, however it trickles.
    pub head_timeout: Duration,
    /// Bytes per second a request body must bring after `body_grace`.
    pub body_rate_min: u64,
    pub body_grace: Duration,
    /// A stream without progress in either direction.
    pub progress_timeout: Duration,
    /// From a request's head until its response begins, however steadily its body moves: what would otherwise hold a
    /// backend for hours at the least rate. A route's own timeouts replace it, those of zero as well; upgrades and GRPCRoutes
    /// have none, and HTTPRoutes do whatever the client says that it sends: gRPC through those, and large uploads that take
    /// longer, need a route that says so.
    pub request_timeout: Duration,
    /// A keep-alive connection between requests.
    pub idle_timeout: Duration,
    /// TCP connect to a backend.
    pub connect_timeout: Duration,
    /// A pooled backend connection between requests; below the 60 s and more that backends commonly keep theirs.
    pub pool_idle_timeout: Duration,
    /// Idle connections kept per endpoint and worker. Fewer than one worker has requests under way at once, and a lull
    /// closes what the next moment opens again: 256 cost a tenth of all CPU at 512 client connections.
    pub pool_idle_max: usize,
    /// Client connections of the whole process; fewer where it may not have that many descriptors
    /// ([`Limits::within_descriptors`]).
    pub connections_max: usize,
    /// HTTP/2 floods, per connection: resets that abuse (HARDENING H3), CONTINUATION frames of one head, and frames per
    /// second that carry nothing.
    pub resets_max: usize,
    pub continuations_max: u32,
    pub settings_per_second_max: u32,
    pub pings_per_second_max: u32,
    pub empty_data_per_second_max: u32,
    /// How long running exchanges may take to end once the proxy is told to stop.
    pub drain_timeout: Duration,
    /// How long an idle keep-alive connection is left open then: a request that is on its way is still answered.
    pub drain_idle_timeout: Duration,
}

impl Limits {
    /// Lowers `connections_max` to 70 % of the descriptors that the process may have, and `mirrors_max` to 10 %: accepting
    /// stops, and mirrors are dropped, before connections to backends fail for want of one. `limits` is `/proc/self/limits`; what it does not tell changes nothing.
    pub(crate) fn within_descriptors(mut self, limits: &str) -> Self {
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
        let soft = line.and_then(|line| line.split_whitespace().next()).and_then(|soft| soft.parse::<usize>().ok());
        if let Some(soft) = soft {
            self.connections_max = self.connections_max.min(soft / 10 * 7).max(1);
            self.mirrors_max = self.mirrors_max.min(soft / 10);
        }
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes_max: 32 * 1024,
            target_bytes_max: 8 * 1024,
            head_fields_max: 100,
            trailer_bytes_max: 8 * 1024,
            trailer_fields_max: 32,
            chunk_extension_bytes_max: 1024,
            streams_max: 100,
            stream_window_bytes: 64 * 1024,
            connection_window_bytes: 1024 * 1024,
            connection_requests_max: 10_000,
            replay_bytes_max: 1024 * 1024,
            buffered_bytes_max: 128 * 1024 * 1024,
            mirrors_max: 1024,
            retries_percent_max: 20,
            retries_min: 10,
            tls_handshake_timeout: Duration::from_secs(10),
            first_request_timeout: Duration::from_secs(14),
            settings_timeout: Duration::from_secs(10),
            client_stall_timeout: Duration::from_secs(20),
            client_bytes_min: 1024,
            head_timeout: Duration::from_secs(10),
            body_rate_min: 1024,
            body_grace: Duration::from_secs(10),
            progress_timeout: Duration::from_secs(60),
            request_timeout: Duration::from_secs(300),
            idle_timeout: Duration::from_secs(300),
            connect_timeout: Duration::from_secs(5),
            pool_idle_timeout: Duration::from_secs(55),
            pool_idle_max: 1024,
            connections_max: 50_000,
            resets_max: 100,
            continuations_max: 8,
            settings_per_second_max: 50,
            pings_per_second_max: 100,
            empty_data_per_second_max: 100,
            drain_timeout: Duration::from_secs(60),
            drain_idle_timeout: Duration::from_secs(5),
        }
    }
}

#[cfg(test)]
mod tests;
