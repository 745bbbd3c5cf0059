//! Which files hold manifests, and whether they changed. Reads no manifest.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// What a person pointed at.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    /// Files, whatever their names, and folders.
    pub(crate) paths: Vec<PathBuf>,
    /// Whether the folders of a folder count, as with `kubectl --recursive`.
    pub(crate) recursive: bool,
}

/// Tells one version of a file from another without reading it. A replaced file has another inode, a rewritten one
/// another time or size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// What the sources hold now.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Manifest files, in the order that decides between two of the same object.
    pub(crate) files: BTreeMap<PathBuf, Stamp>,
    /// Folders in which a change would change this scan: those read, and those that files really lie in.
    pub(crate) folders: BTreeSet<PathBuf>,
    /// What could not be looked at.
    pub(crate) unreadable: BTreeMap<PathBuf, io::Error>,
    /// Folders read so far: one that is reached twice through links is read once, which also ends cycles.
    visited: BTreeSet<PathBuf>,
}

impl Sources {
    pub(crate) fn scan(&self) -> Scan {
        let mut scan = Scan::default();
        for path in &self.paths {
            match fs::metadata(path) {
                Ok(metadata) if metadata.is_dir() => scan.folder(path, self.recursive),
                Ok(metadata) => scan.file(path.clone(), &metadata),
                Err(error) => {
                    scan.watch_parent(path);
                    scan.unreadable.insert(path.clone(), error);
                }
            }
        }
        scan
    }
}

impl Scan {
    /// Takes the `.yaml`, `.yml` and `.json` files of a folder. Names that begin with a dot are those of editors and of
    /// mounted ConfigMaps, whose entries are links into `..data`.
    fn folder(&mut self, folder: &Path, recursive: bool) {
        let real = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        self.folders.insert(real.clone());
        if !self.visited.insert(real) {
            return;
        }
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                self.unreadable.insert(folder.to_owned(), error);
                return;
            }
        };
        for entry in entries.flatten().filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b".")) {
            let path = entry.path();
            // Through links; what vanished since it was listed is gone.
            let Ok(metadata) = fs::metadata(&path) else { continue };
            if metadata.is_dir() {
                if recursive {
                    self.folder(&path, recursive);
                }
            } else if is_manifest(&path) {
                self.file(path, &metadata);
            }
        }
    }

    fn file(&mut self, path: PathBuf, metadata: &Metadata) {
        self.watch_parent(&path);
        if let Ok(real) = fs::canonicalize(&path) {
            self.watch_parent(&real);
        }
        self.files.insert(path, Stamp::of(metadata));
    }

    fn watch_parent(&mut self, path: &Path) {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if let Ok(parent) = fs::canonicalize(parent) {
            self.folders.insert(parent);
        }
    }
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known))
}
