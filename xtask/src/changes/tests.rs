use std::{fs, time::Duration};

use super::{
    edit::{Edit, TURN, apply},
    origin::Origins,
    report::{InForce, Promise, Report},
    site::{Ports, Site},
};
use crate::{
    certificate::Authority,
    load::{Tally, Via},
};

const PORTS: Ports = Ports { http: 1, https: 2 };

fn text(folder: &tempfile::TempDir) -> String {
    let mut files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn a_turn_changes_the_files_each_time_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new().unwrap();
    let origins = Origins { http: [3, 4, 5, 6], websocket: 7 };
    let mut site = Site::create(folder.path(), origins, PORTS, authority.issue("a.example.com").unwrap()).unwrap();
    let files = fs::read_dir(folder.path()).unwrap().count();
    let mut before = text(&folder);
    for (number, edit) in (1..).zip(TURN) {
        apply(edit, number, &mut site, PORTS, &authority).unwrap();
        let after = text(&folder);
        assert_ne!(before, after, "{edit:?}");
        before = after;
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), files);
    assert_eq!(site.extra_port, None);
}

#[test]
fn some_backend_always_has_weight() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new().unwrap();
    let origins = Origins { http: [3, 4, 5, 6], websocket: 7 };
    let mut site = Site::create(folder.path(), origins, PORTS, authority.issue("a.example.com").unwrap()).unwrap();
    for number in 1..40 {
        for edit in [Edit::Weights, Edit::Backends] {
            apply(edit, number, &mut site, PORTS, &authority).unwrap();
            assert!(site.weights.iter().sum::<u32>() > 0, "{edit:?} {number}");
        }
    }
}

#[test]
fn report_says_what_was_not_kept() {
    let tally = Tally::default();
    for _ in 0..5 {
        tally.record(Via::Http1, Duration::from_millis(1), &Ok(()));
    }
    let promise = Promise { requests_min: 5, in_force_ms_max: 50.0 };
    let in_force = |milliseconds: f64| InForce {
        edits: 1,
        milliseconds: [(Edit::Weights, vec![milliseconds])].into(),
        never: Vec::new(),
    };
    let report = |milliseconds| Report::new("c".into(), in_force(milliseconds), tally.counts());
    assert!(report(50.0).missed(&promise).is_empty());
    assert_eq!(report(50.1).missed(&promise), ["edits took 50.1 ms at p99"]);
    tally.record(Via::WebSocket, Duration::ZERO, &Err(anyhow::anyhow!("cut")));
    assert_eq!(report(50.0).missed(&promise), ["1 requests failed"]);
    assert!(report(50.0).table().contains("WebSocket at : cut"));
}
