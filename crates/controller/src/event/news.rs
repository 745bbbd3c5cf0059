//! What is new and bad in a status. A pure function of the old one and the new one.

use serde_json::Value;

/// News of one change of an object; a Gateway with 64 bad listeners is no better understood by 64 Events.
const NEWS_MAX: usize = 8;

/// Conditions that a person acts on when they are bad, and the status in which they are.
const WATCHED: [(&str, &str); 5] = [
    ("Accepted", "False"),
    ("ResolvedRefs", "False"),
    ("Programmed", "False"),
    ("SupportedVersion", "False"),
    ("PartiallyInvalid", "True"),
];

/// Reasons that mostly mend themselves within seconds, and those that merely sum up what listeners say themselves.
const PASSED_OVER: [&str; 4] = ["Pending", "AddressNotAssigned", "ListenersNotValid", "ListenersNotResolved"];

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct News {
    /// What was tried: the condition's type.
    pub(crate) action: &'static str,
    /// The condition's.
    pub(crate) reason: String,
    /// The condition's message, with the part of the object that it is about.
    pub(crate) note: String,
}

/// Returns what became bad, or is bad for another reason than before. Entries of other controllers are not ours to tell.
pub(crate) fn of_statuses(old: &Value, new: &Value, is_ours: &dyn Fn(&str) -> bool) -> Vec<News> {
    let mut news = Vec::new();
    of_conditions(&mut news, "", old, new, false);
    of_rejections(&mut news, old, new);
    let is_whole_bad = is_bad(new, "Accepted");
    for listener in items(new, "listeners") {
        let before = find(old, "listeners", listener, &["name"]);
        of_conditions(&mut news, &format!("listener {}: ", text(listener, "name")), before, listener, is_whole_bad);
    }
    for (list, reference) in [("parents", "parentRef"), ("ancestors", "ancestorRef")] {
        for entry in items(new, list).iter().filter(|entry| is_ours(text(entry, "controllerName"))) {
            let before = find(old, list, entry, &["controllerName", reference]);
            of_conditions(&mut news, &format!("{}: ", named(&entry[reference])), before, entry, false);
        }
    }
    news.truncate(NEWS_MAX);
    news
}

/// A Gateway that is programmed says in its message what of it is not in force, such as what a proxy rejected.
fn of_rejections(news: &mut Vec<News>, old: &Value, new: &Value) {
    const ACTION: &str = "Programmed";
    let Some(now) = condition(new, ACTION).filter(|it| text(it, "status") == "True") else { return };
    let note = text(now, "message");
    if !note.is_empty() && condition(old, ACTION).is_none_or(|before| text(before, "message") != note) {
        news.push(News { action: ACTION, reason: "PartlyProgrammed".to_owned(), note: note.to_owned() });
    }
}

/// `is_whole_bad` when what this is a part of is not accepted.
fn of_conditions(news: &mut Vec<News>, place: &str, old: &Value, new: &Value, is_whole_bad: bool) {
    for (action, bad) in WATCHED {
        let Some(condition) = condition(new, action).filter(|it| text(it, "status") == bad) else { continue };
        let reason = text(condition, "reason");
        // What cannot be accepted or resolved is not programmed either: it is said once.
        let is_explained = is_whole_bad || is_bad(new, "Accepted") || is_bad(new, "ResolvedRefs");
        let is_echo = action == "Programmed" && is_explained;
        let was_so = self::condition(old, action).is_some_and(|before| is_same(before, condition));
        if is_echo || was_so || PASSED_OVER.contains(&reason) {
            continue;
        }
        let note = format!("{place}{}", text(condition, "message"));
        news.push(News { action, reason: reason.to_owned(), note });
    }
}

fn is_same(before: &Value, now: &Value) -> bool {
    ["status", "reason", "message"].into_iter().all(|field| text(before, field) == text(now, field))
}

fn is_bad(holder: &Value, r#type: &str) -> bool {
    condition(holder, r#type).is_some_and(|condition| text(condition, "status") == "False")
}

fn condition<'v>(holder: &'v Value, r#type: &str) -> Option<&'v Value> {
    items(holder, "conditions").iter().find(|condition| text(condition, "type") == r#type)
}

/// Returns the entry of an old list that a new one takes the place of, or nothing.
fn find<'v>(old: &'v Value, list: &str, entry: &Value, keys: &[&str]) -> &'v Value {
    let is_it = |old: &&Value| keys.iter().all(|key| old[key] == entry[key]);
    items(old, list).iter().find(is_it).unwrap_or(&Value::Null)
}

/// Names what a parentRef or ancestorRef means, such as `Gateway a/g, section http`.
fn named(reference: &Value) -> String {
    let kind = reference["kind"].as_str().unwrap_or("Gateway");
    let namespace = reference["namespace"].as_str().map_or_else(String::new, |namespace| format!("{namespace}/"));
    let section = reference["sectionName"].as_str().map_or_else(String::new, |section| format!(", section {section}"));
    format!("{kind} {namespace}{}{section}", text(reference, "name"))
}

fn items<'v>(value: &'v Value, list: &str) -> &'v [Value] {
    value[list].as_array().map_or(&[], Vec::as_slice)
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests;
