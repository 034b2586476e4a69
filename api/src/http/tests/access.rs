//! Who may do what: every route, with every sort of sign-in.
use crate::http::{
    auth::{RULES, Rule},
    testing::{Call, Fixture},
};
use axum::http::StatusCode;
use domain::{Action, Allowed, Role, token::Scope};
use serde_json::json;

/// A path of that route that names nothing that is anybody's.
fn example(path: &str) -> String {
    path.replace("{name}", "nothing")
        .replace("{login}/erase", "00000000-0000-0000-0000-000000000001/erase")
        .replace("{login}", "nobody")
        .replace("{uuid}", "GPU-00000000-0000-0000-0000-000000000001")
        .replace("{id}", "00000000-0000-0000-0000-000000000001")
        .replace("{position}", "1")
        .replace("{code}", "pool.busy")
        .replace("{kind}", "github")
}

/// Status, and the code if it is a failure.
async fn outcome(fixture: &Fixture, method: &'static str, path: &str, token: Option<&str>) -> (StatusCode, String) {
    let mut call = Call::new(method, example(path));
    if method != "GET" {
        call = call.json(&json!({}));
    }
    if let Some(token) = token {
        call = call.token(token);
    }
    let response = call.begin(&fixture.router).await;
    let status = response.status();
    if status.is_success() {
        // Not read: it may be a stream that never ends.
        return (status, String::new());
    }
    let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
    // A page, for a browser that comes back from a provider, is none.
    let document: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    (status, document["code"].as_str().unwrap_or_default().to_owned())
}

fn needs_session(method: &str, path: &str) -> bool {
    let rule = RULES.iter().find(|(verb, route, _)| (*verb, *route) == (method, path)).map(|(.., rule)| rule);
    matches!(rule, Some(Rule::InPerson(_))) || (method, path) == ("DELETE", "/v1/session")
}

#[tokio::test]
async fn without_a_good_sign_in_only_the_open_routes_answer() {
    let fixture = Fixture::new().await;
    let expired = fixture.token("operator", Scope::Full, 1).await;
    fixture.engine.pass(24 * 3600 + 1);
    let revoked = fixture.token("ada", Scope::Full, 9).await;
    let operator = fixture.operator().await;
    fixture.done(&operator, Call::new("DELETE", "/v1/users/ada/tokens")).await;
    fixture.settled().await;
    let garbage = "dkube_AAAA";
    for (method, path, rule) in RULES {
        for (token, code) in [
            (None, "auth.required"),
            (Some(&*expired), "auth.invalid"),
            (Some(&*revoked), "auth.invalid"),
            (Some(garbage), "auth.invalid"),
        ] {
            let (status, told) = outcome(&fixture, method, path, token).await;
            if *rule == Rule::Open {
                assert!(status != 401 && status != 403, "{method} {path}");
            } else {
                assert_eq!((status.as_u16(), &*told), (401, code), "{method} {path}");
            }
        }
    }
}

