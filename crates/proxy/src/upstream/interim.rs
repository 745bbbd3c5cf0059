//! How many interim responses (1xx) one exchange may have, over either version.

use crate::failure::What;
use crate::limits::Limits;
use crate::message::Fields;

/// Interim responses of one exchange: more is a backend that never answers.
const INTERIM_MAX: u8 = 16;

/// The interim responses that an exchange has had. They are passed on as they come, so that what they hold for a client
/// that does not read is bounded here: all of them together are as long as one head may be.
#[derive(Debug, Default)]
pub(super) struct Interim {
    heads: u8,
    bytes: usize,
}

impl Interim {
    /// Counts one more.
    ///
    /// # Errors
    /// [`What::BadResponse`] when there are too many, or they are too long.
    pub(super) fn count(&mut self, fields: &Fields, limits: &Limits) -> Result<(), What> {
        self.heads += 1;
        self.bytes += fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        if self.heads > INTERIM_MAX || self.bytes > limits.head_bytes_max { Err(What::BadResponse) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interim_responses_are_bounded_in_number_and_together_in_length() {
        let limits = Limits::default();
        let (mut interim, mut hints) = (Interim::default(), Fields::default());
        assert!((0..INTERIM_MAX).all(|_| interim.count(&hints, &limits).is_ok()));
        assert_eq!(interim.count(&hints, &limits), Err(What::BadResponse));
        hints.push(b"link", &vec![b'x'; limits.head_bytes_max / 2]);
        let mut interim = Interim::default();
        assert_eq!(interim.count(&hints, &limits), Ok(()));
        assert_eq!(interim.count(&hints, &limits), Err(What::BadResponse));
    }
}
