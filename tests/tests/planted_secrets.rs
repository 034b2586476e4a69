//! Secrets and personal data that were planted are in no file, message, log line or answer in clear.
use anyhow::Context;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures::StreamExt;
use serde_json::{Value, json};
use std::fs;
use tests::harness::{Client, NatsServer, PASSWORD, Place, Reply, Server, eventually};
use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
};

/// What was typed, made or shown, each with whether operators may see it in answers: secrets never, personal data yes.
#[derive(Default)]
struct Planted(Vec<(String, bool)>);

impl Planted {
    fn secret(&mut self, text: &str) -> String {
        self.0.push((text.to_owned(), false));
        text.to_owned()
    }

    fn personal(&mut self, text: &str) -> String {
        self.0.push((text.to_owned(), true));
        text.to_owned()
    }

    /// Which of them stand here: all, or only those that nobody is shown.
    fn found(&self, bytes: &[u8], shown: bool) -> Vec<&str> {
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        let all = self.0.iter().filter(|(text, personal)| !(shown && *personal) && holds(text));
        all.map(|(text, _)| text.as_str()).collect()
    }
}

/// What was said on a NATS server: subjects, headers and bodies.
struct Heard {
    position: watch::Receiver<u64>,
    end: oneshot::Sender<()>,
    all: JoinHandle<Vec<u8>>,
}

impl Heard {
    async fn listen(url: &str) -> anyhow::Result<Self> {
        let client = async_nats::connect(url).await?;
        let mut messages = client.subscribe(">").await?;
        client.flush().await?;
        let (end, mut ended) = oneshot::channel();
        let (reached, position) = watch::channel(0);
        let all = tokio::spawn(async move {
            let mut heard = vec![];
            loop {
                let message = tokio::select! {
                    message = messages.next() => message,
                    _ = &mut ended => None,
                };
                let Some(message) = message else { return heard };
                let position =
                    message.headers.as_ref().and_then(|headers| headers.get("ce-dkubeposition")?.as_str().parse().ok());
                reached.send_if_modified(|last| {
                    position.is_some_and(|position| std::mem::replace(last, position) != position)
                });
                heard.extend(message.subject.as_bytes());
                heard.extend(format!("{:?}", message.headers).as_bytes());
                heard.extend(&message.payload);
            }
        });
        Ok(Self { position, end, all })
    }

    /// All of it, at least up to the event at this position.
    async fn up_to(mut self, position: u64) -> anyhow::Result<Vec<u8>> {
        eventually(&mut self.position, |reached| *reached >= position).await;
        // Where nobody takes it, there is an end already.
        let _ = self.end.send(());
        Ok(self.all.await?)
    }
}

/// Does what operators do, rightly and wrongly, and gives all answers that are not meant to hold a secret.
async fn life(server: &Server, planted: &mut Planted) -> anyhow::Result<Vec<Reply>> {
    planted.secret(PASSWORD);
    let nobody = Client::nobody(server)?;
    let sign_in = json!({"login": "operator", "password": PASSWORD});
    let session = nobody.post("/v1/session", sign_in).await?.done()?;
    let cookie = session.headers["set-cookie"].to_str()?.split(';').next().unwrap_or_default().to_owned();
    planted.secret(cookie.split_once('=').context("a cookie has a value")?.1);
    planted.secret(session.body["csrf_token"].as_str().context("a CSRF token")?);
    let operator = nobody.signed_in("operator", PASSWORD).await?;
    let made =
        operator.post("/v1/tokens", json!({"name": "one", "scope": "full", "expires_in_days": 1})).await?.done()?;
    let token = planted.secret(made.body["token"]["secret"].as_str().context("a secret")?);
    let mut replies = vec![];

    // Sign-ins that fail, with a password in either field.
    let typed = planted.secret("planted-typed-as-a-login");
    let wrong = planted.secret("planted wrong password");
    for (login, password) in [("operator", &*wrong), (&*typed, &*wrong), ("no such form of a login", &*typed)] {
        replies.push(nobody.post("/v1/session", json!({"login": login, "password": password})).await?);
    }
    let array = planted.secret("planted-in-an-array");
    replies.push(nobody.post("/v1/session", json!({"login": "operator", "password": [array]})).await?);
    let short = planted.secret("planted-it");
    let refused = operator.post("/v1/users", json!({"logins": ["bob"], "passwords": {"bob": short}})).await?;
    assert_eq!(refused.status, 400, "{}", refused.body);
    replies.push(refused);
    // A password where a login belongs, in a command that the rules refuse.
    let mistaken = planted.secret("planted-as-a-member");
    let group = operator.post("/v1/groups", json!({"name": "team", "users": [mistaken]})).await?;
    assert_eq!(group.code(), "user.not_found");

    // People, with passwords and reasons.
    let (login, reason) = (planted.personal("planted.person"), planted.personal("planted-reason-for-it"));
    let first = planted.secret("planted first password");
    let onboard = json!({"logins": [login], "passwords": {(&*login): first}});
    let request = operator.request(reqwest::Method::POST, "/v1/users").header("dkube-reason", &reason).json(&onboard);
    replies.push(Client::send(request).await?.done()?);
    let person = nobody.signed_in(&login, &first).await?;
    let second = planted.secret("planted second password");
    let password = json!({"current": first, "password": second});
    replies.push(person.post("/v1/password", password).await?.done()?);
    let request = operator.request(reqwest::Method::DELETE, "/v1/pools/default").header("dkube-reason", &reason);
    replies.push(Client::send(request).await?);

    replies.extend(invited(&nobody, &operator, planted).await?);
    replies.extend(elsewhere(&operator, planted).await?);

    // A token where it does not belong, and one that is good no more.
    replies.push(nobody.get(&format!("/v1/pools?token={token}")).await?);
    replies.push(nobody.get(&format!("/v1/tokens/{token}")).await?);
    let id = made.body["token"]["id"].as_str().context("an id")?;
    replies.push(operator.delete(&format!("/v1/tokens/{id}")).await?.done()?);
    let late = nobody.request(reqwest::Method::GET, "/v1/pools").bearer_auth(&token);
    replies.push(Client::send(late).await?);
    operator.settled().await?;
    replies.push(operator.get("/v1/audit?limit=1000").await?.done()?);
    for path in ["/v1/users", "/v1/tokens", "/v1/sessions", "/v1/overview", "/v1/about", "/v1/alerts"] {
        replies.push(operator.get(path).await?.done()?);
    }
    let metrics = Value::String(operator.text("/metrics").await?);
    replies.push(Reply { status: 200, headers: replies[0].headers.clone(), body: metrics });
    Ok(replies)
}

