use super::*;
use crate::status::sample::accepted;

const OURS: &str = "gatewright.dev/gateway-controller";
const NOW: Time = Time(2_000_000_000);

fn desk() -> Desk {
    let desk = Desk::new(Controllers::Named(vec![OURS.to_owned()]));
    desk.open();
    desk
}

#[test]
fn a_desk_that_is_closed_gives_nothing_out() {
    let desk = Desk::new(Controllers::Named(vec![OURS.to_owned()]));
    desk.saw(&class(), stored(1, ""));
    say(&desk, 1);
    assert!(desk.take(NOW).is_none());
    desk.open();
    assert!(desk.take(NOW).is_some());
}

fn class() -> ObjectRef {
    ObjectRef::new(Kind::GatewayClass, "", "c")
}

fn stored(version: u64, status: &str) -> Stored {
    Stored { resource_version: version.to_string(), uid: "u".into(), status: status.into(), ..Stored::default() }
}

fn say(desk: &Desk, generation: i64) {
    let statuses = BTreeMap::from([(class(), accepted(generation))]);
    desk.draft(&[class()].into(), &statuses);
    desk.say(&[class()].into());
}

/// The class `c`, deleted and made anew.
fn made_anew(version: u64) -> Stored {
    Stored { uid: "v".into(), ..stored(version, "") }
}

/// What the API server holds after a write, as the next version.
fn carried_out(version: u64, write: Write) -> Stored {
    match write {
        Write::Status(status) => stored(version, &status.to_string()),
        Write::Finalizers(finalizers) => Stored { finalizers, ..stored(version, "") },
    }
}

#[test]
fn an_object_is_written_once_for_each_change() {
    let desk = desk();
    desk.saw(&class(), stored(1, ""));
    say(&desk, 1);
    let (object, before, write) = desk.take(NOW).unwrap();
    assert_eq!((object, before.resource_version.as_str()), (class(), "1"));
    assert!(desk.take(NOW).is_none());
    let after = carried_out(2, write);
    desk.returned(&class(), "u", Some(after.clone()));
    assert!(desk.take(NOW).is_none());
    // The watch tells of it, late, and first of what was before it.
    desk.saw(&class(), stored(1, ""));
    desk.saw(&class(), after);
    assert!(desk.take(NOW).is_none());
    say(&desk, 1);
    assert!(desk.take(NOW).is_none());
    say(&desk, 2);
    assert!(desk.take(NOW).is_some());
}

#[test]
fn what_changes_while_a_write_is_out_waits_for_it() {
    let desk = desk();
    desk.saw(&class(), stored(1, ""));
    say(&desk, 1);
    let (_, _, write) = desk.take(NOW).unwrap();
    say(&desk, 2);
    assert!(desk.take(NOW).is_none());
    desk.returned(&class(), "u", Some(carried_out(2, write)));
    let (_, before, _) = desk.take(NOW).unwrap();
    assert_eq!(before.resource_version, "2");
}

