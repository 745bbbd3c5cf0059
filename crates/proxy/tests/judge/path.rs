//! HARDENING P1: one canonical path for matching, for policy and for the backend.

use gatewright_core::plan::{Refusal, Target};

use crate::harness::{Delivery, Gateway, Origin, each, forward, prefix, refuse_all, rule};

/// What must become of a path on a gateway that guards `/admin` (500, the guard's answer) and forwards everything else.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Guarded,
    /// Forwarded with this target.
    Forwarded(&'static str),
    /// 400.
    Refused,
    /// 400, or forwarded as it came.
    RefusedOrKept,
}

use Fate::{Forwarded, Guarded, Refused, RefusedOrKept};

pub(crate) const PATHS: &[(&str, Fate)] = &[
    ("/admin", Guarded),
    ("/admin/x?y", Guarded),
    ("/administrator", Forwarded("/administrator")),
    // Dot segments are resolved, however they are written.
    ("/public/../admin", Guarded),
    ("/public/%2e%2e/admin", Guarded),
    ("/public/%2E%2E/admin", Guarded),
    ("/public/.%2e/admin", Guarded),
    ("/public/%2e./admin", Guarded),
    ("/./admin", Guarded),
    ("/%2e/admin", Guarded),
    ("/public/x/../../admin/.", Guarded),
    ("/admin/../public", Forwarded("/public")),
    ("/admin/%2e%2e/public", Forwarded("/public")),
    ("/a/./b/../c", Forwarded("/a/c")),
    ("/a/b/..", Forwarded("/a/")),
    ("/a/.", Forwarded("/a/")),
    ("/.", Forwarded("/")),
    ("/...", Forwarded("/...")),
    ("/a..b/.c", Forwarded("/a..b/.c")),
    ("/a/../b?x=../y&z=%2e%2F%zz", Forwarded("/b?x=../y&z=%2e%2F%zz")),
    // Out of the root.
    ("/..", Refused),
    ("/../admin", Refused),
    ("/a/../../admin", Refused),
    ("/%2e%2e/admin", Refused),
    ("/a/%2e%2e/%2E%2E/b", Refused),
    // Unreserved characters are decoded, once.
    ("/%61dmin", Guarded),
    ("/%61%64%6D%69%6e", Guarded),
    ("/%7Euser", Forwarded("/~user")),
    ("/%2561dmin", Forwarded("/%2561dmin")),
    ("/public/%252e%252e/admin", Forwarded("/public/%252e%252e/admin")),
    // Escaped separators are never decoded in silence.
    ("/%2Fadmin", Refused),
    ("/public%2f..%2fadmin", Refused),
    ("/public%5C..%5Cadmin", Refused),
    ("/public/%5cadmin", Refused),
    ("/public\\..\\admin", Refused),
    // No characters at all.
    ("/%00", Refused),
    ("/admin%00", Refused),
    ("/x%0d%0aLocation:%20/admin", Refused),
    ("/x%0Ay", Refused),
    ("/x%09", Refused),
    ("/x%1F", Refused),
    ("/x%7f", Refused),
    ("/x?y=%0d%0a%00", Forwarded("/x?y=%0d%0a%00")),
    ("/%zz", Refused),
    ("/%", Refused),
    ("/%4", Refused),
    ("/x%4", Refused),
    ("/%u0061dmin", Refused),
    ("/x#y", Refused),
    ("/x?y#z", Refused),
    ("/#/../admin", Refused),
    // Overlong UTF-8 is no dot and no slash.
    ("/public/%c0%ae%c0%ae/admin", RefusedOrKept),
    ("/public%c0%afadmin", RefusedOrKept),
    ("/public/%e0%80%ae%e0%80%ae/admin", RefusedOrKept),
    // Parameters are part of their segment: `..;x` is no dot segment here, and must not become one behind us unseen.
    ("/public/..;x/admin", RefusedOrKept),
    ("/public/..;/admin", RefusedOrKept),
    ("/public/%2e%2e;x/admin", RefusedOrKept),
    ("/page;session=1", Forwarded("/page;session=1")),
    ("/a%20b%3a%3A", RefusedOrKept),
];

/// The gateway of [`Fate`].
pub(crate) fn guarded(origin: &Origin) -> Gateway {
    let rules =
        vec![rule(prefix("/admin"), [Target::Refused(Refusal::Broken)]), rule(prefix("/"), [forward("origin")])];
    Gateway::builder().backend("origin", origin).rules("", rules).start()
}

/// Compares what became of a path with its fate.
pub(crate) fn compare(path: &str, fate: Fate, status: u16, forwarded: Option<&str>) {
    match fate {
        Guarded => assert_eq!((status, forwarded), (500, None)),
        Forwarded(target) => assert_eq!((status, forwarded), (200, Some(target))),
        Refused => assert_eq!((status, forwarded), (400, None)),
        RefusedOrKept if status == 400 => assert_eq!(forwarded, None),
        RefusedOrKept => {
            assert_eq!(forwarded.map(str::to_ascii_lowercase), Some(path.replace("%2e", ".").to_ascii_lowercase()));
        }
    }
}

#[test]
fn path_means_the_same_to_the_guard_and_to_the_backend() {
    let origin = Origin::start();
    let gateway = guarded(&origin);
    each(PATHS.iter().map(|(path, fate)| (path, (path, fate))), |(path, fate)| {
        for target in [path.to_string(), format!("http://a.test{path}")] {
            for delivery in [Delivery::Whole, Delivery::Pieces(1)] {
                let mut client = gateway.connect();
                delivery.send(&mut client, format!("GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n").as_bytes());
                let status = client.receive().status;
                let forwarded = origin.take().first().map(crate::harness::Received::target);
                compare(path, **fate, status, forwarded.as_deref());
            }
        }
    });
}

/// Empty segments are kept for everyone or merged for everyone.
#[test]
fn doubled_slashes_are_seen_alike() {
    let origin = Origin::start();
    let gateway = guarded(&origin);
    let paths = ["//admin", "///admin//x", "/public//../admin", "/.//admin", "/public/..//admin"];
    each(paths.map(|path| (path, path)), |path| {
        let mut client = gateway.connect();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n"));
        let status = client.receive().status;
        let forwarded = origin.take().first().map(crate::harness::Received::target);
        match (status, forwarded) {
            (500, None) => {}
            (200, Some(target)) => {
                assert!(
                    target != "/admin" && !target.starts_with("/admin/"),
                    "forwarded as {target}, which is guarded"
                );
                assert!(!target.split('/').any(|segment| segment == ".." || segment == "."), "forwarded as {target}");
            }
            other => panic!("{other:?}"),
        }
    });
}

/// A path that escapes the root closes the connection as any malformed request does.
#[test]
fn refused_path_closes() {
    let cases = ["/..", "/%00", "/%zz", "/x#y", "/a%2Fb"];
    refuse_all(&[400], cases.map(|path| (path, format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n").into_bytes())));
}
