//! What comes with a command, and what its answer says.
use crate::http::testing::{Call, Fixture};
use domain::{Expected, Position};
use serde_json::{Value, json};

fn devices(of: std::ops::Range<u128>) -> Vec<String> {
    of.map(|nth| Fixture::device(nth).to_string()).collect()
}

#[tokio::test]
async fn an_answer_says_what_was_recorded_and_where() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let before = fixture.live.position().0;
    let call = Call::post("/v1/pools", &json!({"name": "vision", "devices": devices(0..1)})).token(&token);
    let answer = call.send(&fixture.router).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("location"), "/v1/pools/vision");
    assert_eq!(answer.header("dkube-position"), (before + 2).to_string());
    let body = answer.ok();
    assert_eq!(
        (&body["position"], &body["dry_run"], &body["warnings"]),
        (&json!(before + 2), &json!(false), &json!([]))
    );
    let first = &body["events"][0];
    assert_eq!(first["position"], before + 1);
    assert_eq!((&first["type"], &first["subject"]), (&json!("PoolCreated"), &json!("pool/vision")));
    assert_eq!(first["actor"], "user/operator");
    assert_eq!(first["data"], json!({"name": "vision", "model": Fixture::MODEL}));
    assert!(first["time"].as_str().unwrap().ends_with('Z') && first["id"].as_str().unwrap().len() == 36);
}

#[tokio::test]
async fn a_wish_already_true_answers_200_without_events() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let cordon = || Call::new("PATCH", format!("/v1/devices/{}", Fixture::device(0))).json(&json!({"cordoned": true}));
    assert_eq!(fixture.done(&token, cordon()).await["events"].as_array().unwrap().len(), 1);
    let again = cordon().token(&token).send(&fixture.router).await;
    assert_eq!(again.status, 200);
    assert_eq!(again.ok()["events"], json!([]));
}

#[tokio::test]
async fn people_are_shown_by_login_and_newcomers_at_once() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let body = json!({"logins": ["Eve", "dan"], "passwords": {"eve": "a good long password"}});
    let answer = Call::post("/v1/users", &body).token(&token).send(&fixture.router).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (201, "/v1/users"));
    let body = answer.ok();
    let events = body["events"].as_array().unwrap();
    assert_eq!(events[0]["subject"], "user/eve");
    assert_eq!(events[0]["data"]["login"], "eve");
    assert!(events.iter().any(|event| event["type"] == "PasswordSet" && event["data"].get("hash").is_none()));
    assert!(!body.to_string().contains("argon2"));
    fixture.settled().await;
    let dan = Call::get("/v1/users/dan").token(&token).send(&fixture.router).await;
    assert_eq!(dan.ok()["group"], "default");
    let bare = json!({"logins": ["gus"], "group": null, "role": "auditor"});
    let answer = Call::post("/v1/users", &bare).token(&token).send(&fixture.router).await;
    assert_eq!(answer.header("location"), "/v1/users/gus");
    fixture.settled().await;
    let gus = Call::get("/v1/users/gus").token(&token).send(&fixture.router).await.ok();
    assert_eq!((&gus["group"], &gus["role"]), (&json!(null), &json!("auditor")));
}

#[tokio::test]
async fn refusals_name_what_is_in_the_way() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let post = async |path: &str, body: Value| Call::post(path, &body).token(&token).send(&fixture.router).await;
    let known = post("/v1/users", json!({"logins": ["ada", "bob"]})).await.problem("user.exists");
    let mut refs: Vec<&str> = known["refs"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    refs.sort_unstable();
    assert_eq!(refs, ["user/ada", "user/bob"]);
    let unknown = post("/v1/users/delete", json!({"logins": ["ada", "nobody"]})).await.problem("user.not_found");
    assert_eq!(unknown["refs"], json!(["user/nobody"]));
    assert_eq!(unknown["detail"], "nobody is not on-boarded");
    let body = json!({"name": "x", "model": "NVIDIA H10", "count": 1});
    let strange = post("/v1/pools", body).await.problem("model.not_found");
    assert!(strange["detail"].as_str().unwrap().contains(Fixture::MODEL), "{strange}");
    let short = post("/v1/jobs", json!({"name": "big", "user": "ada", "devices": 9})).await.problem("job.shortage");
    assert_eq!((&short["shortage"]["asked"], &short["shortage"]["free"]), (&json!(9), &json!(4)));
    let job = post("/v1/jobs", json!({"name": "small", "user": "ada", "devices": 1})).await;
    assert!(job.header("location").starts_with("/v1/jobs/"));
    let busy = post("/v1/pools", json!({"name": "vision", "devices": devices(0..4)})).await.problem("pool.busy");
    assert_eq!(busy["refs"], json!([job.header("location").replace("/v1/jobs/", "job/")]));
    let id = job.header("location").to_owned();
    Call::new("DELETE", &*id).token(&token).send(&fixture.router).await.problem("job.force_needed");
    let force = || Call::new("DELETE", format!("{id}?force=true")).token(&token);
    force().send(&fixture.router).await.problem("job.reason_needed");
    let ended = force().with("dkube-reason", "node%20is%20lost").send(&fixture.router).await.ok();
    let gone = force().with("dkube-reason", "again").send(&fixture.router).await.problem("job.not_found");
    let at = &ended["events"][0]["position"];
    assert!(gone["detail"].as_str().unwrap().ends_with(&format!("has finished already, at position {at}")), "{gone}");
    let job = json!({"name": "j", "user": "aud", "devices": 1});
    assert_eq!(post("/v1/jobs", job).await.problem("job.role")["refs"], json!(["user/aud"]));
}

