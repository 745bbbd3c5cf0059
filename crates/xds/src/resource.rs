//! What the channel carries: bytes under a name, with a version that is made of them.

use std::{fmt, str::FromStr, sync::Arc};

use aws_lc_rs::digest;
use bytes::Bytes;

/// Bytes of a body that is sent. With its name and what else is in a message it is within what a client takes
/// (`client::session`); 200,000 endpoints of one Service have less.
pub const BODY_BYTES_MAX: usize = 15 * 1024 * 1024;

/// Of what a version is made, this much is digested at once.
const DIGEST_PIECE_BYTES: usize = 4 * 1024;

/// A digest of content. Whoever has the same content has the same version, whichever process made it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version([u8; 16]);

impl Version {
    /// Returns the version of a resource with this body.
    pub fn of(body: &[u8]) -> Self {
        Self::from_digest(&digest::digest(&digest::SHA256, body))
    }

    /// Returns the version of all resources together, given each one's name and version in the names' order.
    pub fn of_all<'a>(resources: impl Iterator<Item = (&'a str, Self)>) -> Self {
        let mut all = digest::Context::new(&digest::SHA256);
        // Thousands of small pieces take longer than what they are made of.
        let mut piece = Vec::with_capacity(2 * DIGEST_PIECE_BYTES);
        for (name, version) in resources {
            // The length keeps one list from reading like another.
            piece.extend_from_slice(&(name.len() as u64).to_le_bytes());
            piece.extend_from_slice(name.as_bytes());
            piece.extend_from_slice(&version.0);
            if piece.len() >= DIGEST_PIECE_BYTES {
                all.update(&piece);
                piece.clear();
            }
        }
        all.update(&piece);
        Self::from_digest(&all.finish())
    }

    /// Half of SHA-256 is as hard to collide with as anybody needs: names and bodies come from tenants.
    fn from_digest(digest: &digest::Digest) -> Self {
        let mut version = [0; 16];
        version.copy_from_slice(&digest.as_ref()[..16]);
        Self(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The text is not a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoVersion;

impl FromStr for Version {
    type Err = NoVersion;

    fn from_str(text: &str) -> Result<Self, NoVersion> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NoVersion);
        }
        u128::from_str_radix(text, 16).map(|number| Self(number.to_be_bytes())).map_err(|_| NoVersion)
    }
}

/// Bytes under a name. A clone shares them.
#[derive(Clone, PartialEq, Eq)]
pub struct Resource {
    pub name: Arc<str>,
    pub version: Version,
    pub body: Bytes,
}

impl Resource {
    pub fn new(name: impl Into<Arc<str>>, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self { name: name.into(), version: Version::of(&body), body }
    }

    /// Returns what is sent in its place, and why, if its body is too long: the same without a body, which nobody can read,
    /// so that whoever has a good one keeps it.
    pub(crate) fn refused(&self) -> Option<(Self, String)> {
        let bytes = self.body.len();
        let why = || format!("it has {bytes} bytes, and proxies take at most {BODY_BYTES_MAX}");
        (bytes > BODY_BYTES_MAX).then(|| (Self { body: Bytes::new(), ..self.clone() }, why()))
    }
}

/// A body may hold a private key.
impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{} ({} bytes)", self.name, self.version, self.body.len())
    }
}

/// What is different from before. Whoever takes it adds first and removes last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// New, or with a new body.
    pub added: Vec<Resource>,
    pub removed: Vec<Arc<str>>,
}
