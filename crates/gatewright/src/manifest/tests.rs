//! Files come, change, break and go; what is in force is what an API server would hold.

use std::{fs, os::unix::fs::symlink, time::Instant};

use gatewright_core::{
    api::schema::Channel,
    world::{Kind, ObjectKey, ObjectRef, World},
};
use tempfile::TempDir;

use super::{GONE_AFTER, Library, Manifests, Sources};

fn world() -> World {
    use gatewright_core::world::{Controllers, Settings};
    World::new(Settings { controllers: Controllers::All, merge_gateways: true, inspect: crate::inspect::INSPECT })
}

fn service(name: &str, port: &str) -> String {
    format!("apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  ports:\n  - port: {port}\n")
}

/// A library with its World, and the ports of the Services in it.
struct Shelf {
    library: Library,
    world: World,
}

impl Shelf {
    fn new() -> Self {
        Self { library: Library::new(Channel::Experimental), world: world() }
    }

    fn put(&mut self, path: &str, text: &str) {
        self.library.replace(path.as_ref(), text, &mut self.world);
    }

    fn remove(&mut self, path: &str) {
        self.library.remove(path.as_ref(), &mut self.world);
    }

    fn findings(&self) -> Vec<String> {
        self.library.findings().iter().map(ToString::to_string).collect()
    }

    fn ports(&self) -> Vec<(String, u16)> {
        let services = self.world.services.iter();
        services.map(|(key, service)| (key.name.clone(), service.spec.ports[0].port)).collect()
    }
}

fn ports(expected: &[(&str, u16)]) -> Vec<(String, u16)> {
    expected.iter().map(|(name, port)| ((*name).to_owned(), *port)).collect()
}

#[test]
fn an_object_lives_as_long_as_its_file_holds_it() {
    let mut shelf = Shelf::new();
    shelf.put("a.yaml", &format!("{}---\n{}", service("x", "80"), service("w", "81")));
    assert_eq!(shelf.ports(), ports(&[("w", 81), ("x", 80)]));
    shelf.put("a.yaml", &service("w", "82"));
    assert_eq!(shelf.ports(), ports(&[("w", 82)]));
    shelf.remove("a.yaml");
    assert_eq!(shelf.ports(), []);
    assert_eq!(shelf.library.objects(), 0);
}

#[test]
fn what_is_refused_leaves_the_last_good_version() {
    let mut shelf = Shelf::new();
    shelf.put("a.yaml", &service("x", "80"));
    shelf.put("a.yaml", &service("x", "800000"));
    assert_eq!(shelf.ports(), ports(&[("x", 80)]));
    assert!(shelf.findings()[0].starts_with("a.yaml:7:11: error: Service default/x: spec.ports[0].port: 800000"));
    shelf.put("a.yaml", &service("x", "900000"));
    assert_eq!(shelf.ports(), ports(&[("x", 80)]), "also the second time");
    shelf.put("a.yaml", &service("x", "90"));
    assert_eq!((shelf.ports(), shelf.findings()), (ports(&[("x", 90)]), vec![]));
}

#[test]
fn what_cannot_be_named_takes_nothing_away() {
    for broken in
        ["a: [", "kind: Service\n", "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRout\nmetadata: {name: z}\n"]
    {
        let mut shelf = Shelf::new();
        shelf.put("a.yaml", &format!("{}---\n{}", service("x", "80"), service("w", "81")));
        shelf.put("a.yaml", &format!("{}---\n{broken}", service("x", "90")));
        assert_eq!(shelf.ports(), ports(&[("w", 81), ("x", 90)]), "{broken}");
        assert!(!shelf.findings().is_empty(), "{broken}");
        shelf.put("a.yaml", &service("x", "90"));
        assert_eq!(shelf.ports(), ports(&[("x", 90)]), "{broken}");
    }
}

#[test]
fn of_two_the_first_counts() {
    let mut shelf = Shelf::new();
    shelf.put("b.yaml", &service("x", "81"));
    shelf.put("a.yaml", &format!("{}---\n{}", service("x", "80"), service("x", "82")));
    assert_eq!(shelf.ports(), ports(&[("x", 80)]));
    assert_eq!(
        shelf.findings(),
        [
            "a.yaml:9:1: error: Service default/x: has no effect: line 1 holds the same object; accepted: the object once",
            "b.yaml:1:1: error: Service default/x: has no effect: a.yaml holds the same object; accepted: the object once",
        ]
    );
    shelf.remove("a.yaml");
    assert_eq!((shelf.ports(), shelf.findings()), (ports(&[("x", 81)]), vec![]));
}

