//! What is done with requests that two servers may read differently.

use serde::{Deserialize, Serialize};

use super::{EmptySegments, EncodedSlash};

/// What a Gateway's parameters say of such requests. `None` leaves it to the proxy's own settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Strictness {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoded_slash: Option<EncodedSlash>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_segments: Option<EmptySegments>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub underscores: Option<Underscores>,
}

/// What becomes of fields with `_` in their name, which many backends cannot tell from `-`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Underscores {
    /// The request is answered with 400.
    #[default]
    Reject,
    /// The field is left out, the request goes on.
    Drop,
    /// The field goes on, unless it reads like one that the gateway itself writes or that frames the message.
    Keep,
}

impl Strictness {
    pub(crate) fn is_unsaid(&self) -> bool {
        *self == Self::default()
    }

    /// Returns what holds where both apply, on a port that Gateways share: of what they say differently, the stricter. To say
    /// nothing is to want the default, which is the strictest.
    #[cfg(any(test, feature = "translate"))]
    pub(crate) fn and(self, other: Self) -> Self {
        fn stricter<T: Default + PartialEq + Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
            match (one, other) {
                (None, None) => None,
                (one, other) => Some(one.unwrap_or_default().min(other.unwrap_or_default())),
            }
        }
        Self {
            encoded_slash: stricter(self.encoded_slash, other.encoded_slash),
            empty_segments: stricter(self.empty_segments, other.empty_segments),
            underscores: stricter(self.underscores, other.underscores),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_that_share_a_port_the_stricter_holds() {
        let open = Strictness {
            encoded_slash: Some(EncodedSlash::Keep),
            empty_segments: Some(EmptySegments::Keep),
            underscores: Some(Underscores::Keep),
        };
        let strict = Strictness {
            encoded_slash: Some(EncodedSlash::Reject),
            empty_segments: Some(EmptySegments::Merge),
            underscores: Some(Underscores::Reject),
        };
        let silent = Strictness::default();
        assert_eq!(open.and(open), open);
        assert_eq!((open.and(strict), strict.and(open)), (strict, strict));
        assert_eq!((open.and(silent), silent.and(open)), (strict, strict));
        assert_eq!(silent.and(silent), silent);
        let dropping = Strictness { underscores: Some(Underscores::Drop), ..open };
        assert_eq!(open.and(dropping), dropping);
    }
}
