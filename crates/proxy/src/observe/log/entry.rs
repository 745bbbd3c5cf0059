//! A record made to outlive its exchange: the numbers as they are, the texts in one allocation.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use crate::date::civil_date;
use crate::observe::{Record, failure_name, version_name};
use crate::violation::Violation;

/// Texts of an entry, in the order in which they lie.
#[derive(Clone, Copy)]
pub(super) enum Text {
    Method,
    Authority,
    Path,
    Query,
    Listener,
    Route,
    RuleName,
}

const TEXTS: usize = 7;

#[derive(Debug)]
pub(super) struct Entry {
    /// When the exchange ended.
    pub(super) time: SystemTime,
    pub(super) client: SocketAddr,
    pub(super) endpoint: Option<SocketAddr>,
    pub(super) version: &'static str,
    pub(super) status: u16,
    pub(super) rule: Option<u32>,
    pub(super) request_bytes: u64,
    pub(super) response_bytes: u64,
    pub(super) duration: Duration,
    pub(super) backend_duration: Option<Duration>,
    pub(super) retries: u32,
    pub(super) failure: Option<&'static str>,
    pub(super) refused: Option<&'static str>,
    texts: Box<str>,
    /// Where each text ends; what is absent is empty.
    ends: [u32; TEXTS],
}

impl Entry {
    pub(super) fn new(time: SystemTime, record: &Record<'_>) -> Self {
        let parts: [&str; TEXTS] = [
            record.method,
            record.authority,
            record.path,
            record.query.unwrap_or_default(),
            record.listener.map_or("", |listener| listener.id()),
            record.route.map_or("", |route| route.id()),
            record.rule.and_then(|rule| rule.name).unwrap_or_default(),
        ];
        let mut texts = String::with_capacity(parts.iter().map(|part| part.len()).sum());
        let ends = parts.map(|part| {
            texts.push_str(part);
            u32::try_from(texts.len()).unwrap_or(u32::MAX)
        });
        Self {
            time,
            client: record.client,
            endpoint: record.endpoint,
            version: version_name(record.version),
            status: record.status,
            rule: record.rule.map(|rule| u32::try_from(rule.index).unwrap_or(u32::MAX)),
            request_bytes: record.request_bytes,
            response_bytes: record.response_bytes,
            duration: record.duration,
            backend_duration: record.backend_duration,
            retries: record.retries,
            failure: record.failure.map(failure_name),
            refused: record.violation.map(Violation::name),
            texts: texts.into_boxed_str(),
            ends,
        }
    }

    pub(super) fn text(&self, text: Text) -> &str {
        let index = text as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        self.texts.get(start as usize..self.ends[index] as usize).unwrap_or_default()
    }
}

/// Appends `time` as RFC 3339 in UTC with milliseconds.
pub(super) fn push_time(line: &mut Vec<u8>, time: SystemTime) {
    use std::io::Write;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil_date(days);
    let _ = write!(
        line,
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        second / 3_600,
        second / 60 % 60,
        second % 60,
        since.subsec_millis()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_its_date() {
        // `date -u -d @SECONDS +%FT%TZ` says the same of each.
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.250Z"),
            (951_782_400, "2000-02-29T00:00:00.250Z"),
            (1_709_251_199, "2024-02-29T23:59:59.250Z"),
            (4_107_542_400, "2100-03-01T00:00:00.250Z"),
        ] {
            let mut line = Vec::new();
            push_time(&mut line, SystemTime::UNIX_EPOCH + Duration::from_millis(seconds * 1_000 + 250));
            assert_eq!(String::from_utf8(line).unwrap(), text);
        }
    }
}