/// The code of a failure, of somebody with this session and this CSRF token.
async fn in_session(fixture: &Fixture, route: (&'static str, &str), cookie: &str, csrf: Option<&str>) -> String {
    let mut call = Call::new(route.0, example(route.1)).json(&json!({})).with("cookie", cookie);
    if let Some(csrf) = csrf {
        call = call.with("x-csrf-token", csrf);
    }
    let answer = call.send(&fixture.router).await;
    if answer.status.is_success() { String::new() } else { answer.json()["code"].as_str().unwrap().to_owned() }
}

#[tokio::test]
async fn a_session_writes_with_its_own_csrf_token_alone() {
    let fixture = Fixture::new().await;
    for login in ["operator", "aud", "ada"] {
        let ((cookie, own), (_, other)) = (fixture.sign_in(login).await, fixture.sign_in(login).await);
        let writes = RULES.iter().filter(|(method, _, rule)| *method != "GET" && *rule != Rule::Open);
        for (method, path, _) in writes {
            let of = format!("{method} {path} by {login}");
            for csrf in [None, Some(&*other), Some("")] {
                assert_eq!(in_session(&fixture, (method, path), &cookie, csrf).await, "auth.csrf", "{of}");
            }
            // To sign out would end the session that the next ones come with.
            if *path != "/v1/session" {
                assert_ne!(in_session(&fixture, (method, path), &cookie, Some(&own)).await, "auth.csrf", "{of}");
            }
        }
    }
}

#[tokio::test]
async fn every_role_and_scope_may_what_the_table_says() {
    let fixture = Fixture::new().await;
    let people = [("operator", Role::Operator), ("aud", Role::Auditor), ("ada", Role::DataScientist)];
    for (login, role) in people {
        for scope in [Scope::Full, Scope::Read, Scope::Metrics] {
            let token = fixture.token(login, scope, 1).await;
            for (method, path, rule) in RULES {
                let (status, code) = outcome(&fixture, method, path, Some(&token)).await;
                let told = (status.as_u16(), &*code);
                let of = format!("{method} {path} by {role} with {scope:?}: {told:?}");
                let Some(action) = rule.action() else {
                    if needs_session(method, path) {
                        assert_eq!(told, (403, "auth.session_needed"), "{of}");
                    } else {
                        assert!(status != 401 && status != 403, "{of}");
                    }
                    continue;
                };
                let fits = match scope {
                    Scope::Full => true,
                    Scope::Read => action.reads(),
                    Scope::Metrics => action == Action::ReadMetrics,
                };
                match role.allows(action) {
                    _ if !fits => assert_eq!(told, (403, "token.scope"), "{of}"),
                    Allowed::No => assert_eq!(told, (403, "auth.forbidden"), "{of}"),
                    _ if needs_session(method, path) => assert_eq!(told, (403, "auth.session_needed"), "{of}"),
                    // What is not one's own is refused, whether it exists or not.
                    Allowed::Own if path.contains('{') && !path.contains("/sessions/") => {
                        assert_eq!(told, (403, "auth.forbidden"), "{of}");
                    }
                    Allowed::All | Allowed::Own => assert!(status != 401 && status != 403, "{of}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn a_data_scientist_sees_their_own_alone() {
    let fixture = Fixture::new().await;
    let operator = fixture.operator().await;
    let devices: Vec<String> = (0..2).map(|nth| Fixture::device(nth).to_string()).collect();
    fixture.done(&operator, Call::post("/v1/pools", &json!({"name": "vision", "devices": devices}))).await;
    fixture.done(&operator, Call::new("PATCH", "/v1/users/bob").json(&json!({"group": null}))).await;
    let group = json!({"name": "team", "users": ["bob"], "pool": "vision"});
    fixture.done(&operator, Call::post("/v1/groups", &group)).await;
    for login in ["ada", "bob"] {
        let job = json!({"name": "train", "user": login, "devices": 1});
        fixture.done(&operator, Call::post("/v1/jobs", &job)).await;
    }
    let bob = fixture.token("bob", Scope::Read, 1).await;
    let names = async |path: &str, field: &str| -> Vec<String> {
        let body = Call::get(path).token(&bob).send(&fixture.router).await.ok();
        body["items"].as_array().unwrap().iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("/v1/pools", "name").await, ["vision"]);
    assert_eq!(names("/v1/groups", "name").await, ["team"]);
    assert_eq!(names("/v1/users", "login").await, ["bob"]);
    assert_eq!(names("/v1/devices", "uuid").await, devices);
    assert_eq!(names("/v1/jobs", "name").await.len(), 1);
    assert_eq!(names("/v1/tokens", "name").await.len(), 1);
    for path in ["/v1/pools/default", "/v1/pools/nothing", "/v1/users/ada", "/v1/users/nobody", "/v1/groups/default"] {
        Call::get(path).token(&bob).send(&fixture.router).await.problem("auth.forbidden");
    }
    let own = format!("/v1/devices/{}", devices[0]);
    let shown = Call::get(own).token(&bob).send(&fixture.router).await.ok();
    assert!(!shown.as_object().unwrap().contains_key("history"), "who did what is not theirs to see: {shown}");
}

#[tokio::test]
async fn metrics_can_be_opened_by_a_setting() {
    use crate::http::{HttpSettings, testing::CHEAP};
    let settings = HttpSettings { open_metrics: true, password_cost: CHEAP, ..HttpSettings::default() };
    let fixture = Fixture::with(settings).await;
    let page = Call::get("/metrics").send(&fixture.router).await;
    assert_eq!(page.status, 200, "{}", page.text);
    for line in [
        "dkube_engine_commands_total{outcome=\"accepted\"} 7",
        "dkube_engine_queue_depth 2",
        "dkube_engine_commit_events_bucket{le=\"8.0\"} 3",
        "dkube_watermark ",
        "dkube_projection_lag_events 0",
        "dkube_log_bytes 4096",
        "# TYPE dkube_intake_reports_total counter",
        "dkube_intake_reports_total{outcome=\"taken\"} 5",
        "dkube_devices{availability=\"free\"} 4",
    ] {
        assert!(page.text.contains(line), "{line} is missing in\n{}", page.text);
    }
    Call::get("/v1/pools").send(&fixture.router).await.problem("auth.required");
}