#[test]
fn what_somebody_else_overwrote_is_written_again() {
    let desk = desk();
    desk.saw(&class(), stored(1, ""));
    say(&desk, 1);
    let (_, _, write) = desk.take(NOW).unwrap();
    desk.returned(&class(), "u", Some(carried_out(2, write)));
    desk.saw(&class(), stored(3, r#"{"conditions":[]}"#));
    assert!(matches!(desk.take(NOW), Some((_, before, Write::Status(_))) if before.resource_version == "3"));
}

#[test]
fn a_write_that_comes_back_late_is_not_taken_for_the_object_that_was_made_anew() {
    let desk = desk();
    desk.saw(&class(), stored(1, ""));
    say(&desk, 1);
    let (_, _, write) = desk.take(NOW).unwrap();
    desk.lost(&class());
    desk.saw(&class(), made_anew(4));
    desk.returned(&class(), "u", Some(carried_out(2, write)));
    say(&desk, 1);
    let (_, before, write) = desk.take(NOW).unwrap();
    assert_eq!(before.uid, "v");
    // The new one's write is out, whatever comes of the old one's.
    say(&desk, 2);
    desk.returned(&class(), "u", None);
    desk.gone(&class(), "u");
    assert!(desk.take(NOW).is_none());
    desk.returned(&class(), "v", Some(Stored { uid: "v".into(), ..carried_out(5, write) }));
    assert!(desk.take(NOW).is_some());
}

#[test]
fn nothing_is_written_to_an_object_made_anew_before_the_compiler_spoke_of_it() {
    let desk = desk();
    desk.saw(&class(), stored(1, ""));
    desk.newcomers();
    say(&desk, 1);
    // A list after a watch that was cut does not say that the old one is gone.
    desk.saw(&class(), made_anew(4));
    assert!(desk.take(NOW).is_none());
    assert_eq!(desk.newcomers(), [class()].into());
    say(&desk, 1);
    assert!(desk.take(NOW).is_some());
}

#[test]
fn an_object_that_only_a_write_found_made_anew_is_left_to_the_watch() {
    let desk = desk();
    desk.saw(&class(), stored(1, ""));
    say(&desk, 1);
    desk.take(NOW).unwrap();
    desk.returned(&class(), "u", Some(made_anew(4)));
    assert!(desk.take(NOW).is_none());
    desk.lost(&class());
    desk.saw(&class(), made_anew(4));
    say(&desk, 1);
    assert!(matches!(desk.take(NOW), Some((_, before, _)) if before.uid == "v"));
}

#[test]
fn a_class_in_use_has_the_finalizer_and_others_keep_theirs() {
    let desk = desk();
    desk.saw(&class(), Stored { finalizers: vec!["example.com/f".into()], ..stored(1, "") });
    desk.use_classes(&BTreeMap::from([(class(), true)]));
    let (_, _, write) = desk.take(NOW).unwrap();
    assert_eq!(write, Write::Finalizers(vec!["example.com/f".into(), FINALIZER.into()]));
    desk.returned(&class(), "u", Some(carried_out(2, write)));
    desk.use_classes(&BTreeMap::from([(class(), false)]));
    let (_, _, write) = desk.take(NOW).unwrap();
    assert_eq!(write, Write::Finalizers(vec!["example.com/f".into()]));
}

#[test]
fn a_route_that_is_no_longer_ours_is_cleaned() {
    let desk = desk();
    let route = ObjectRef::new(Kind::HttpRoute, "n", "r");
    let status = format!(
        r#"{{"parents":[{{"parentRef":{{"name":"g"}},"controllerName":"{OURS}","conditions":[]}},
            {{"parentRef":{{"name":"g"}},"controllerName":"example.com/other","conditions":[]}}]}}"#
    );
    desk.saw(&route, stored(1, &status));
    assert!(desk.take(NOW).is_none(), "nobody knows yet whether it is ours");
    desk.draft(&[route.clone()].into(), &BTreeMap::new());
    desk.say(&[route].into());
    let Some((_, _, Write::Status(status))) = desk.take(NOW) else { panic!("nothing is written") };
    let names: Vec<_> = status["parents"].as_array().unwrap().iter().map(|it| &it["controllerName"]).collect();
    assert_eq!(names, ["example.com/other"]);
}

#[test]
fn what_nobody_ever_wrote_to_is_left_alone() {
    let desk = desk();
    let route = ObjectRef::new(Kind::HttpRoute, "n", "r");
    desk.saw(&route, stored(1, r#"{"parents":[]}"#));
    desk.draft(&[route.clone()].into(), &BTreeMap::new());
    desk.say(&[route].into());
    assert!(desk.take(NOW).is_none());
}

#[test]
fn a_field_that_we_no_longer_say_is_taken_out_of_the_stored_status() {
    let old = serde_json::json!({"conditions": [], "addresses": [{"value": "192.0.2.1"}]});
    let new = serde_json::json!({"conditions": []});
    assert_eq!(patch(&old, new), serde_json::json!({"conditions": [], "addresses": null}));
}
