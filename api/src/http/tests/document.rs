//! The OpenAPI document says what is there, and nothing else.
use crate::http::{
    auth::RULES,
    document,
    testing::{Call, Fixture},
};
use serde_json::Value;
use std::collections::BTreeSet;

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

/// What the document leaves out: itself, the one of the messages, and pages for people.
pub(super) const UNLISTED: [&str; 5] = ["/openapi.json", "/asyncapi.json", "/problems", "/problems/{code}", "/roles"];

pub(super) fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        let of = |method: &&str| item.get(*method).map(|op| (method.to_uppercase(), path.clone(), op.clone()));
        METHODS.iter().filter_map(of).collect::<Vec<_>>()
    });
    all.collect()
}

#[test]
fn every_route_is_in_the_table_of_who_may_and_the_other_way_round() {
    let document = serde_json::to_value(document()).unwrap();
    let listed: BTreeSet<(String, String)> =
        operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    let ruled = RULES.iter().filter(|(_, path, _)| !UNLISTED.contains(path));
    let ruled: BTreeSet<(String, String)> =
        ruled.map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(listed, ruled);
}

#[test]
fn it_is_openapi_3_1_and_every_reference_leads_somewhere() {
    let document = serde_json::to_value(document()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer} leads nowhere");
    }
}

#[test]
fn every_operation_is_described_and_named_once() {
    let document = serde_json::to_value(document()).unwrap();
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap().to_owned();
        assert!(names.insert(name.clone()), "{name} is twice there");
        assert!(operation["summary"].is_string() || operation["description"].is_string(), "{method} {path}");
        assert!(
            operation["responses"]["default"]["content"]["application/problem+json"].is_object(),
            "{method} {path}"
        );
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(response["description"].is_string(), "{method} {path} {status}");
        }
        let parameters: BTreeSet<&str> =
            operation["parameters"].as_array().into_iter().flatten().map(|p| p["name"].as_str().unwrap()).collect();
        for variable in path.split('{').skip(1) {
            let variable = variable.split('}').next().unwrap();
            assert!(parameters.contains(variable), "{method} {path}: {variable}");
        }
        if parameters.contains("dry_run") {
            assert!(parameters.contains("Idempotency-Key") && parameters.contains("Dkube-Reason"), "{method} {path}");
        }
    }
}

/// `DKUBE_BLESS=1 cargo test -p api the_openapi_document` writes it anew.
#[test]
fn the_openapi_document_in_docs_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let made = serde_json::to_string_pretty(&serde_json::to_value(document()).unwrap()).unwrap() + "\n";
    if std::env::var_os("DKUBE_BLESS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == made, "docs/openapi.json is not what the handlers say: run with DKUBE_BLESS=1");
}

#[tokio::test]
async fn the_document_of_the_messages_is_served_beside_it() {
    let fixture = Fixture::new().await;
    let served = Call::get("/asyncapi.json").send(&fixture.router).await.ok();
    assert_eq!(served, bus::asyncapi::document());
}

#[test]
fn every_answer_that_depends_on_agents_says_that_it_may_tell_since_when_none_is_heard() {
    let document = serde_json::to_value(document()).unwrap();
    let telling =
        |path: &str| !document["paths"][path]["get"]["responses"]["200"]["headers"]["Dkube-Unheard-Since"].is_null();
    for noun in ["nodes", "devices", "pools", "jobs"] {
        let routes: Vec<&String> = document["paths"]
            .as_object()
            .unwrap()
            .keys()
            .filter(|path| {
                let tags = &document["paths"][path.as_str()]["get"]["tags"];
                tags[0] == noun && path.split('/').count() <= 4 && path.starts_with(&format!("/v1/{noun}"))
            })
            .collect();
        assert!(routes.len() == 2 && routes.iter().all(|path| telling(path)), "{noun}: {routes:?}");
    }
    assert!(telling("/v1/overview") && telling("/v1/alerts") && telling("/v1/idle-devices") && !telling("/v1/users"));
    let headers = &document["paths"]["/v1/users"]["get"]["responses"]["200"]["headers"];
    assert_eq!(headers["Dkube-Position"]["schema"]["type"], "integer");
}

#[tokio::test]
async fn it_is_served_with_a_page_to_try_it() {
    let fixture = Fixture::new().await;
    let served = Call::get("/openapi.json").send(&fixture.router).await.ok();
    assert_eq!(served, serde_json::to_value(document()).unwrap());
    let page = Call::get("/docs/").send(&fixture.router).await;
    assert!(page.status.is_success() && page.header("content-type").starts_with("text/html"));
    assert!(!page.text.contains("https://"), "nothing is loaded from elsewhere");
    for file in ["swagger-initializer.js", "swagger-ui.css", "swagger-ui-bundle.js"] {
        let call = Call::get(format!("/docs/{file}")).begin(&fixture.router).await;
        assert_eq!(call.status(), 200, "{file}");
    }
    let start = Call::get("/docs/swagger-initializer.js").send(&fixture.router).await;
    assert!(start.text.contains("/openapi.json"));
}
