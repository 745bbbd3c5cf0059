//! The right to write to the API server: a token for one term of leadership, good until its deadline.
//!
//! Whoever writes sends through a [`Token`], which looks at the deadline right before the request is sent. Knows nothing of
//! the Lease: the leader moves the deadline on when it renewed it.

use std::{fmt, pin::pin, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, timeout, timeout_at},
};

/// A term, as it is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Term {
    number: u64,
    deadline: Instant,
}

/// Begins, extends and ends terms: the leader's end of the channel. When it is dropped, the term ends.
pub(crate) struct Issuer {
    terms: watch::Sender<Option<Term>>,
    /// Terms begun so far.
    begun: u64,
    in_flight: Arc<watch::Sender<usize>>,
}

/// Gives out tokens while this process leads.
#[derive(Clone)]
pub(crate) struct Tokens {
    terms: watch::Receiver<Option<Term>>,
    in_flight: Arc<watch::Sender<usize>>,
}

/// The right to write during one term.
#[derive(Clone)]
pub(crate) struct Token {
    term: u64,
    tokens: Tokens,
}

/// Why it is not known that a write was done.
#[derive(Debug)]
pub(crate) enum SendError {
    /// The term is over: the request was not sent, or its answer did not come before the deadline.
    NotLeader,
    Timeout,
    Api(kube::Error),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLeader => f.write_str("this replica does not lead any more"),
            Self::Timeout => f.write_str("the API server does not answer"),
            // What the API server says, without what it says it with.
            Self::Api(kube::Error::Api(status)) => f.write_str(&status.message),
            Self::Api(error) => error.fmt(f),
        }
    }
}

/// Returns both ends; no term has begun.
pub(crate) fn channel() -> (Issuer, Tokens) {
    let (sender, terms) = watch::channel(None);
    let in_flight = Arc::new(watch::Sender::new(0));
    (Issuer { terms: sender, begun: 0, in_flight: in_flight.clone() }, Tokens { terms, in_flight })
}

impl Issuer {
    /// Extends the term to a later deadline, or begins one.
    pub(crate) fn extend(&mut self, deadline: Instant) {
        let begun = &mut self.begun;
        // Nobody is woken by an extension: whoever sends looks at the deadline.
        self.terms.send_if_modified(|term| match term {
            Some(term) if Instant::now() < term.deadline => {
                term.deadline = term.deadline.max(deadline);
                false
            }
            Some(_) | None => {
                *begun += 1;
                *term = Some(Term { number: *begun, deadline });
                true
            }
        });
    }

    /// Ends the term.
    pub(crate) fn revoke(&self) {
        self.terms.send_if_modified(|term| term.take().is_some());
    }

    /// Returns when the term is over, if there is one.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.terms.borrow().map(|term| term.deadline)
    }

    /// Waits until no write is on its way, or for so long.
    pub(crate) async fn settled(&self, limit: Duration) {
        let mut in_flight = self.in_flight.subscribe();
        // One that is longer on its way is lost with its connection.
        _ = timeout(limit, in_flight.wait_for(|count| *count == 0)).await;
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.revoke();
    }
}

impl Tokens {
    /// Returns a token while a term lasts.
    pub(crate) fn token(&self) -> Option<Token> {
        let term = (*self.terms.borrow()).filter(|term| Instant::now() < term.deadline)?;
        Some(Token { term: term.number, tokens: self.clone() })
    }

    /// Waits until a term begins or ends. Without a leader, neither happens any more.
    pub(crate) async fn changed(&mut self) {
        if self.terms.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Token {
    /// Returns the number of its term.
    pub(crate) fn term(&self) -> u64 {
        self.term
    }

    /// Returns when its term is over; `None` when it is.
    fn deadline(&self) -> Option<Instant> {
        let term = (*self.tokens.terms.borrow()).filter(|term| term.number == self.term)?;
        (Instant::now() < term.deadline).then_some(term.deadline)
    }

    /// Sends a request if the term lasts, and waits for the answer until the term is over, at most for `limit`.
    ///
    /// # Errors
    /// When it is not known that the request was carried out.
    pub(crate) async fn send<T>(
        &self,
        limit: Duration,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, SendError> {
        // Counted before the term is looked at: one that ends waits for this request, or this request is not sent.
        let _in_flight = InFlight::count(&self.tokens.in_flight);
        let mut deadline = self.deadline().ok_or(SendError::NotLeader)?;
        let until = Instant::now() + limit;
        let mut request = pin!(request);
        loop {
            match timeout_at(until.min(deadline), &mut request).await {
                Ok(answer) => return answer.map_err(SendError::Api),
                Err(_) if until <= Instant::now() => return Err(SendError::Timeout),
                // The Lease may have been renewed meanwhile.
                Err(_) => deadline = self.deadline().ok_or(SendError::NotLeader)?,
            }
        }
    }
}

/// A request on its way.
struct InFlight(Arc<watch::Sender<usize>>);

impl InFlight {
    fn count(in_flight: &Arc<watch::Sender<usize>>) -> Self {
        in_flight.send_modify(|count| *count += 1);
        Self(in_flight.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests;
