//! What can be told of a request that was refused, for the log: parts as they were sent, whatever is wrong with them.

use crate::message::{RequestHead, Version};

/// Lines that are looked through for a Host.
const LINES_MAX: usize = 100;

/// Fills `head` from what has come of a head, which need not be whole.
pub(crate) fn glimpse(bytes: &[u8], head: &mut RequestHead) {
    let bytes = bytes.strip_prefix(b"\r\n").unwrap_or(bytes);
    let mut lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let line = lines.next().unwrap_or_default();
    let (method, rest) = line.split_at(line.iter().position(|byte| *byte == b' ').unwrap_or(line.len()));
    let rest = rest.strip_prefix(b" ").unwrap_or_default();
    let version = rest.iter().rposition(|byte| *byte == b' ').filter(|at| rest[at + 1..].starts_with(b"HTTP/"));
    let (target, version) = rest.split_at(version.unwrap_or(rest.len()));
    let host = lines.take(LINES_MAX).find_map(|line| {
        let (name, value) = line.split_at_checked(5)?;
        name.eq_ignore_ascii_case(b"host:").then(|| value.trim_ascii())
    });
    head.glimpse(method, target, host.unwrap_or_default());
    head.version = if version == b" HTTP/1.0" { Version::Http10 } else { Version::Http11 };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bytes: &[u8]) -> (String, String, String, Option<String>) {
        let mut head = RequestHead::default();
        glimpse(bytes, &mut head);
        (head.method, head.authority, head.path, head.query)
    }

    #[test]
    fn as_much_is_told_as_has_come() {
        let parts = |method: &str, authority: &str, path: &str, query: Option<&str>| {
            (method.to_owned(), authority.to_owned(), path.to_owned(), query.map(ToOwned::to_owned))
        };
        for (bytes, expected) in [
            (&b""[..], parts("", "", "", None)),
            (b"GE", parts("GE", "", "", None)),
            (b"GET /a%2Fb?c HTTP/1.1\r\nX: y\r\nhOST:  a.test \r\n", parts("GET", "a.test", "/a%2Fb", Some("c"))),
            (b"GET /a b HTTP/1.0\nHost: a", parts("GET", "a", "/a b", None)),
            (b"\r\nGET /../x", parts("GET", "", "/../x", None)),
            (b"\x16\x03\xff", parts("\x16\x03\u{fffd}", "", "", None)),
        ] {
            assert_eq!(told(bytes), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn no_part_is_kept_beyond_its_bound() {
        let (method, authority, path, query) = told(
            [
                &b"M".repeat(5000)[..],
                b" /",
                &b"p".repeat(5000),
                b"?",
                &b"q".repeat(5000),
                b" HTTP/1.1\r\nHost: ",
                &b"h".repeat(5000),
            ]
            .concat()
            .as_slice(),
        );
        assert_eq!([method.len(), authority.len(), path.len(), query.unwrap().len()], [1024; 4]);
    }
}
