use serde_json::json;

use super::*;

fn id() -> Id {
    Id { kind: Made::Service, namespace: "a".into(), name: "g".into() }
}

fn object(version: u64) -> Value {
    json!({"metadata": {"namespace": "a", "name": "g", "resourceVersion": version.to_string()}})
}

fn listed(stock: &mut Stock, objects: &[Value]) {
    stock.take(Made::Service, Event::Init);
    objects.iter().for_each(|object| stock.take(Made::Service, Event::InitApply(object.clone())));
    stock.take(Made::Service, Event::InitDone);
}

fn version_of(stock: &Stock) -> Option<u64> {
    stock.get(&id()).and_then(version)
}

#[test]
fn an_answer_counts_until_the_watch_has_come_to_it() {
    let mut stock = Stock::default();
    listed(&mut stock, &[]);
    let lists = stock.lists();
    stock.put(id(), object(5), lists);
    assert_eq!(version_of(&stock), Some(5));
    stock.take(Made::Service, Event::Apply(object(7)));
    stock.put(id(), object(6), lists);
    assert_eq!(version_of(&stock), Some(7));
}

#[test]
fn an_answer_that_comes_after_the_object_went_brings_it_not_back() {
    let mut stock = Stock::default();
    listed(&mut stock, &[]);
    let lists = stock.lists();
    stock.take(Made::Service, Event::Apply(object(5)));
    stock.take(Made::Service, Event::Delete(object(6)));
    stock.put(id(), object(5), lists);
    assert_eq!(version_of(&stock), None);
    listed(&mut stock, &[]);
    stock.put(id(), object(7), lists);
    assert_eq!(version_of(&stock), None, "a list that came meanwhile knows better");
}
