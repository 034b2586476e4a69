//! Who may do what: every route, with every sort of sign-in.
use super::document::{UNLISTED, operations};
use crate::http::{
    auth::gate,
    document,
    testing::{Call, Fixture},
};
use axum::{Router, http::StatusCode, middleware, routing::get};
use domain::token::Scope;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Mutex},
};

/// How far somebody may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    No,
    Own,
    All,
}

/// What has to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// A session, or a token of any scope: it is about that sign-in.
    Any,
    /// A session: it is about that session.
    ThatSession,
    /// A session, or a token of any scope.
    Scrape,
    /// A session, or a token of scope `read` or `full`.
    Read,
    /// A session, or a token of scope `full`.
    Write,
    /// A session.
    InPerson,
}

use By::{Any, InPerson, Read, Scrape, ThatSession, Write};
use Of::{All, No, Own};

/// What a data scientist, an auditor and an operator may.
type May = [Of; 3];
const OPERATOR: May = [No, No, All];
const AUDITOR: May = [No, All, All];
const EVERYBODY: May = [Own, All, All];
const THEIR_OWN: May = [Own, Own, Own];
const SIGN_INS: May = [Own, Own, All];
const JOBS: May = [Own, No, All];

/// Who may what, written by hand: a route needs a row here, whatever the table of the server says of it.
#[rustfmt::skip]
const ROWS: &[(&str, &str, May, By)] = &[
    ("GET", "/metrics", AUDITOR, Scrape),
    ("GET", "/metrics/targets", AUDITOR, Scrape),
    ("GET", "/metrics/nodes/{name}", AUDITOR, Scrape),
    ("GET", "/v1/session", THEIR_OWN, Any),
    ("DELETE", "/v1/session", THEIR_OWN, ThatSession),
    ("GET", "/v1/sessions", EVERYBODY, Read),
    ("DELETE", "/v1/sessions/{id}", SIGN_INS, Write),
    ("POST", "/v1/password", SIGN_INS, InPerson),
    ("GET", "/v1/tokens", EVERYBODY, Read),
    ("POST", "/v1/tokens", SIGN_INS, InPerson),
    ("DELETE", "/v1/tokens/{id}", SIGN_INS, Write),
    ("GET", "/v1/overview", AUDITOR, Read),
    ("GET", "/v1/alerts", AUDITOR, Read),
    ("GET", "/v1/about", EVERYBODY, Read),
    ("GET", "/v1/license", EVERYBODY, Read),
    ("PUT", "/v1/license", OPERATOR, Write),
    ("GET", "/v1/auth/backend", AUDITOR, Read),
    ("PUT", "/v1/auth/backend", OPERATOR, InPerson),
    ("PATCH", "/v1/auth/backend", OPERATOR, InPerson),
    ("POST", "/v1/auth/backend/prove", OPERATOR, InPerson),
    ("GET", "/v1/directory", AUDITOR, Read),
    ("POST", "/v1/directory/refresh", OPERATOR, Write),
    ("GET", "/v1/health/policy", AUDITOR, Read),
    ("PUT", "/v1/health/policy", OPERATOR, Write),
    ("POST", "/v1/health/breaker/reset", OPERATOR, Write),
    ("GET", "/v1/pools", EVERYBODY, Read),
    ("GET", "/v1/pools/{name}", EVERYBODY, Read),
    ("GET", "/v1/pools/{name}/telemetry", EVERYBODY, Read),
    ("POST", "/v1/pools", OPERATOR, Write),
    ("PUT", "/v1/pools/{name}/devices", OPERATOR, Write),
    ("PATCH", "/v1/pools/{name}/devices", OPERATOR, Write),
    ("DELETE", "/v1/pools/{name}", OPERATOR, Write),
    ("GET", "/v1/groups", EVERYBODY, Read),
    ("GET", "/v1/groups/{name}", EVERYBODY, Read),
    ("GET", "/v1/groups/{name}/telemetry", EVERYBODY, Read),
    ("POST", "/v1/groups", OPERATOR, Write),
    ("PATCH", "/v1/groups/{name}", OPERATOR, Write),
    ("DELETE", "/v1/groups/{name}", OPERATOR, Write),
    ("GET", "/v1/users", EVERYBODY, Read),
    ("GET", "/v1/users/{login}", EVERYBODY, Read),
    ("GET", "/v1/users/{login}/tokens", EVERYBODY, Read),
    ("DELETE", "/v1/users/{login}/tokens", SIGN_INS, Write),
    ("POST", "/v1/users", OPERATOR, Write),
    ("POST", "/v1/users/{login}/invitation", OPERATOR, InPerson),
    ("PATCH", "/v1/users/{login}", OPERATOR, Write),
    ("DELETE", "/v1/users/{login}", OPERATOR, Write),
    ("POST", "/v1/users/delete", OPERATOR, Write),
    ("POST", "/v1/users/{login}/erase", OPERATOR, Write),
    ("GET", "/v1/nodes", AUDITOR, Read),
    ("GET", "/v1/nodes/{name}", AUDITOR, Read),
    ("GET", "/v1/nodes/{name}/telemetry", AUDITOR, Read),
    ("PATCH", "/v1/nodes/{name}", OPERATOR, Write),
    ("GET", "/v1/devices", EVERYBODY, Read),
    ("GET", "/v1/devices/{uuid}", EVERYBODY, Read),
    ("GET", "/v1/devices/{uuid}/telemetry", EVERYBODY, Read),
    ("PATCH", "/v1/devices/{uuid}", OPERATOR, Write),
    ("GET", "/v1/idle-devices", EVERYBODY, Read),
    ("GET", "/v1/jobs", EVERYBODY, Read),
    ("GET", "/v1/jobs/{id}", EVERYBODY, Read),
    ("POST", "/v1/jobs", JOBS, Write),
    ("DELETE", "/v1/jobs/{id}", JOBS, Write),
    ("GET", "/v1/pods", EVERYBODY, Read),
    ("GET", "/v1/pods/summary", EVERYBODY, Read),
    ("GET", "/v1/audit", AUDITOR, Read),
    ("GET", "/v1/audit/{position}", AUDITOR, Read),
    ("GET", "/v1/events", AUDITOR, Read),
];

