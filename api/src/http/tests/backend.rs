//! Where people sign in: what is asked for, and what is shown.
use crate::http::{
    HttpSettings,
    testing::{CHEAP, Call, Fixture},
};
use serde_json::{Value, json};

async fn fixture() -> Fixture {
    let public_url = Some("http://dkube.example/ops".to_owned());
    Fixture::with(HttpSettings { public_url, password_cost: CHEAP, ..HttpSettings::default() }).await
}

fn github() -> Value {
    json!({"kind": "github", "organization": "research", "client_id": "dkube", "client_secret": "a-secret",
        "operator": "boss"})
}

struct InPerson {
    fixture: Fixture,
    cookie: String,
    csrf: String,
}

impl InPerson {
    async fn new(fixture: Fixture) -> Self {
        let (cookie, csrf) = fixture.sign_in("operator").await;
        Self { fixture, cookie, csrf }
    }

    async fn send(&self, method: &'static str, path: &str, body: &Value) -> crate::http::testing::Answered {
        let call = Call::new(method, path).json(body).with("cookie", &*self.cookie).with("x-csrf-token", &*self.csrf);
        let answer = call.send(&self.fixture.router).await;
        self.fixture.settled().await;
        answer
    }

    async fn shown(&self) -> Value {
        let call = Call::get("/v1/auth/backend").with("cookie", &*self.cookie);
        call.send(&self.fixture.router).await.ok()
    }
}

#[tokio::test]
async fn a_proposal_is_shown_without_its_secrets_and_withdrawn() {
    let operator = InPerson::new(fixture().await).await;
    let proposed = operator.send("PUT", "/v1/auth/backend", &github()).await.ok();
    assert_eq!(proposed["events"][0]["type"], "AuthBackendProposed");
    assert_eq!(proposed["events"][0]["data"]["operator_login"], "boss");
    let shown = operator.shown().await;
    assert_eq!(
        (&shown["kind"], &shown["proposal"]["provider"]["address"]),
        (&json!("local"), &json!("https://github.com"))
    );
    assert_eq!(shown["github_callback"], "http://dkube.example/ops/auth/github/callback");
    assert!(!format!("{proposed}{shown}").contains("a-secret"));
    assert_eq!(operator.send("PUT", "/v1/auth/backend", &github()).await.ok()["events"], json!([]));
    let withdrawn = operator.send("PUT", "/v1/auth/backend", &json!({"kind": "local"})).await.ok();
    assert_eq!(withdrawn["events"][0]["type"], "AuthBackendProposalWithdrawn");
    assert_eq!(operator.shown().await["proposal"], Value::Null);
}

#[tokio::test]
async fn what_a_kind_needs_is_asked_for_by_name() {
    let operator = InPerson::new(fixture().await).await;
    for missing in ["organization", "client_id", "client_secret", "operator"] {
        let mut body = github();
        body.as_object_mut().unwrap().remove(missing);
        let told = operator.send("PUT", "/v1/auth/backend", &body).await.problem("request.body");
        assert!(told["detail"].as_str().unwrap().starts_with(missing), "{told}");
    }
    for (field, value) in [("issuer", "https://id.example"), ("scopes", "x"), ("colour", "red")] {
        let mut body = github();
        body[field] = if field == "scopes" { json!([value]) } else { json!(value) };
        operator.send("PUT", "/v1/auth/backend", &body).await.problem("request.body");
    }
    operator.send("PATCH", "/v1/auth/backend", &json!({"client_id": "x"})).await.problem("auth.no_credentials");
}

#[tokio::test]
async fn nothing_is_proposed_that_nobody_could_come_back_from() {
    let operator = InPerson::new(Fixture::new().await).await;
    operator.send("PUT", "/v1/auth/backend", &github()).await.problem("auth.no_public_url");
    assert_eq!(operator.shown().await["github_callback"], Value::Null);
}

#[tokio::test]
async fn where_people_are_known_here_the_directory_has_the_users() {
    let fixture = fixture().await;
    let operator = fixture.operator().await;
    let list = async |path: &str| Call::get(path).token(&operator).send(&fixture.router).await.ok();
    let page = list("/v1/directory?limit=3").await;
    let logins = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|item| item["login"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(logins(&page), ["ada", "aud", "bob"]);
    let rest = list(&format!("/v1/directory?after={}", page["next"].as_str().unwrap())).await;
    assert_eq!((logins(&rest), &rest["next"]), (vec!["operator".to_owned()], &Value::Null));
    assert_eq!(logins(&list("/v1/directory?state=known").await), Vec::<String>::new());
    Call::get("/v1/directory?after=x").token(&operator).send(&fixture.router).await.problem("request.query");
    Call::get("/v1/directory?as_of=1").token(&operator).send(&fixture.router).await.problem("as_of.unsupported");
    let refreshed = Call::new("POST", "/v1/directory/refresh").token(&operator);
    refreshed.send(&fixture.router).await.problem("directory.none");
}

#[tokio::test]
async fn a_code_that_no_browser_brought_opens_nothing() {
    let fixture = fixture().await;
    let body = json!({"code": "00000000-0000-0000-0000-000000000001", "verifier": "x"});
    Call::post("/v1/session/code", &body).send(&fixture.router).await.problem("auth.flow_over");
    let page = Call::get("/auth/github/callback?code=x&state=y").send(&fixture.router).await;
    assert_eq!(page.status, 400);
    assert!(page.header("content-type").starts_with("text/html") && page.text.contains("nothing has changed"));
    Call::get("/auth/github/start").send(&fixture.router).await.problem("auth.not_active");
    let shown = Call::get("/auth/github/start").with("accept", "text/html,*/*;q=0.8").send(&fixture.router).await;
    assert!(shown.status == 404 && shown.text.starts_with("<!doctype html>"), "{}", shown.text);
    let ways = Call::get("/v1/auth").send(&fixture.router).await.ok();
    assert_eq!(ways, json!({"backend": "local", "start": null}));
}