#[tokio::test]
async fn a_dry_run_records_nothing_and_takes_no_key() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let body = json!({"name": "vision", "devices": devices(0..1)});
    let dry = || Call::post("/v1/pools?dry_run=true", &body).token(&token);
    let answer = dry().send(&fixture.router).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("location"), "");
    let told = answer.ok();
    assert_eq!(told["dry_run"], true);
    let first = &told["events"][0];
    assert_eq!((&first["type"], &first["subject"]), (&json!("PoolCreated"), &json!("pool/vision")));
    assert!(first.get("position").is_none() && first.get("id").is_none() && first.get("time").is_none());
    Call::get("/v1/pools/vision").token(&token).send(&fixture.router).await.problem("pool.not_found");
    dry().with("idempotency-key", "k").send(&fixture.router).await.problem("idempotency.dry_run");
}

#[tokio::test]
async fn warnings_say_what_else_follows() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    fixture.done(&token, Call::post("/v1/jobs", &json!({"name": "j", "user": "ada", "devices": 1}))).await;
    let moved = fixture.done(&token, Call::new("PATCH", "/v1/users/ada").json(&json!({"group": null}))).await;
    assert_eq!(moved["warnings"][0]["code"], "jobs_keep_devices");
    assert_eq!(moved["warnings"][0]["user"], "ada");
}

#[tokio::test]
async fn an_idempotency_key_makes_a_repeat_harmless() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let make = |name: &str| {
        let call = Call::post("/v1/pools", &json!({"name": name, "devices": []})).token(&token);
        call.with("idempotency-key", "key-1")
    };
    let first = make("vision").send(&fixture.router).await;
    let again = make("vision").send(&fixture.router).await;
    assert_eq!((first.status, &first.text), (again.status, &again.text));
    make("other").send(&fixture.router).await.problem("idempotency.key_reused");
    let request = fixture.engine.last();
    let idempotency = request.idempotency.unwrap();
    assert_eq!(idempotency.key, "key-1");
    let told = String::from_utf8(idempotency.request.to_vec()).unwrap();
    assert!(told.starts_with("POST /v1/pools\n{") && told.contains("other"), "{told}");
}

#[tokio::test]
async fn if_match_is_about_what_the_path_names() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    fixture.done(&token, Call::post("/v1/pools", &json!({"name": "vision", "devices": []}))).await;
    let shown = Call::get("/v1/pools/vision").token(&token).send(&fixture.router).await;
    let tag = shown.header("etag").to_owned();
    assert_eq!(tag, format!("\"{}\"", shown.ok()["revision"]));
    let put = |nth: u128| {
        let body = json!({"devices": devices(nth..nth + 1)});
        Call::new("PUT", "/v1/pools/vision/devices").json(&body).token(&token)
    };
    put(0).send(&fixture.router).await.problem("if_match.required");
    put(0).with("if-match", &*tag).send(&fixture.router).await.ok();
    fixture.settled().await;
    let failed = put(1).with("if-match", &*tag).send(&fixture.router).await.problem("condition.failed");
    assert_eq!(failed["refs"], json!(["pool/vision"]));
    let now = Call::get("/v1/pools/vision").token(&token).send(&fixture.router).await;
    assert_eq!(failed["revision"], now.ok()["revision"]);
    put(1).with("if-match", "*").send(&fixture.router).await.ok();
    let post = Call::post("/v1/pools", &json!({"name": "a", "devices": []})).token(&token).with("if-match", "*");
    post.send(&fixture.router).await.problem("request.header");
    let call = Call::new("PATCH", "/v1/users/ada").json(&json!({"role": "auditor"})).token(&token);
    call.clone().with("if-match", "\"1\"").send(&fixture.router).await.problem("condition.failed");
    assert_eq!(fixture.engine.last().expected, [Expected::Login("ada".parse().unwrap(), Position(1))]);
    let call = Call::new("PATCH", "/v1/users/nobody").json(&json!({"role": "auditor"})).token(&token);
    let failed = call.clone().with("if-match", "\"1\"").send(&fixture.router).await.problem("condition.failed");
    assert_eq!((&failed["refs"], &failed["revision"]), (&json!(["user/nobody"]), &json!(null)));
    call.send(&fixture.router).await.problem("user.not_found");
}