/// What answers whoever asks: how to sign in, whether the server works, and what the software is.
const OPEN: &[(&str, &str)] = &[
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/openapi.json"),
    ("GET", "/asyncapi.json"),
    ("GET", "/problems"),
    ("GET", "/problems/{code}"),
    ("GET", "/roles"),
    ("GET", "/v1/auth"),
    ("GET", "/auth/{kind}/start"),
    ("GET", "/auth/{kind}/callback"),
    ("POST", "/auth/program"),
    ("POST", "/v1/session"),
    ("POST", "/v1/session/code"),
    ("POST", "/v1/invitations/{code}"),
];

/// Every role, with somebody who has it.
const PEOPLE: [(&str, &str); 3] = [("data-scientist", "ada"), ("auditor", "aud"), ("operator", "operator")];

#[test]
fn every_endpoint_has_a_row_and_the_document_says_the_same_of_it() {
    let document = serde_json::to_value(document()).unwrap();
    let operations = operations(&document);
    let listed = operations.iter().map(|(method, path, _)| (&**method, &**path));
    let there: BTreeSet<_> = listed.chain(UNLISTED.map(|path| ("GET", path))).collect();
    let rows = ROWS.iter().map(|(method, path, ..)| (*method, *path)).chain(OPEN.iter().copied());
    assert_eq!(rows.clone().collect::<BTreeSet<_>>(), there);
    assert_eq!(rows.count(), there.len(), "a row for each");
    for (method, path, operation) in &operations {
        let Some((.., may, by)) = ROWS.iter().find(|(verb, route, ..)| (verb, route) == (&&**method, &&**path)) else {
            for name in ["x-dkube-action", "x-dkube-roles", "x-dkube-token-scopes"] {
                assert!(operation[name].is_null(), "{method} {path}: {name} of what is open");
            }
            continue;
        };
        let mut roles = json!({});
        for ((role, _), of) in PEOPLE.iter().zip(may).filter(|(_, of)| **of != No) {
            roles[*role] = json!(if *of == All { "all" } else { "own" });
        }
        assert_eq!(operation["x-dkube-roles"], roles, "{method} {path}");
        let all = [Scope::Read, Scope::Full, Scope::Metrics];
        let scopes: Vec<Scope> =
            all.into_iter().filter(|scope| fits(*by, *scope) && !matches!(by, ThatSession | InPerson)).collect();
        assert_eq!(operation["x-dkube-token-scopes"], json!(scopes), "{method} {path}");
        let token = operation["security"].as_array().unwrap().iter().any(|way| !way["token"].is_null());
        assert_eq!(token, !scopes.is_empty(), "{method} {path}");
    }
}

