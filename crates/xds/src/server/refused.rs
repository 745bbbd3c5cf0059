//! Tokens that were nobody's a moment ago: to show one again costs no TokenReview.
//!
//! Whether a valid token stands for a plane changes with objects, so nothing else is remembered.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::digest::{SHA256, digest};
use tokio::time::Instant;

/// How long a refusal holds. Short: an API server that has not heard of a new Pod yet refuses its token, too.
const MEMORY: Duration = Duration::from_secs(10);
/// Tokens remembered, about 200 bytes each; the oldest makes room.
const TOKENS_MAX: usize = 4_096;

/// A digest of a token, which is all that is kept of it.
type Digest = [u8; 32];

#[derive(Default)]
pub(super) struct Refused(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    reasons: BTreeMap<Digest, String>,
    /// All of `reasons`, oldest first.
    order: VecDeque<(Instant, Digest)>,
}

impl Refused {
    /// Returns why `token` was refused, if that was within the last moments.
    pub(super) fn reason(&self, token: &str) -> Option<String> {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.forget(Instant::now());
        memory.reasons.get(&of(token)).cloned()
    }

    pub(super) fn remember(&self, token: &str, reason: &str) {
        let (token, now) = (of(token), Instant::now());
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.forget(now);
        if memory.reasons.insert(token, reason.to_owned()).is_none() {
            memory.order.push_back((now, token));
        }
    }
}

impl Memory {
    /// Forgets what is old, and makes room for one.
    fn forget(&mut self, now: Instant) {
        while let Some((since, token)) = self.order.front().copied()
            && (now - since >= MEMORY || self.order.len() >= TOKENS_MAX)
        {
            self.order.pop_front();
            self.reasons.remove(&token);
        }
    }
}

fn of(token: &str) -> Digest {
    let mut bytes = Digest::default();
    bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_remembered_for_a_moment_and_of_that_token_alone() {
        let refused = Refused::default();
        refused.remember("a", "nobody");
        advance(MEMORY - Duration::from_millis(1)).await;
        assert_eq!(refused.reason("a").as_deref(), Some("nobody"));
        assert_eq!(refused.reason("b"), None);
        advance(Duration::from_millis(1)).await;
        assert_eq!(refused.reason("a"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn of_too_many_tokens_the_oldest_are_forgotten() {
        let refused = Refused::default();
        for number in 0..2 * TOKENS_MAX {
            refused.remember(&number.to_string(), "nobody");
        }
        let memory = refused.0.lock().unwrap();
        assert_eq!((memory.reasons.len(), memory.order.len()), (TOKENS_MAX, TOKENS_MAX));
        drop(memory);
        assert_eq!(refused.reason("0"), None);
        assert!(refused.reason(&(2 * TOKENS_MAX - 1).to_string()).is_some());
    }
}