/// Somebody chooses a password by an invitation, and somebody else tries.
async fn invited(nobody: &Client, operator: &Client, planted: &mut Planted) -> anyhow::Result<Vec<Reply>> {
    let login = planted.personal("planted.guest");
    let made = operator.post("/v1/users", json!({"logins": [login]})).await?.done()?;
    let code = planted.secret(made.body["invitations"][0]["code"].as_str().context("a code")?);
    let chosen = json!({"password": planted.secret("planted chosen password")});
    let wrong = planted.secret("planted-code-of-nobody");
    let mut replies = vec![nobody.post(&format!("/v1/invitations/{wrong}"), chosen.clone()).await?];
    for _ in 0..2 {
        replies.push(nobody.post(&format!("/v1/invitations/{code}"), chosen.clone()).await?);
    }
    assert_eq!(replies.iter().map(|reply| reply.status).collect::<Vec<_>>(), [404, 200, 404]);
    Ok(replies)
}

/// A sign-in provider with its credentials: taken, refused, and proven by nobody.
async fn elsewhere(operator: &Client, planted: &mut Planted) -> anyhow::Result<Vec<Reply>> {
    let login = planted.personal("planted.operator");
    let put =
        async |body: Value| Client::send(operator.request(reqwest::Method::PUT, "/v1/auth/backend").json(&body)).await;
    let body = json!({"kind": "github", "organization": "research", "client_id": "dkube", "operator": login,
        "client_secret": planted.secret("planted-client-secret"),
        "directory_token": planted.secret("planted-directory-token")});
    let mut replies = vec![put(body).await?.done()?];
    let spaced = planted.secret("planted secret with spaces");
    let body = json!({"kind": "oidc", "issuer": "https://id.example.org", "client_id": "dkube", "operator": login,
        "client_secret": spaced});
    replies.push(put(body).await?);
    assert_eq!(replies[1].code(), "request.body");
    let lost = json!({"client_secret": planted.secret("planted-for-no-provider")});
    replies.push(operator.patch("/v1/auth/backend", lost).await?);
    assert_eq!(replies[2].code(), "auth.no_credentials");
    for path in ["/v1/auth/backend", "/v1/auth/backend?as_of=1", "/v1/directory"] {
        replies.push(operator.get(path).await?.done()?);
    }
    Ok(replies)
}

#[tokio::test]
async fn what_was_planted_is_found_nowhere() -> anyhow::Result<()> {
    let nats = NatsServer::start()?;
    let heard = Heard::listen(&nats.url()).await?;
    let place = Place::new()?;
    let mut planted = Planted::default();
    let server = Server::start(&place, &["--nats", &nats.url(), "--log-level", "debug"]).await?;
    let replies = life(&server, &mut planted).await?;
    for reply in &replies {
        let answer = format!("{:?} {}", reply.headers, reply.body);
        assert_eq!(planted.found(answer.as_bytes(), true), Vec::<&str>::new(), "in the answer {answer}");
    }
    let operator = Client::operator(&server).await?;
    let last = operator.durable().await?;
    let all = heard.up_to(last).await?;
    assert!(server.stop().await?.success());
    assert!(all.windows(8).any(|window| window == b"SignedIn"), "the events were heard");
    assert_eq!(planted.found(&all, false), Vec::<&str>::new(), "on NATS");
    let log = place.log();
    assert!(log.contains("answered"), "the log tells of requests: {log}");
    assert_eq!(planted.found(log.as_bytes(), false), Vec::<&str>::new(), "in the server's log");

    let files = place.files()?;
    assert!(files.len() > 5);
    for file in files.keys() {
        let bytes = fs::read(place.data().join(file))?;
        assert_eq!(planted.found(&bytes, false), Vec::<&str>::new(), "in {}", file.display());
    }
    // What is compressed in the files stands here as it was stored.
    let export = place.dkube(&["log", "export"]).await?.done()?;
    let mut stored = export.clone().into_bytes();
    for line in export.lines() {
        if let Some(bytes) = serde_json::from_str::<Value>(line)?["bytes"].as_str() {
            stored.extend(BASE64_STANDARD.decode(bytes)?);
        }
    }
    assert!(stored.windows(11).any(|window| window == b"auth.failed"), "a failed sign-in was stored");
    assert_eq!(planted.found(&stored, false), Vec::<&str>::new(), "in the log");
    Ok(())
}