/// A path of that route that names nothing that is anybody's.
fn nothing(path: &str) -> String {
    path.replace("{name}", "nothing")
        .replace("{login}/erase", "00000000-0000-0000-0000-000000000001/erase")
        .replace("{login}", "nobody")
        .replace("{uuid}", "GPU-00000000-0000-0000-0000-000000000001")
        .replace("{id}", "00000000-0000-0000-0000-000000000001")
        .replace("{position}", "1")
        .replace("{code}", "pool.busy")
        .replace("{kind}", "github")
}

/// Somebody, and what is theirs.
struct Person {
    login: &'static str,
    token: String,
    job: Option<String>,
}

impl Person {
    async fn new(fixture: &Fixture, login: &'static str) -> Self {
        let secret = fixture.token(login, Scope::Read, 1).await;
        let own = Call::get(format!("/v1/users/{login}/tokens")).token(&secret).send(&fixture.router).await.ok();
        let token = own["items"][0]["id"].as_str().unwrap().to_owned();
        let mut job = None;
        if login == "ada" {
            let start = Call::post("/v1/jobs", &json!({"name": "train", "user": login, "devices": 1}));
            let started = fixture.done(&fixture.operator().await, start).await;
            let subject = started["events"][0]["subject"].as_str().unwrap();
            job = Some(subject.strip_prefix("job/").unwrap().to_owned());
        }
        Self { login, token, job }
    }

    /// A path of that route that names what is theirs. What writes is only tried.
    fn own(&self, method: &str, path: &str) -> String {
        let id = if path.contains("/jobs/") { self.job.as_deref().expect("a job of theirs") } else { &self.token };
        let path = path
            .replace("{name}", "default")
            .replace("{login}", self.login)
            .replace("{uuid}", &Fixture::device(0).to_string())
            .replace("{id}", id);
        if method == "GET" { path } else { format!("{path}?dry_run=true") }
    }
}

/// What somebody shows.
#[derive(Clone, Copy)]
enum Shown<'a> {
    Nothing,
    Token(&'a str),
    /// The cookie, and the CSRF token if any.
    Session(&'a str, Option<&'a str>),
}

/// Status, and the code if it is a failure.
async fn outcome(fixture: &Fixture, method: &'static str, path: &str, shown: Shown<'_>) -> (u16, String) {
    let mut call = Call::new(method, path);
    if method != "GET" && !path.ends_with("?dry_run=true") {
        call = call.json(&json!({}));
    }
    call = match shown {
        Shown::Nothing => call,
        Shown::Token(token) => call.token(token),
        Shown::Session(cookie, None) => call.with("cookie", cookie),
        Shown::Session(cookie, Some(csrf)) => call.with("cookie", cookie).with("x-csrf-token", csrf),
    };
    let response = call.begin(&fixture.router).await;
    let status = response.status();
    if status.is_success() {
        // Not read: it may be a stream that never ends.
        return (status.as_u16(), String::new());
    }
    let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
    // A page, for a browser that comes back from a provider, is none.
    let document: Value = serde_json::from_slice(&body).unwrap_or_default();
    (status.as_u16(), document["code"].as_str().unwrap_or_default().to_owned())
}

/// Whether a token of that scope is enough, as far as scopes go.
fn fits(by: By, scope: Scope) -> bool {
    match by {
        Any | ThatSession | Scrape => true,
        Read => scope != Scope::Metrics,
        Write | InPerson => scope == Scope::Full,
    }
}

/// The code that somebody is refused with who may that far and comes with a token of that scope, or with a session.
fn refusal(of: Of, by: By, scope: Option<Scope>) -> Option<&'static str> {
    match scope {
        Some(scope) if !fits(by, scope) => Some("token.scope"),
        _ if of == No => Some("auth.forbidden"),
        Some(_) if matches!(by, ThatSession | InPerson) => Some("auth.session_needed"),
        _ => None,
    }
}

