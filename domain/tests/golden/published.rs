//! What the tables say of each event is what serde writes of it.
use crate::samples::samples;
use domain::{
    Event, NOUNS,
    published::{Field, Shape},
    stored::TYPES,
};
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn every_event_is_in_the_tables_once_under_the_kind_of_its_main_subject_or_access() {
    let listed: Vec<_> = NOUNS.iter().flat_map(|noun| noun.events).map(|event| event.name).collect();
    let names: BTreeSet<_> = listed.iter().copied().collect();
    assert_eq!(listed.len(), names.len(), "a name stands twice");
    assert_eq!(names, TYPES.iter().map(|stored| stored.name).collect());
    for sample in samples() {
        let event = &sample.recorded.event;
        let noun = NOUNS.iter().find(|noun| noun.events.iter().any(|listed| listed.name == event.name()));
        assert_eq!(noun.map(|noun| noun.entity), Some(event.entity()));
        let access = matches!(event, Event::Access(_));
        let entity = if access { "access" } else { event.subjects()[0].entity() };
        assert_eq!(event.entity(), entity, "{}", event.name());
    }
}

#[test]
fn every_field_that_serde_writes_is_in_the_tables_and_no_other() {
    for sample in samples() {
        let event = &sample.recorded.event;
        compare(event.name(), fields(event), &serde_json::to_value(event).expect("an event is JSON"));
    }
}

fn fields(event: &Event) -> &'static [Field] {
    let mut listed = NOUNS.iter().flat_map(|noun| noun.events);
    listed.find(|listed| listed.name == event.name()).expect("every event is listed").fields
}

fn compare(whose: &str, fields: &[Field], written: &Value) {
    let written = written.as_object().unwrap_or_else(|| panic!("{whose} is no object"));
    let names: BTreeSet<_> = fields.iter().map(|field| field.name).collect();
    assert_eq!(names, written.keys().map(String::as_str).collect(), "{whose}");
    for field in fields {
        descend(&format!("{whose}.{}", field.name), &field.shape, &written[field.name]);
    }
}

fn descend(whose: &str, shape: &Shape, written: &Value) {
    match (shape, written) {
        (Shape::Record(record), _) => compare(whose, record.fields, written),
        (Shape::List(item), Value::Array(items)) => items.iter().for_each(|written| descend(whose, item, written)),
        (Shape::Optional(_), Value::Null)
        | (Shape::Free | Shape::Text(_) | Shape::Choice(_), Value::String(_))
        | (Shape::Count(_), Value::Number(_))
        | (Shape::Flag, Value::Bool(_)) => {}
        (Shape::Optional(inner), _) => descend(whose, inner, written),
        _ => panic!("{whose}: {written} is no {shape:?}"),
    }
}