#[tokio::test]
async fn a_login_that_is_somebody_elses_by_now_does_not_meet_the_condition() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let shown = Call::get("/v1/users/bob").token(&token).send(&fixture.router).await;
    let (tag, delete) = (shown.header("etag").to_owned(), || Call::new("DELETE", "/v1/users/bob").token(&token));
    // At once: the read models may not have seen any of it yet.
    delete().send(&fixture.router).await.ok();
    delete().with("if-match", &*tag).send(&fixture.router).await.problem("condition.failed");
    Call::post("/v1/users", &json!({"logins": ["bob"]})).token(&token).send(&fixture.router).await.ok();
    delete().with("if-match", &*tag).send(&fixture.router).await.problem("condition.failed");
    delete().send(&fixture.router).await.ok();
}

#[tokio::test]
async fn a_repeat_is_told_what_happened_though_its_condition_can_not_be_met_any_more() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let tag = Call::get("/v1/users/bob").token(&token).send(&fixture.router).await.header("etag").to_owned();
    let delete = || Call::new("DELETE", "/v1/users/bob").token(&token).with("if-match", &*tag);
    let first = delete().with("idempotency-key", "k").send(&fixture.router).await;
    let again = delete().with("idempotency-key", "k").send(&fixture.router).await;
    assert_eq!((first.status, &first.text), (again.status, &again.text));
    first.ok();
}

#[tokio::test]
async fn a_plan_is_refused_once_something_it_is_about_changed() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let planned = fixture.live.position().to_string();
    let call = || {
        let body = json!({"name": "vision", "devices": devices(0..1)});
        Call::post("/v1/pools", &body).token(&token).with("dkube-planned-at", &*planned)
    };
    let cordon = Call::new("PATCH", format!("/v1/devices/{}", Fixture::device(0))).json(&json!({"cordoned": true}));
    fixture.done(&token, cordon).await;
    let failed = call().send(&fixture.router).await.problem("condition.failed");
    assert_eq!(failed["refs"], json!([format!("device/{}", Fixture::device(0))]));
}

#[tokio::test]
async fn a_job_is_ones_own_unless_said() {
    let fixture = Fixture::new().await;
    let ada = fixture.token("ada", domain::token::Scope::Full, 9).await;
    let job = Call::post("/v1/jobs", &json!({"name": "train", "devices": 1})).token(&ada).send(&fixture.router).await;
    let path = job.header("location").to_owned();
    fixture.settled().await;
    let shown = Call::get(&*path).token(&ada).send(&fixture.router).await.ok();
    assert_eq!(shown["user"]["login"], "ada");
    let bob = fixture.token("bob", domain::token::Scope::Full, 9).await;
    Call::new("DELETE", &*path).token(&bob).send(&fixture.router).await.problem("auth.forbidden");
    let theirs = json!({"name": "x", "devices": 1, "user": "bob"});
    Call::post("/v1/jobs", &theirs).token(&ada).send(&fixture.router).await.problem("auth.forbidden");
    Call::new("DELETE", &*path).token(&ada).send(&fixture.router).await.ok();
    fixture.settled().await;
    let ended = Call::get(&*path).token(&ada).send(&fixture.router).await.ok();
    assert!(ended["finished_at"].is_string(), "a finished job is told from the audit trail: {ended}");
    Call::new("DELETE", &*path).token(&ada).send(&fixture.router).await.problem("job.not_found");
    Call::new("DELETE", &*path).token(&bob).send(&fixture.router).await.problem("auth.forbidden");
    let path = "/v1/jobs/train";
    let no_id = Call::get(path).token(&ada).send(&fixture.router).await.problem("request.path");
    assert!(no_id["detail"].as_str().unwrap().starts_with("an id is a UUID"), "{no_id}");
}

#[tokio::test]
async fn a_person_can_be_erased_once_deleted() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let bob = fixture.user("bob").await;
    let erase = || Call::new("POST", format!("/v1/users/{bob}/erase")).token(&token);
    erase().send(&fixture.router).await.problem("user.not_deleted");
    fixture.done(&token, Call::new("DELETE", "/v1/users/bob")).await;
    let erased = erase().send(&fixture.router).await.ok();
    assert_eq!(erased["events"][0]["type"], "UserErased");
    fixture.settled().await;
    let answer = erase().send(&fixture.router).await;
    assert_eq!(answer.ok()["events"], json!([]));
    Call::new("POST", "/v1/users/bob/erase").token(&token).send(&fixture.router).await.problem("request.path");
}