/// Tries every route that has a row, and compares with the row.
async fn try_all(fixture: &Fixture, person: &Person, nth: usize, scope: Option<Scope>, shown: Shown<'_>) {
    // To sign out ends the session that the others come with.
    let (last, others): (Vec<_>, Vec<_>) = ROWS.iter().partition(|(.., by)| *by == ThatSession);
    for (method, path, may, by) in others.into_iter().chain(last) {
        let (role, of) = (PEOPLE[nth].0, may[nth]);
        let (status, code) = outcome(fixture, method, &nothing(path), shown).await;
        let told = format!("{method} {path} by {role} with {scope:?}: {status} {code}");
        if let Some(refused) = refusal(of, by, scope) {
            assert_eq!((status, &*code), (403, refused), "{told}");
            continue;
        }
        if of == All || !path.contains('{') || path.contains("/sessions/") {
            assert!(status != 401 && status != 403 && status < 500, "{told}");
            continue;
        }
        // What is not one's own is refused, whether it exists or not.
        assert_eq!((status, &*code), (403, "auth.forbidden"), "{told}");
        let (status, code) = outcome(fixture, method, &person.own(method, path), shown).await;
        assert_eq!((status, &*code), (200, ""), "{method} {path} of {role}'s own with {scope:?}");
    }
}

#[tokio::test]
async fn every_role_may_with_a_token_what_its_rows_say_and_its_scope_lets_through() {
    let fixture = Fixture::new().await;
    for (nth, (_, login)) in PEOPLE.into_iter().enumerate() {
        let person = Person::new(&fixture, login).await;
        for scope in [Scope::Full, Scope::Read, Scope::Metrics] {
            let token = fixture.token(login, scope, 1).await;
            try_all(&fixture, &person, nth, Some(scope), Shown::Token(&token)).await;
        }
    }
}

#[tokio::test]
async fn every_role_may_with_a_session_what_its_rows_say() {
    let fixture = Fixture::new().await;
    for (nth, (_, login)) in PEOPLE.into_iter().enumerate() {
        let person = Person::new(&fixture, login).await;
        let (cookie, csrf) = fixture.sign_in(login).await;
        let session = Shown::Session(&cookie, Some(&csrf));
        try_all(&fixture, &person, nth, None, session).await;
        let over = outcome(&fixture, "GET", "/v1/session", session).await;
        assert_eq!(over, (401, "auth.invalid".to_owned()), "{login} has signed out");
    }
}

#[tokio::test]
async fn without_a_good_sign_in_only_the_open_routes_answer() {
    let fixture = Fixture::new().await;
    let mut bad = vec![("nothing".to_owned(), None, "auth.required")];
    for (_, login) in PEOPLE {
        let expired = fixture.token(login, Scope::Full, 1).await;
        bad.push((format!("{login}'s expired token"), Some(expired), "auth.invalid"));
    }
    fixture.engine.pass(24 * 3600 + 1);
    let operator = fixture.operator().await;
    for (_, login) in PEOPLE {
        let revoked = fixture.token(login, Scope::Full, 9).await;
        bad.push((format!("{login}'s revoked token"), Some(revoked), "auth.invalid"));
        if login != "operator" {
            fixture.done(&operator, Call::new("DELETE", format!("/v1/users/{login}/tokens"))).await;
        }
    }
    fixture.done(&operator, Call::new("DELETE", "/v1/users/operator/tokens")).await;
    bad.push(("garbage".to_owned(), Some("dkube_AAAA".to_owned()), "auth.invalid"));
    for (what, token, code) in &bad {
        let shown = token.as_deref().map_or(Shown::Nothing, Shown::Token);
        for (method, path, ..) in ROWS {
            let outcome = outcome(&fixture, method, &nothing(path), shown).await;
            assert_eq!(outcome, (401, (*code).to_owned()), "{method} {path} with {what}");
        }
        for (method, path) in OPEN {
            let (status, code) = outcome(&fixture, method, &nothing(path), shown).await;
            assert!(![401, 403, 500].contains(&status), "{method} {path} with {what}: {status} {code}");
        }
    }
}

#[tokio::test]
async fn a_session_writes_with_its_own_csrf_token_alone() {
    let fixture = Fixture::new().await;
    for (_, login) in PEOPLE {
        let ((cookie, own), (_, other)) = (fixture.sign_in(login).await, fixture.sign_in(login).await);
        let (_, foreign) = fixture.sign_in("bob").await;
        let writes = || ROWS.iter().filter(|(method, ..)| *method != "GET").map(|(method, path, ..)| (*method, *path));
        for (method, path) in writes() {
            for csrf in [None, Some(&*other), Some(&*foreign), Some("")] {
                let outcome = outcome(&fixture, method, &nothing(path), Shown::Session(&cookie, csrf)).await;
                assert_eq!(outcome, (403, "auth.csrf".to_owned()), "{method} {path} by {login}");
            }
        }
        // To sign out would end the session that the next ones come with.
        for (method, path) in writes().filter(|(_, path)| *path != "/v1/session") {
            let (_, code) = outcome(&fixture, method, &nothing(path), Shown::Session(&cookie, Some(&own))).await;
            assert_ne!(code, "auth.csrf", "{method} {path} by {login}");
        }
    }
}

