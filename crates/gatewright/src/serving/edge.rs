//! What is believed of clients: flags that all commands with a proxy share.

use clap::ValueEnum;
use gatewright_proxy::edge::{Edge, EmptySegments, EncodedSlash, Network, PathOptions, Strict, Underscores};

#[derive(Clone, Debug, clap::Args)]
pub(super) struct EdgeArgs {
    /// Address or network of a proxy in front, whose X-Forwarded-* and Forwarded fields are kept and added to; may be
    /// given several times [default: nobody's are]
    #[arg(long, value_name = "NETWORK")]
    trust_forwarded: Vec<Network>,

    /// What becomes of `%2F` and `%5C` in a path, which are a separator to some servers and a character to others; a
    /// Gateway's parameters may say otherwise
    #[arg(long, value_enum, value_name = "ACTION", default_value_t = EncodedSlashArg::Reject)]
    encoded_slash: EncodedSlashArg,

    /// What becomes of `//` in a path; a Gateway's parameters may say otherwise
    #[arg(long, value_enum, value_name = "ACTION", default_value_t = EmptySegmentsArg::Merge)]
    empty_segments: EmptySegmentsArg,

    /// What becomes of header fields with `_` in their name, which many backends cannot tell from `-`; a Gateway's
    /// parameters may say otherwise
    #[arg(long, alias = "underscore-names", value_enum, value_name = "ACTION", default_value_t = UnderscoresArg::Reject)]
    underscores: UnderscoresArg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EncodedSlashArg {
    /// The request is answered with 400
    Reject,
    /// It is a character of its segment
    Keep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EmptySegmentsArg {
    /// It is one slash, to routes and backends alike
    Merge,
    /// It stays, for routes and backends alike
    Keep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum UnderscoresArg {
    /// The request is answered with 400
    Reject,
    /// The field is left out
    Drop,
    /// The field goes on, unless it reads like X-Forwarded-* or frames the message
    Keep,
}

impl EdgeArgs {
    pub(super) fn edge(&self) -> Edge {
        let encoded_slash = match self.encoded_slash {
            EncodedSlashArg::Reject => EncodedSlash::Reject,
            EncodedSlashArg::Keep => EncodedSlash::Keep,
        };
        let empty_segments = match self.empty_segments {
            EmptySegmentsArg::Merge => EmptySegments::Merge,
            EmptySegmentsArg::Keep => EmptySegments::Keep,
        };
        let underscores = match self.underscores {
            UnderscoresArg::Reject => Underscores::Reject,
            UnderscoresArg::Drop => Underscores::Drop,
            UnderscoresArg::Keep => Underscores::Keep,
        };
        let strict = Strict { path: PathOptions { encoded_slash, empty_segments }, underscores };
        Edge { trusted: self.trust_forwarded.clone(), strict, ..Edge::default() }
    }
}
