//! Regular expressions of the schemas, each compiled once, with what they accept in words.
//!
//! As the API server has it, a pattern holds if it is found anywhere in the text: one without `^` and `$` asks less than
//! it seems to. The expressions are the API's own constants, which the comparison with the CRDs checks letter by letter.

use std::sync::LazyLock;

use regex::Regex;

pub(super) struct Pattern {
    pub(super) text: &'static str,
    pub(super) accepted: &'static str,
    regex: LazyLock<Regex>,
}

impl std::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text)
    }
}

impl Pattern {
    pub(super) fn is_in(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

macro_rules! patterns {
    ($($(#[$doc:meta])* $name:ident = $text:expr, $accepted:expr;)*) => {
        $(
            $(#[$doc])*
            pub(super) static $name: Pattern = Pattern {
                text: $text,
                accepted: $accepted,
                regex: LazyLock::new(|| Regex::new($text).expect("a constant expression, compiled by a test")),
            };
        )*
        #[cfg(test)]
        pub(super) static ALL: &[&Pattern] = &[$(&$name),*];
    };
}

patterns! {
    DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        "lower-case letters, digits and '-', beginning and ending with a letter or digit";
    /// DNS-1035, for names of Services.
    DNS_LABEL_ALPHABETIC = r"^[a-z]([-a-z0-9]*[a-z0-9])?$",
        "lower-case letters, digits and '-', beginning with a letter and ending with a letter or digit";
    DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        "lower-case letters, digits, '-' and '.', each label beginning and ending with a letter or digit";
    HOSTNAME = r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        "a DNS name in lower case, like shop.example.com, or a wildcard, like *.example.com";
    GROUP = r"^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        "an API group like gateway.networking.k8s.io, or nothing for the core group";
    KIND = r"^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$",
        "letters, digits and '-', beginning with a letter";
    HEADER_NAME = r"^[A-Za-z0-9!#$%&'*+\-.^_\x60|~]+$",
        "a header name of RFC 9110: letters, digits and !#$%&'*+-.^_`|~";
    HEADER_VALUE = r"^[!-~]+([\t ]?[!-~]+)*$",
        "printable ASCII, with single spaces or tabs inside";
    DURATION = r"^([0-9]{1,5}(h|m|s|ms)){1,4}$",
        "a duration of GEP-2257 like 10s, 1m30s or 500ms";
    CONTROLLER_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/[A-Za-z0-9\/\-._~%!$&'()*+,;=:]+$",
        "a domain and a path, like example.com/gateway-controller";
    ADDRESS_TYPE = r"^Hostname|IPAddress|NamedAddress|[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/[A-Za-z0-9\/\-._~%!$&'()*+,;=:]+$",
        "IPAddress, Hostname, NamedAddress, or a domain and a path";
    PROTOCOL = r"^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$|[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/[A-Za-z0-9]+$",
        "HTTP, HTTPS, TLS, TCP, UDP, or a domain and a name";
    LABEL_VALUE = r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$",
        "letters, digits, '-', '_' and '.', beginning and ending with a letter or digit, or nothing";
    /// Keys of infrastructure labels and annotations.
    LABEL_KEY = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$",
        "a name of up to 63 characters, after an optional domain and '/'";
    ORIGIN = r"(^\*$)|(^(http(s)?):\/\/(((\*\.)?([a-zA-Z0-9\-]+\.)*[a-zA-Z0-9-]+|\*)(:([0-9]{1,5}))?)$)",
        "an origin like https://example.com, https://*.example.com:8443, or *";
    PATH = r"^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$",
        "the characters of a URL path, anything else percent-encoded";
    GRPC_SERVICE = r"^(?i)\.?[a-z_][a-z_0-9]*(\.[a-z_][a-z_0-9]*)*$",
        "a Protobuf service name like com.example.User";
    GRPC_METHOD = r"^[A-Za-z_][A-Za-z_0-9]*$",
        "a Protobuf method name like Login";
    URI = r"^(([^:/?#]+):)(//([^/?#]*))([^?#]*)(\?([^#]*))?(#(.*))?",
        "an absolute URI like spiffe://example.com/workload";
    WELL_KNOWN_CA = r"^(System|([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]))$",
        "System, or a domain and a name";
    ROUTABILITY = r"^.*/.+$",
        "a domain and a path";
    ATTRIBUTE_KEY = r"^[a-z0-9_.-]+$",
        "lower-case letters, digits, '_', '.' and '-'";
    TELEMETRY_NAME = r"^[a-zA-Z0-9_.:/-]+$",
        "letters, digits and _ . : / -";
    SPAN_NAME = r"^[a-zA-Z0-9_.:/-]+( [a-zA-Z0-9_.:/-]+)*$",
        "letters, digits and _ . : / -, with single spaces inside";
    /// Names of a ConfigMap's and a Secret's keys.
    CONFIG_KEY = r"^[-._a-zA-Z0-9]+$",
        "letters, digits, '-', '_' and '.'";
    /// Names of ports (IANA service names; the rest of their syntax is a rule).
    PORT_NAME = r"^[-a-z0-9]+$",
        "lower-case letters, digits and single '-' inside, at least one of them a letter";
}