/// Where a test reads what is logged.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_route_that_the_table_does_not_have_answers_nobody_and_the_log_says_so() {
    let fixture = Fixture::new().await;
    let (operator, logged) = (fixture.operator().await, Logged::default());
    let routes = Router::new().route("/forgotten/{what}", get(|| async { "open to all" }));
    let gated = routes.route_layer(middleware::from_fn_with_state(fixture.app.clone(), gate));
    let server = gated.with_state(fixture.app.clone());
    let writer = logged.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    for token in [None, Some(&operator)] {
        let call = Call::get("/forgotten/secret");
        let call = token.iter().fold(call, |call, token| call.token(token));
        let answer = call.send(&server).await;
        answer.problem("server.fault");
        assert!(!answer.text.contains("open to all"));
    }
    let text = String::from_utf8(logged.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("ERROR") && text.contains("/forgotten/{what}") && !text.contains("secret"), "{text}");
}

/// The texts about the software are the same whatever is in the cluster, and so nobody has to sign in for them.
#[tokio::test]
async fn what_tells_of_the_software_tells_nothing_of_the_cluster() {
    let texts = ["/openapi.json", "/asyncapi.json", "/problems", "/problems/pool.busy", "/roles", "/docs/"];
    let fixture = Fixture::new().await;
    let read = async || {
        let mut read = vec![];
        for path in texts.into_iter().chain(["/docs/swagger-initializer.js"]) {
            let answer = Call::get(path).send(&fixture.router).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            read.push(answer.text);
        }
        read
    };
    let before = read().await;
    let operator = fixture.operator().await;
    let user = json!({"logins": ["quetzalcoatl"], "group": null});
    for (path, body) in [
        ("/v1/users", user),
        ("/v1/pools", json!({"name": "xolotl", "devices": [Fixture::device(1).to_string()]})),
        ("/v1/groups", json!({"name": "tlaloc", "users": ["quetzalcoatl"], "pool": "xolotl"})),
    ] {
        fixture.done(&operator, Call::post(path, &body)).await;
    }
    assert_eq!(read().await, before);
    let cluster = fixture.app.parts.cluster.to_string();
    for held in ["quetzalcoatl", "xolotl", "tlaloc", "node-01", &*cluster, &*Fixture::device(1).to_string()] {
        assert!(before.iter().all(|text| !text.contains(held)), "{held}");
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

#[tokio::test]
async fn whoever_is_signed_in_learns_what_they_may() {
    let fixture = Fixture::new().await;
    let may = async |call: Call| call.send(&fixture.router).await.ok()["may"].clone();
    let token =
        async |login: &str, scope| may(Call::get("/v1/session").token(&fixture.token(login, scope, 1).await)).await;
    let session =
        async |login: &str| may(Call::get("/v1/session").with("cookie", fixture.sign_in(login).await.0)).await;
    let (own, all) = (json!("own"), json!("all"));
    let ada = session("ada").await;
    assert_eq!((&ada["RunJobs"], &ada["ReadPools"], &ada["ChangePassword"]), (&own, &own, &own));
    assert!(ada["ManagePools"].is_null() && ada["ReadAudit"].is_null(), "{ada}");
    let aud = session("aud").await;
    assert_eq!((&aud["ReadAudit"], &aud["ManageTokens"], &aud["RunJobs"]), (&all, &own, &json!(null)));
    let operator = session("operator").await;
    assert_eq!((&operator["ManageBackend"], &operator["ForceJobs"], &operator["Report"]), (&all, &all, &json!(null)));
    let full = token("operator", Scope::Full).await;
    assert_eq!((&full["ManageUsers"], &full["ForceJobs"], &full["ManageTokens"]), (&all, &all, &all));
    assert!(full["ManageBackend"].is_null() && full["ChangePassword"].is_null(), "in person alone: {full}");
    assert_eq!(token("ada", Scope::Read).await["RunJobs"], json!(null));
    assert_eq!(token("aud", Scope::Metrics).await, json!({"ReadMetrics": "all"}));
}
