//! Golden cases: one YAML file holds a world, and what must come of it.
//!
//! A case in `testdata/` has two documents. The first is the input: `objects`, what was `observed`, and `requests`. The
//! second is the output: every status, every finding, the Plan, and the rule that each request hits. Nothing is added in
//! between: a case is whole by itself. `GOLDEN=write cargo test -p gatewright-core golden` writes the second documents
//! anew; they are to be read line by line before they are committed.

mod input;
mod output;
mod yaml;

use std::{fs, path::PathBuf};

use proptest::prelude::*;

use crate::{compile, world::Object};

fn cases() -> Vec<PathBuf> {
    let mut cases = Vec::new();
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/testdata")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.extension() {
                None => folders.push(path),
                Some(extension) if extension == "yaml" => cases.push(path),
                Some(_) => {}
            }
        }
    }
    cases.sort();
    cases
}

fn output(input: &input::Input) -> String {
    let world = input.world(|objects| objects);
    yaml::write(&output::render(&compile(&world), &input.requests))
}

#[test]
fn every_case_comes_out_as_written() {
    let write = std::env::var("GOLDEN").is_ok_and(|mode| mode == "write");
    let mut wrong = Vec::new();
    let cases = cases();
    assert!(!cases.is_empty(), "no case was found");
    for path in cases {
        let text = fs::read_to_string(&path).unwrap();
        let (given, expected) = text.split_once("\n---\n").unwrap_or((text.trim_end(), ""));
        let found = output(&input::read(given).unwrap_or_else(|why| panic!("{}: {why}", path.display())));
        if found == expected {
            continue;
        }
        if write {
            fs::write(&path, format!("{given}\n---\n{found}")).unwrap();
        }
        let line = found.lines().zip(expected.lines()).take_while(|(found, expected)| found == expected).count();
        let at = |text: &str| text.lines().nth(line).unwrap_or("nothing").to_owned();
        wrong.push(format!("{}: expected {:?}, found {:?}", path.display(), at(expected), at(&found)));
    }
    assert!(write || wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A case whose expectation can be anything would not be read: each must say something.
#[test]
fn no_case_is_without_an_output() {
    for path in cases() {
        let text = fs::read_to_string(&path).unwrap();
        let (_, expected) = text.split_once("\n---\n").unwrap_or_else(|| panic!("{}: no output", path.display()));
        assert!(expected.contains("statuses:"), "{}", path.display());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The order in which objects arrive changes nothing.
    #[test]
    fn input_order_changes_nothing(case in prop::sample::select(cases()), seed in any::<u64>()) {
        let text = fs::read_to_string(case).unwrap();
        let input = input::read(text.split("\n---\n").next().unwrap()).unwrap();
        let shuffled = input.world(|mut objects| {
            let mut state = seed | 1;
            for i in (1..objects.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                objects.swap(i, (state >> 33) as usize % (i + 1));
            }
            objects
        });
        prop_assert_eq!(yaml::write(&output::render(&compile(&shuffled), &input.requests)), output(&input));
    }

    /// Any part of any object may be missing, or be another's: there is always an outcome.
    #[test]
    fn crippled_worlds_never_panic(case in prop::sample::select(cases()), cuts in prop::collection::vec((any::<u32>(), any::<u32>()), 1..12)) {
        let text = fs::read_to_string(case).unwrap();
        let mut input = input::read(text.split("\n---\n").next().unwrap()).unwrap();
        for (at, with) in cuts {
            cripple(&mut input.objects, at, with);
        }
        let readable = |objects: Vec<serde_json::Value>| {
            objects.into_iter().filter(|object| Object::from_value(object.clone()).is_ok()).collect()
        };
        let _ = output::render(&compile(&input.world(readable)), &input.requests);
    }
}

/// Replaces one value somewhere in the objects by another one out of them.
fn cripple(objects: &mut [serde_json::Value], at: u32, with: u32) {
    let mut paths = Vec::new();
    for (i, object) in objects.iter().enumerate() {
        pointers(object, format!("/{i}"), &mut paths);
    }
    let root = serde_json::Value::Array(objects.to_vec());
    let pick = |n: u32| paths.get(n as usize % paths.len().max(1));
    let (Some(at), Some(with)) = (pick(at), pick(with)) else { return };
    let mut changed = root.clone();
    if let (Some(slot), Some(value)) = (changed.pointer_mut(at), root.pointer(with)) {
        *slot = value.clone();
    }
    for (slot, object) in objects.iter_mut().zip(changed.as_array().unwrap()) {
        *slot = object.clone();
    }
}

fn pointers(value: &serde_json::Value, at: String, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(map) => map.iter().for_each(|(key, value)| {
            pointers(value, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
        }),
        serde_json::Value::Array(list) => {
            list.iter().enumerate().for_each(|(i, value)| pointers(value, format!("{at}/{i}"), found));
        }
        _ => {}
    }
    found.push(at);
}
