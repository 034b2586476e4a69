//! The directory over a provider that answers when it is let.
use super::{fetch::fetch, known::Place};
use crate::http::{
    problem::Problem,
    testing::{Answered, Call, Fixture},
};
use axum::{
    Json, Router,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use domain::{
    Command, Login,
    backend::{self, Credentials, GitHub, Identity, Provider, Secret},
};
use futures::FutureExt as _;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::sync::{Semaphore, watch};
use zeroize::Zeroizing;

/// A GitHub whose every answer is the same, and comes when it is let.
struct Provided {
    url: String,
    state: Arc<State>,
}

type Said = (StatusCode, Vec<(&'static str, String)>, Value);

struct State {
    answer: Mutex<Said>,
    asked: watch::Sender<usize>,
    let_go: Semaphore,
}

impl Provided {
    async fn new() -> Self {
        let state = Arc::new(State {
            answer: Mutex::new((StatusCode::OK, vec![], json!([]))),
            asked: watch::Sender::new(0),
            let_go: Semaphore::new(0),
        });
        let shared = Arc::clone(&state);
        let router = Router::new().fallback(move || answer(Arc::clone(&shared)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    /// What it answers from now on, to whoever waits as well.
    fn says(&self, status: u16, headers: &[(&'static str, String)], body: Value) {
        *self.state.answer.lock().unwrap() = (StatusCode::from_u16(status).unwrap(), headers.to_vec(), body);
    }

    fn lists(&self, people: &[(u64, &str)]) {
        let people = people.iter().map(|(id, login)| json!({"id": id, "login": login})).collect();
        self.says(200, &[], people);
    }

    /// Lets it answer so many questions.
    fn answers(&self, questions: usize) {
        self.state.let_go.add_permits(questions);
    }

    fn asked(&self) -> usize {
        *self.state.asked.borrow()
    }

    /// Waits until it was asked so often.
    async fn was_asked(&self, times: usize) {
        let mut asked = self.state.asked.subscribe();
        let waited = asked.wait_for(|asked| *asked >= times);
        tokio::time::timeout(std::time::Duration::from_secs(20), waited).await.unwrap().unwrap();
    }
}

async fn answer(state: Arc<State>) -> Response {
    state.asked.send_modify(|asked| *asked += 1);
    state.let_go.acquire().await.unwrap().forget();
    let (status, headers, body) = state.answer.lock().unwrap().clone();
    let headers: HeaderMap =
        headers.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    (status, headers, Json(body)).into_response()
}

/// A server whose people are at that provider.
struct World {
    fixture: Fixture,
    provided: Provided,
    operator: String,
}

impl World {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let (provided, operator) = (Provided::new().await, fixture.operator().await);
        let world = Self { fixture, provided, operator };
        world.belong_to("research", "boss", "1").await;
        world
    }

    fn provider(&self, organization: &str) -> Provider {
        Provider::GitHub(GitHub {
            base_url: self.provided.url.parse().unwrap(),
            organization: organization.parse().unwrap(),
            client_id: "dkube".parse().unwrap(),
            client_secret: secret("hunter2"),
            directory_token: Some(secret("ghp_1")),
        })
    }

    fn identity(&self, subject: &str) -> Identity {
        Identity::new(self.provider("research").realm(), subject).unwrap()
    }

    /// People are members of that organization from now on.
    async fn belong_to(&self, organization: &str, operator: &str, subject: &str) {
        let (provider, operator): (_, Login) = (self.provider(organization), operator.parse().unwrap());
        let propose = backend::Command::Propose { provider, operator: operator.clone(), link: None };
        self.fixture.system(Command::Backend(propose));
        self.fixture.settled().await;
        let proposal = self.fixture.app.present(|state| state.cluster().sign_in().proposal.as_ref().unwrap().revision);
        let activate = backend::Command::Activate { proposal, identity: self.identity(subject), login: operator };
        self.fixture.system(Command::Backend(activate));
        self.fixture.settled().await;
    }

    fn place(&self, organization: &str) -> Place {
        Place::of(&self.provider(organization))
    }

    async fn send(&self, call: Call) -> Answered {
        let answer = call.token(&self.operator).send(&self.fixture.router).await;
        self.fixture.settled().await;
        answer
    }

    async fn refresh(&self) -> Answered {
        self.send(Call::new("POST", "/v1/directory/refresh")).await
    }

    async fn directory(&self) -> Value {
        self.send(Call::get("/v1/directory")).await.ok()
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(Zeroizing::new(text.to_owned())).unwrap()
}

fn people(fetched: Result<Option<usize>, Problem>) -> Option<usize> {
    fetched.unwrap_or_else(|problem| panic!("{problem:?}"))
}

#[tokio::test]
async fn all_who_ask_meanwhile_share_one_fetch_that_outlives_them() {
    let world = World::new().await;
    let app = &world.fixture.app;
    world.provided.lists(&[(1, "boss"), (2, "ada")]);
    let (mut first, mut second, mut third) = (Box::pin(fetch(app)), Box::pin(fetch(app)), Box::pin(fetch(app)));
    assert!([&mut first, &mut second, &mut third].into_iter().all(|asking| asking.now_or_never().is_none()));
    world.provided.was_asked(1).await;
    // Whoever began it is gone.
    drop(first);
    world.provided.answers(1);
    assert_eq!((people(second.await), people(third.await)), (Some(2), Some(2)));
    assert_eq!(world.provided.asked(), 1);
    // What is over is asked anew.
    world.provided.answers(1);
    assert_eq!(world.refresh().await.ok()["people"], 2);
    assert_eq!(world.provided.asked(), 2);
}

#[tokio::test]
async fn a_provider_that_takes_no_more_questions_is_not_asked_before_it_does() {
    let world = World::new().await;
    let second = world.fixture.engine.now().micros() / 1_000_000;
    let exceeded = [("x-ratelimit-remaining", "0".to_owned()), ("x-ratelimit-reset", (second + 90).to_string())];
    world.provided.says(403, &exceeded, json!({}));
    world.provided.answers(9);
    for _ in 0..3 {
        let answer = world.refresh().await;
        answer.problem("provider.rate_limited");
        let seconds: u64 = answer.header("retry-after").parse().unwrap();
        assert!((80..=91).contains(&seconds), "{seconds}");
        assert_eq!(world.provided.asked(), 1);
    }
    let trouble = world.directory().await["trouble"].as_str().unwrap().to_owned();
    assert!(
        trouble.contains("no more questions before 2026-") && trouble.contains("provider.rate_limited"),
        "{trouble}"
    );
    world.fixture.engine.pass(60);
    let answer = world.refresh().await;
    assert!(answer.header("retry-after").parse::<u64>().unwrap() <= 31, "{}", answer.header("retry-after"));
    assert_eq!(world.provided.asked(), 1);

    world.provided.lists(&[(1, "boss")]);
    world.fixture.engine.pass(31);
    assert_eq!(world.refresh().await.ok()["people"], 1);
    assert_eq!(world.provided.asked(), 2);
    assert_eq!(world.directory().await["trouble"], Value::Null);

    // How much may be asked with another token, that one says.
    world.provided.says(429, &[("retry-after", "600".to_owned())], json!({}));
    assert_eq!(world.refresh().await.header("retry-after"), "600");
    world.provided.lists(&[(1, "boss"), (2, "ada")]);
    let token = Some(Some(secret("ghp_2")));
    let credentials = Credentials { directory_token: token, ..Credentials::default() };
    world.fixture.system(Command::Backend(backend::Command::UpdateCredentials(credentials)));
    world.fixture.settled().await;
    assert_eq!(world.refresh().await.ok()["people"], 2);
}

#[tokio::test]
async fn what_is_told_of_a_backend_that_holds_no_more_is_nobodys() {
    for (status, body) in [(500, json!({})), (200, json!([{"id": 7, "login": "eve"}]))] {
        let world = World::new().await;
        let app = &world.fixture.app;
        let mut asking = Box::pin(fetch(app));
        assert!((&mut asking).now_or_never().is_none());
        world.provided.was_asked(1).await;
        world.belong_to("teaching", "boss", "1").await;
        world.provided.says(status, &[], body);
        world.provided.answers(1);
        // Whoever waits is told of the one that holds.
        assert!(wait_or(&mut asking, world.provided.was_asked(2)).await.is_none());
        assert!(app.directory.people(&world.place("research")).entries().is_empty());
        let (fetched_at, trouble) = app.directory.age(&world.place("teaching"));
        assert!(fetched_at.is_none() && trouble.is_none());
        world.provided.lists(&[(1, "boss"), (2, "ada")]);
        world.provided.answers(1);
        assert_eq!(people(asking.await), Some(2));
        assert_eq!(app.directory.people(&world.place("teaching")).entries().len(), 2);
    }
}

/// What the one gives, if it does so before the other is over.
async fn wait_or<T>(one: impl Future<Output = T>, other: impl Future<Output = ()>) -> Option<T> {
    tokio::select! {
        given = one => Some(given),
        () = other => None,
    }
}

#[tokio::test]
async fn whoever_left_is_told_of_and_stays_as_they_are() {
    let world = World::new().await;
    world.provided.answers(100);
    world.provided.lists(&[(1, "boss"), (2, "eve"), (3, "fay")]);
    world.refresh().await.ok();
    world.send(Call::post("/v1/users", &json!({"logins": ["eve", "fay"]}))).await.ok();
    let eve = world.fixture.user("eve").await;
    let alerts = async || {
        let alerts = world.send(Call::get("/v1/alerts")).await.ok();
        let items = alerts["items"].as_array().unwrap().clone();
        items.into_iter().filter(|alert| alert["code"] == "user.left_organization").collect::<Vec<_>>()
    };
    assert_eq!(alerts().await, Vec::<Value>::new());
    world.provided.lists(&[(1, "boss"), (3, "fay")]);
    world.fixture.engine.pass(10);
    world.refresh().await.ok();
    let told = alerts().await;
    assert_eq!((told.len(), &told[0]["subject"]), (1, &json!(format!("user/{eve}"))), "{told:?}");
    assert!(told[0]["since"].is_string() && told[0]["summary"].as_str().unwrap().contains("eve"), "{told:?}");
    assert!(told[0]["action"].as_str().unwrap().contains("suspend or delete"), "{told:?}");
    let state = async |login: &str| {
        let directory = world.directory().await;
        let item = directory["items"].as_array().unwrap().iter().find(|item| item["login"] == login).cloned();
        item.map(|item| item["state"].clone())
    };
    assert_eq!((state("eve").await, state("fay").await), (Some(json!("left")), Some(json!("on-boarded"))));
    let left = world.send(Call::get("/v1/directory?state=left")).await.ok();
    assert_eq!((left["items"].as_array().unwrap().len(), &left["items"][0]["user"]), (1, &json!(eve.to_string())));

    // Who is shut out needs no operator; a list that is not whole tells nothing.
    world.send(Call::new("PATCH", "/v1/users/eve").json(&json!({"suspended": true}))).await.ok();
    assert_eq!((alerts().await.len(), state("eve").await), (0, Some(json!("left"))));
    world.send(Call::new("PATCH", "/v1/users/eve").json(&json!({"suspended": false}))).await.ok();
    assert_eq!(alerts().await.len(), 1);
    let credentials = Credentials { directory_token: Some(None), ..Credentials::default() };
    world.fixture.system(Command::Backend(backend::Command::UpdateCredentials(credentials)));
    world.fixture.settled().await;
    world.refresh().await.ok();
    assert_eq!((alerts().await.len(), state("eve").await), (0, None));
}

#[tokio::test]
async fn a_link_whose_answer_was_lost_is_answered_again_after_they_have_come_in() {
    let world = World::new().await;
    let (place, eve) = (world.place("research"), world.identity("9"));
    let directory = &world.fixture.app.directory;
    directory.turned_away(&place, &eve, &"octo-bob".parse().unwrap(), world.fixture.engine.now());
    let (cookie, csrf) = world.fixture.sign_in("operator").await;
    let send = async |login: &str, link: &str, key: &str| {
        let call = Call::new("PATCH", format!("/v1/users/{login}")).json(&json!({"link": link}));
        let call = call.with("idempotency-key", key).with("cookie", &*cookie).with("x-csrf-token", &*csrf);
        let answer = call.send(&world.fixture.router).await;
        world.fixture.settled().await;
        answer
    };
    let first = send("bob", "octo-bob", "link-bob").await.ok();
    assert_eq!(first["events"].as_array().unwrap().len(), 2, "{first}");
    directory.came_in(&place, &eve);
    let again = send("bob", "octo-bob", "link-bob").await.ok();
    assert_eq!(again["events"], first["events"]);
    // With another key it is another wish.
    send("ada", "octo-bob", "link-ada").await.problem("user.login_taken");
    send("ada", "nobody", "link-nobody").await.problem("directory.unknown");
}

#[tokio::test]
async fn so_many_logins_are_refused_before_anybody_is_looked_up() {
    let world = World::new().await;
    let logins: Vec<String> = (0..=8192).map(|n| format!("u{n}")).collect();
    world.send(Call::post("/v1/users", &json!({"logins": logins}))).await.problem("request.too_large");
    world.send(Call::post("/v1/users", &json!({"logins": logins[1..]}))).await.problem("directory.unknown");
}
