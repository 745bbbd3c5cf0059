//! What is believed of clients: flags that all commands with a proxy share.

use clap::ValueEnum;
use gatewright_proxy::edge::{Edge, Network, Underscores};

#[derive(Clone, Debug, clap::Args)]
pub(super) struct EdgeArgs {
    /// Address or network of a proxy in front, whose X-Forwarded-* and Forwarded fields are kept and added to; may be
    /// given several times [default: nobody's are]
    #[arg(long, value_name = "NETWORK")]
    trust_forwarded: Vec<Network>,

    /// What becomes of header fields with `_` in their name, which many backends cannot tell from `-`
    #[arg(long, value_enum, value_name = "ACTION", default_value_t = UnderscoreNames::Reject)]
    underscore_names: UnderscoreNames,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum UnderscoreNames {
    /// The request is answered with 400
    Reject,
    /// The field is left out
    Drop,
}

impl EdgeArgs {
    pub(super) fn edge(&self) -> Edge {
        let underscores = match self.underscore_names {
            UnderscoreNames::Reject => Underscores::Reject,
            UnderscoreNames::Drop => Underscores::Drop,
        };
        Edge { trusted: self.trust_forwarded.clone(), underscores, ..Edge::default() }
    }
}
