use super::*;

fn broken(path: &str, text: &str) -> Vec<String> {
    Source { path: path.to_owned(), text: text.to_owned() }.broken()
}

#[test]
fn the_repository_is_tidy() {
    run(&Args {}).unwrap();
}

#[test]
fn a_file_that_keeps_the_rules_is_not_named() {
    assert!(broken("crates/core/src/plan/mod.rs", "//! What it is.\n\nuse std::net::SocketAddr;\n").is_empty());
}

#[test]
fn long_files_are_named_unless_they_are_tests() {
    let long = "//! Long.\n".to_owned() + &"\n".repeat(LINES_MAX);
    assert_eq!(broken("crates/proxy/src/a.rs", &long).len(), 1);
    assert!(broken("crates/proxy/src/a/tests.rs", &long).is_empty());
}

#[test]
fn empty_names_are_named() {
    for path in ["crates/proxy/src/utils.rs", "crates/proxy/src/common/a.rs", "xtask/src/manager/mod.rs"] {
        assert_eq!(broken(path, "//! A.\n").len(), 1, "{path}");
    }
    assert!(broken("crates/proxy/src/commonplace.rs", "//! A.\n").is_empty());
}

#[test]
fn a_module_says_what_it_is_for() {
    assert_eq!(broken("crates/proxy/src/a.rs", "use std::io;\n").len(), 1);
}

#[test]
fn the_core_does_nothing_but_decide() {
    for line in [
        "use std::fs;",
        "use std::{fs, io};",
        "use std::time::{Duration, Instant};",
        "let now = std::time::SystemTime::now();",
        "use std::collections::hash_map::RandomState;",
        "let home = std::env::var(\"HOME\");",
        "use tokio::sync::mpsc;",
        "let n = fastrand::u32(..);",
    ] {
        let text = format!("//! A.\n{line}\n");
        assert_eq!(broken("crates/core/src/a.rs", &text).len(), 1, "{line}");
        assert!(broken("crates/proxy/src/a.rs", &text).is_empty());
        assert!(broken("crates/core/src/a/tests.rs", &text).is_empty());
    }
    let innocent = "//! A.\nuse std::time::Duration;\n// std::fs is not for us\nlet env = path::process(fs);\n";
    assert!(broken("crates/core/src/a.rs", innocent).is_empty());
}

#[test]
fn nothing_is_left_for_later() {
    assert_eq!(broken("crates/proxy/src/a.rs", concat!("//! A.\n// TO", "DO: more\n")).len(), 1);
}

#[test]
fn dependencies_have_their_reasons() {
    let architecture = "| `serde` | core | why |\n| `tokio` | proxy | why |\n| `gatewright-core` | - | ours |";
    let check = |path, manifest| broken_by_manifest(path, manifest, architecture).len();
    assert_eq!(check("crates/core/Cargo.toml", "[dependencies]\nserde.workspace = true\n"), 0);
    assert_eq!(check("crates/core/Cargo.toml", "[dependencies]\ntokio.workspace = true\n"), 1);
    assert_eq!(check("crates/proxy/Cargo.toml", "[dependencies]\ntokio = { workspace = true }\n"), 0);
    assert_eq!(check("crates/proxy/Cargo.toml", "[dev-dependencies]\nnew = \"1\"\n[lints]\nworkspace = true\n"), 1);
    let kubernetes = "[dependencies]\ngatewright-core = { workspace = true, features = [\"translate\"] }\n";
    assert_eq!(check("crates/proxy/Cargo.toml", kubernetes), 1);
}