#[test]
fn lists_are_their_items_and_strangers_are_counted() {
    let mut shelf = Shelf::new();
    let indent = |text: String| text.replace('\n', "\n  ");
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- {}\n- {}\n",
        indent(service("x", "80")),
        indent(service("w", "81"))
    );
    shelf.put("a.yaml", &format!("{list}---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d}}\n"));
    assert_eq!(shelf.ports(), ports(&[("w", 81), ("x", 80)]));
    assert_eq!((shelf.findings(), shelf.library.ignored()), (vec![], 1));
    let w = ObjectRef { kind: Kind::Service, key: ObjectKey::new("default", "w") };
    let place = |field| shelf.library.place(&w, field).map(|(_, at)| (at.line, at.column));
    assert_eq!(place("spec.ports[0].port"), Some((18, 13)));
    assert_eq!(place("spec.ports[0].name"), Some((18, 7)), "the nearest that was written");
}

#[test]
fn a_document_that_moved_keeps_its_object_and_knows_its_place() {
    let mut shelf = Shelf::new();
    shelf.put("a.yaml", &format!("{}---\n{}", service("x", "80"), service("w", "800000")));
    let line = |shelf: &Shelf| shelf.library.findings()[0].line;
    assert_eq!(line(&shelf), 15);
    shelf.put("a.yaml", &format!("# a line more\n{}---\n{}", service("x", "80"), service("w", "800000")));
    assert_eq!(line(&shelf), 16);
}

/// A folder that is looked at.
struct Desk {
    folder: TempDir,
    manifests: Manifests,
    world: World,
}

impl Desk {
    fn new(recursive: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sources = Sources { paths: vec![folder.path().to_owned()], recursive };
        Self { folder, manifests: Manifests::new(sources, Channel::Experimental), world: world() }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Looks until nothing more is to come, and returns the names of the Services.
    fn look(&mut self) -> Vec<String> {
        while let Some(again) = self.manifests.refresh(None, &mut self.world).again {
            std::thread::sleep(again.saturating_duration_since(Instant::now()));
        }
        self.world.services.keys().map(|key| key.name.clone()).collect()
    }
}

#[test]
fn a_folder_is_its_manifests() {
    let mut desk = Desk::new(false);
    desk.write("a.yaml", &service("a", "80"));
    desk.write("b.yml", &service("b", "80"));
    desk.write(
        "c.json",
        r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"c"},"spec":{"ports":[{"port":80}]}}"#,
    );
    desk.write(".hidden.yaml", &service("hidden", "80"));
    desk.write("notes.txt", "not: yaml: at: all");
    fs::create_dir(desk.folder.path().join("more")).unwrap();
    desk.write("more/d.yaml", &service("d", "80"));
    assert_eq!(desk.look(), ["a", "b", "c"]);
    assert_eq!(desk.manifests.findings(), []);

    let mut deep = Desk {
        manifests: Manifests::new(
            Sources { paths: vec![desk.folder.path().to_owned()], recursive: true },
            Channel::Standard,
        ),
        ..Desk::new(true)
    };
    symlink("..", desk.folder.path().join("more/around")).unwrap();
    assert_eq!(deep.look(), ["a", "b", "c", "d"], "and a circle of links ends");
}

#[test]
fn a_file_that_is_gone_for_a_moment_only_was_never_gone() {
    let mut desk = Desk::new(false);
    desk.write("a.yaml", &service("a", "80"));
    assert_eq!(desk.look(), ["a"]);
    fs::remove_file(desk.folder.path().join("a.yaml")).unwrap();
    let refresh = desk.manifests.refresh(None, &mut desk.world);
    assert!(!refresh.is_changed && refresh.again.is_some_and(|again| again <= Instant::now() + GONE_AFTER));
    assert_eq!(desk.world.services.len(), 1);
    desk.write("a.yaml", &service("a", "81"));
    assert_eq!(desk.look(), ["a"]);
    fs::remove_file(desk.folder.path().join("a.yaml")).unwrap();
    assert_eq!(desk.look(), <[&str; 0]>::default());
}

#[test]
fn a_source_that_cannot_be_looked_at_takes_nothing_away() {
    let mut desk = Desk::new(false);
    desk.write("a.yaml", &service("a", "80"));
    assert_eq!(desk.look(), ["a"]);
    let aside = desk.folder.path().with_extension("aside");
    fs::rename(desk.folder.path(), &aside).unwrap();
    assert_eq!(desk.look(), ["a"]);
    assert!(desk.manifests.findings()[0].problem.contains("No such file"));
    fs::rename(&aside, desk.folder.path()).unwrap();
    assert_eq!((desk.look(), desk.manifests.findings()), (vec!["a".to_owned()], vec![]));
}

#[test]
fn what_is_no_text_is_a_finding_and_keeps_the_last_good_version() {
    let mut desk = Desk::new(false);
    desk.write("a.yaml", &service("a", "80"));
    desk.look();
    fs::write(desk.folder.path().join("a.yaml"), b"a\n\xff").unwrap();
    assert_eq!(desk.look(), ["a"]);
    assert!(desk.manifests.findings()[0].problem.contains("not UTF-8 at line 2"));
}
