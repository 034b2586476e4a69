//! The command line asks for what the server offers, and shows what it answers: held against the server's own document.
use super::commands::{commands, queries};
use crate::cli::{alert, audit, device, group, job, node, overview, pod, pool, table::Column, token, user};
use serde_json::Value;

fn document() -> Value {
    serde_json::to_value(crate::http::document()).unwrap()
}

/// The operation that a request line asks for: `PATCH /v1/pools/p/devices?dry_run=true`.
fn operation<'a>(document: &'a Value, line: &str) -> &'a Value {
    let (method, target) = line.split_once(' ').unwrap();
    let path = target.split('?').next().unwrap();
    let fits = |template: &str| {
        let (mut wanted, mut given) = (template.split('/'), path.split('/'));
        let parts =
            wanted.by_ref().zip(given.by_ref()).all(|(wanted, given)| wanted.starts_with('{') || wanted == given);
        parts && template.split('/').count() == path.split('/').count()
    };
    let paths = document["paths"].as_object().unwrap();
    let method = method.to_lowercase();
    // `/v1/users/delete` and `/v1/users/{login}` both fit: the one without a variable is meant.
    let found = paths.iter().filter(|(template, operations)| fits(template) && !operations[&method].is_null());
    let found = found.min_by_key(|(template, _)| template.matches('{').count());
    &found.unwrap_or_else(|| panic!("the server has no {line}")).1[&method]
}

/// The schemas that a schema stands for: references, alternatives and parts looked up.
fn meant<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    if let Some(reference) = schema["$ref"].as_str() {
        return meant(document, document.pointer(reference.trim_start_matches('#')).unwrap());
    }
    let inner = ["allOf", "oneOf", "anyOf"].into_iter().filter_map(|name| schema[name].as_array()).flatten();
    std::iter::once(schema).chain(inner.flat_map(|part| meant(document, part))).collect()
}

fn property<'a>(document: &'a Value, schema: &'a Value, name: &str) -> Option<&'a Value> {
    meant(document, schema).into_iter().map(|schema| &schema["properties"][name]).find(|found| !found.is_null())
}

#[test]
fn every_query_is_one_that_the_server_takes() {
    let document = document();
    for (arguments, line) in queries() {
        let parameters = operation(&document, line)["parameters"].as_array().unwrap();
        let query = line.split_once('?').unwrap().1;
        for name in query.split('&').map(|pair| pair.split('=').next().unwrap()) {
            let known = parameters.iter().any(|parameter| parameter["name"] == name && parameter["in"] == "query");
            assert!(known, "{arguments:?}: {name}");
        }
    }
}

#[test]
fn every_command_is_one_that_the_server_takes() {
    let document = document();
    for (arguments, line, body) in commands() {
        let operation = operation(&document, line);
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        for name in body.as_object().into_iter().flat_map(serde_json::Map::keys) {
            assert!(property(&document, schema, name).is_some(), "{arguments:?}: {name}");
        }
    }
}

#[test]
fn all_that_the_overview_tells_is_what_the_server_answers() {
    let document = document();
    let answer = &operation(&document, "GET /v1/overview")["responses"]["200"]["content"];
    let schema = &answer["application/json"]["schema"];
    let has = |path: &str| path.split('.').try_fold(schema, |schema, name| property(&document, schema, name)).is_some();
    for (title, total, parts) in overview::SORTS {
        let paths = parts.iter().map(|(path, ..)| *path).chain([total].into_iter().filter(|total| !total.is_empty()));
        for path in paths.chain(["cluster.id", "cluster.demonstration", "lag.events", "lag.stalled", "position"]) {
            assert!(has(path), "{title}: {path}");
        }
    }
    let share = &property(&document, schema, "shares").unwrap()["items"];
    for (title, field, _) in overview::SHARES {
        assert!(property(&document, share, field).is_some(), "{title}: {field}");
    }
}

#[test]
fn every_column_is_a_field_that_the_server_answers() {
    let document = document();
    let lists: [(&str, &str, &[Column]); 13] = [
        ("idle-devices", "items", &device::IDLE),
        ("alerts", "items", &alert::COLUMNS),
        ("pools", "items", &pool::COLUMNS),
        ("groups", "items", &group::COLUMNS),
        ("users", "items", &user::COLUMNS),
        ("nodes", "items", &node::COLUMNS),
        ("devices", "items", &device::COLUMNS),
        ("devices", "items", &device::HELD),
        ("jobs", "items", &job::COLUMNS),
        ("tokens", "items", &token::COLUMNS),
        ("pods", "items", &pod::COLUMNS),
        ("pods/summary", "items", &pod::COUNTS),
        ("audit", "events", &audit::COLUMNS),
    ];
    for (noun, field, columns) in lists {
        let answer = &operation(&document, &format!("GET /v1/{noun}"))["responses"]["200"]["content"];
        let page = &answer["application/json"]["schema"];
        let list = property(&document, page, field).unwrap_or_else(|| panic!("{noun} has no {field}: {page}"));
        let item = &list["items"];
        for (title, path, _) in columns {
            let found = path.split('.').try_fold(item, |schema, name| property(&document, schema, name));
            assert!(found.is_some(), "{noun}: {title} is {path}");
        }
    }
}
