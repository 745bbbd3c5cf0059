//! Whether the proxies of one data plane follow what is published, though they are always a moment behind.

use std::{collections::VecDeque, time::Duration};

use gatewright_xds::{Standing, Version};
use tokio::time::Instant;

/// How long a data plane that followed may be without a proxy, or have one that is behind, before it counts as one that does
/// not follow. Proxies take milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// The versions published lately for one data plane, and how far its proxies are.
pub(super) struct Trail {
    current: Version,
    /// What was current before, oldest first, and until when.
    past: VecDeque<(Version, Instant)>,
    /// Until when the oldest version that a proxy has was current; `None` if every proxy that says something has the current one.
    late_since: Option<Instant>,
    /// Since when there is no proxy, or one has a version that was never published, or none.
    astray_since: Option<Instant>,
    follows: bool,
}

impl Trail {
    /// Nobody follows what is published for the first time.
    pub(super) fn new(current: Version) -> Self {
        Self { current, past: VecDeque::new(), late_since: None, astray_since: None, follows: false }
    }

    pub(super) fn publish(&mut self, version: Version, now: Instant) {
        if version != self.current {
            self.past.push_back((std::mem::replace(&mut self.current, version), now));
            self.late_since.get_or_insert(now);
        }
        self.forget(now);
    }

    /// Takes in how the proxies stand, and returns whether they follow: every one has what was current a moment ago.
    pub(super) fn observe(&mut self, standing: &Standing, now: Instant) -> bool {
        let mut is_astray = standing.proxies.is_empty();
        self.late_since = None;
        for proxy in &standing.proxies {
            match proxy.version {
                Some(version) if version == self.current => {}
                Some(version) => match self.was_current_until(version) {
                    Some(until) => self.late_since = Some(self.late_since.map_or(until, |since| since.min(until))),
                    None => is_astray = true,
                },
                None => is_astray = true,
            }
        }
        self.astray_since = is_astray.then(|| self.astray_since.unwrap_or(now));
        let is_in_time = self.late_since.is_none_or(|since| now < since + PATIENCE);
        let has_patience = self.astray_since.is_none_or(|since| self.follows && now < since + PATIENCE);
        self.follows = is_in_time && has_patience;
        self.forget(now);
        self.follows
    }

    /// Whether what a proxy of this version says still counts.
    pub(super) fn is_recent(&self, version: Version, now: Instant) -> bool {
        version == self.current || self.was_current_until(version).is_some_and(|until| now < until + PATIENCE)
    }

    /// Whether a proxy that is expected to follow does not have yet what was published up to `then`.
    pub(super) fn is_behind(&self, then: Instant) -> bool {
        self.follows && (self.astray_since.is_some() || self.late_since.is_some_and(|since| since <= then))
    }

    /// When this stops to be a data plane that follows, if nothing happens.
    pub(super) fn patience_ends(&self) -> Option<Instant> {
        let since = self.late_since.into_iter().chain(self.astray_since).min()?;
        self.follows.then(|| since + PATIENCE)
    }

    fn was_current_until(&self, version: Version) -> Option<Instant> {
        self.past.iter().rev().find(|(past, _)| *past == version).map(|(_, until)| *until)
    }

    /// Versions are kept twice as long as they count: who still has one then is late, and not unheard of.
    fn forget(&mut self, now: Instant) {
        while self.past.front().is_some_and(|(_, until)| *until + 2 * PATIENCE <= now) {
            self.past.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
