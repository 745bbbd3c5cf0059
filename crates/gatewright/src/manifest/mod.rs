//! Manifests: from files on disk to objects that may be compiled.

pub(crate) mod yaml;
