//! Bad input over real HTTP: each is refused with its own code, and nothing is recorded.
use anyhow::Context;
use reqwest::{Method, header::CONTENT_TYPE};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use std::fs;
use tests::harness::{Client, LIMIT, PASSWORD, Place, Reply, Server};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

const MIB: usize = 1 << 20;
const JSON: &str = "application/json";

/// Method, path, content type and body, and the status and code that refuse them.
type Case<'a> = (&'a str, &'a str, &'a str, Vec<u8>, u16, &'a str);

/// A request with its body as it is sent.
async fn raw(client: &Client, method: &str, path: &str, kind: &str, body: Vec<u8>) -> anyhow::Result<Reply> {
    let request = client.request(method.parse::<Method>()?, path).body(body);
    Client::send(if kind.is_empty() { request } else { request.header(CONTENT_TYPE, kind) }).await
}

#[tokio::test]
async fn bodies_that_are_none_are_refused_by_their_own_code() -> anyhow::Result<()> {
    let place = Place::new()?;
    let server = Server::start(&place, &[]).await?;
    let client = Client::operator(&server).await?;
    // That the audit trail is read is recorded once.
    client.get("/v1/audit").await?.done()?;
    let before = client.durable().await?;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let body = |text: &str| text.as_bytes().to_vec();
    let cases: &[Case<'_>] = &[
        ("POST", "/v1/pools", JSON, body(""), 400, "request.body"),
        ("POST", "/v1/pools", JSON, body("{"), 400, "request.body"),
        ("POST", "/v1/pools", JSON, body("{\"name\":\"a\",\"devices\":[]} x"), 400, "request.body"),
        ("POST", "/v1/pools", JSON, body("[]"), 400, "request.body"),
        ("POST", "/v1/pools", JSON, body("null"), 400, "request.body"),
        ("POST", "/v1/pools", JSON, vec![0xff, 0xfe, 0x00], 400, "request.body"),
        ("POST", "/v1/pools", JSON, body(&deep), 400, "request.body"),
        ("POST", "/v1/pools", JSON, body("{\"name\":\"a\",\"name\":\"b\",\"devices\":[]}"), 400, "request.body"),
        ("POST", "/v1/pools", JSON, body("{\"name\":7,\"devices\":[]}"), 400, "request.body"),
        ("POST", "/v1/pools", JSON, body("{\"name\":\"a\",\"devices\":[],\"colour\":1}"), 400, "request.body"),
        ("POST", "/v1/pools", JSON, body("{\"name\":\"A_b\",\"devices\":[]}"), 400, "request.body"),
        ("POST", "/v1/pools", JSON, body("{\"name\":\"\",\"devices\":[]}"), 400, "request.body"),
        ("POST", "/v1/pools", JSON, body("{\"name\":\"a\",\"devices\":[\"gpu zero\"]}"), 400, "request.body"),
        ("POST", "/v1/pools", JSON, body("{\"name\":\"a\",\"model\":\"H100\",\"count\":-1}"), 400, "request.body"),
        ("POST", "/v1/pools", JSON, body("{\"name\":\"a\",\"model\":\"H100\",\"count\":1e99}"), 400, "request.body"),
        ("POST", "/v1/jobs", JSON, body("{\"name\":\"a\\u0000b\",\"devices\":1}"), 400, "request.body"),
        ("POST", "/v1/users", JSON, body("{\"logins\":[\"a b\"]}"), 400, "request.body"),
        ("POST", "/v1/users", JSON, body("{\"logins\":[\"ada\"],\"role\":\"emperor\"}"), 400, "request.body"),
        (
            "POST",
            "/v1/tokens",
            JSON,
            body("{\"name\":\"t\",\"scope\":\"all\",\"expires_in_days\":1}"),
            400,
            "request.body",
        ),
        ("POST", "/v1/pools", "", body("{}"), 415, "request.content_type"),
        ("POST", "/v1/pools", "text/plain", body("{}"), 415, "request.content_type"),
        ("POST", "/v1/pools", "application/xml", body("{}"), 415, "request.content_type"),
        ("POST", "/v1/pools", JSON, vec![b' '; MIB + 1], 413, "request.too_large"),
        ("GET", "/v1/nothing", "", vec![], 404, "request.not_found"),
        ("PUT", "/v1/pools", "", vec![], 405, "request.method"),
        ("DELETE", "/v1/pools/No_Name", "", vec![], 400, "request.path"),
        ("DELETE", "/v1/pools/%ff", "", vec![], 400, "request.path"),
        ("PATCH", "/v1/devices/GPU-1", JSON, body("{\"cordoned\":true}"), 400, "request.path"),
        ("DELETE", "/v1/jobs/one", "", vec![], 400, "request.path"),
        ("GET", "/v1/pools?limit=0", "", vec![], 400, "request.query"),
        ("GET", "/v1/pools?limit=1001", "", vec![], 400, "request.query"),
        ("GET", "/v1/pools?colour=red", "", vec![], 400, "request.query"),
        ("GET", "/v1/pools?as_of=yesterday", "", vec![], 400, "request.query"),
        ("GET", "/v1/pools?as_of=1000000", "", vec![], 400, "as_of.future"),
        ("GET", "/v1/pools?as_of=99999999999999999999999", "", vec![], 400, "as_of.future"),
        ("GET", "/v1/pools?as_of=9999-01-01T00:00:00Z", "", vec![], 400, "as_of.future"),
        ("DELETE", "/v1/pools/a?dry_run=perhaps", "", vec![], 400, "request.query"),
        ("GET", "/v1/audit/0", "", vec![], 404, "event.not_found"),
        ("GET", "/v1/audit/1000000", "", vec![], 404, "event.not_found"),
    ];
    for (method, path, kind, body, status, code) in cases {
        let reply = raw(&client, method, path, kind, body.clone()).await?;
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]);
        assert_eq!((reply.status, reply.code()), (*status, *code), "{method} {path} {shown}: {}", reply.body);
        reply.refused(*status, code);
    }
    // A body of exactly 1 MiB is read.
    raw(&client, "POST", "/v1/pools", JSON, vec![b' '; MIB]).await?.refused(400, "request.body");
    // An unknown field is named, and a value that was refused is not repeated.
    let unknown = client.post("/v1/pools", json!({"name": "a", "devices": [], "colour": "hunter2"})).await?;
    assert!(unknown.body["detail"].as_str().is_some_and(|detail| detail.contains("colour")), "{}", unknown.body);
    assert!(!unknown.body.to_string().contains("hunter2"), "{}", unknown.body);
    assert_eq!(client.durable().await?, before, "something was recorded");
    Ok(())
}

#[tokio::test]
async fn headers_that_are_none_are_refused_by_their_own_code() -> anyhow::Result<()> {
    let place = Place::new()?;
    let server = Server::start(&place, &[]).await?;
    let client = Client::operator(&server).await?;
    let made = client.post("/v1/pools", json!({"name": "vision", "devices": []})).await?.done()?;
    client.shows(made.position()?).await?.done()?;
    // That the audit trail is read is recorded once.
    client.get("/v1/audit").await?.done()?;
    let before = client.durable().await?;
    let long = "k".repeat(256);
    let cases: &[(&str, &str, &str, u16, &str)] = &[
        ("DELETE", "if-match", "yes", 400, "request.header"),
        ("DELETE", "if-match", "\"1\"", 412, "condition.failed"),
        ("DELETE", "dkube-planned-at", "now", 400, "request.header"),
        ("DELETE", "dkube-planned-at", "1", 412, "condition.failed"),
        ("DELETE", "dkube-planned-at", "1000000", 400, "as_of.future"),
        ("DELETE", "dkube-reason", "100%", 400, "request.header"),
        ("DELETE", "idempotency-key", "", 400, "request.header"),
        ("DELETE", "idempotency-key", &long, 400, "request.header"),
        ("DELETE", "authorization", "Bearer nonsense", 401, "auth.invalid"),
        ("DELETE", "authorization", "Basic b3BlcmF0b3I6eA==", 401, "auth.invalid"),
        ("GET", "dkube-min-position", "soon", 400, "request.header"),
    ];
    for (method, name, value, status, code) in cases {
        let request = client.request(method.parse::<Method>()?, "/v1/pools/vision").header(*name, *value);
        let reply = Client::send(request).await?;
        assert_eq!((reply.status, reply.code()), (*status, *code), "{name}: {value}: {}", reply.body);
    }
    let twice = client.request(Method::DELETE, "/v1/pools/vision").header("if-match", "\"1\"");
    Client::send(twice.header("if-match", "\"2\"")).await?.refused(400, "request.header");
    let both = client.request(Method::DELETE, "/v1/pools/vision?dry_run=true").header("idempotency-key", "a");
    Client::send(both).await?.refused(400, "idempotency.dry_run");
    let whole = client.request(Method::PUT, "/v1/pools/vision/devices").json(&json!({"devices": []}));
    Client::send(whole).await?.refused(428, "if_match.required");
    let nobody = Client::nobody(&server)?;
    nobody.get("/v1/pools").await?.refused(401, "auth.required");
    nobody.delete("/v1/pools/vision").await?.refused(401, "auth.required");
    assert_eq!(client.durable().await?, before, "something was recorded");

    // The same key with another body, and the same key with the same one.
    let keyed = |name: &str| {
        let body = json!({"name": name, "devices": []});
        Client::send(client.request(Method::POST, "/v1/pools").header("idempotency-key", "once").json(&body))
    };
    let first = keyed("one").await?.done()?;
    assert_eq!(keyed("one").await?.done()?.body, first.body);
    keyed("two").await?.refused(422, "idempotency.key_reused");
    client.shows(first.position()?).await?.done()?;
    assert_eq!(client.position().await?, first.position()?);
    Ok(())
}

#[tokio::test]
async fn who_sends_too_slowly_is_not_waited_for() -> anyhow::Result<()> {
    let place = Place::new()?;
    let server = Server::start(&place, &[]).await?;
    let mut slow_head = TcpStream::connect(server.address()).await?;
    slow_head.write_all(b"GET /livez HTTP/1.1\r\nHost: dk").await?;
    let mut slow_body = half_body(server.address()).await?;
    let (mut of_head, mut of_body) = (vec![], vec![]);
    let ends = async {
        // The one is cut off, the other is told why.
        let (head, body) = tokio::join!(slow_head.read_to_end(&mut of_head), slow_body.read_to_end(&mut of_body));
        anyhow::Ok((head?, body?))
    };
    timeout(LIMIT, ends).await.context("slow clients are waited for")??;
    let answer = String::from_utf8_lossy(&of_body);
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("\"request.slow\""), "{answer}");
    assert!(!String::from_utf8_lossy(&of_head).starts_with("HTTP/1.1 200"));
    // A head without an end is refused as well, however fast it comes.
    let mut endless = TcpStream::connect(server.address()).await?;
    let (mut read, mut write) = endless.split();
    let flood =
        async { while write.write_all(&b"x-more: of the same, again and again\r\n".repeat(100)).await.is_ok() {} };
    write_start(&mut read, flood).await
}

/// Floods until the server has answered or hung up.
async fn write_start(read: &mut (impl AsyncReadExt + Unpin), flood: impl Future<Output = ()>) -> anyhow::Result<()> {
    let mut answer = [0; 12];
    let answered = async {
        tokio::select! {
            read = read.read(&mut answer) => read.unwrap_or_default(),
            () = flood => 0,
        }
    };
    let length = timeout(LIMIT, answered).await.context("the server reads for ever")?;
    assert!(length == 0 || answer.starts_with(b"HTTP/1.1 4"), "{:?}", String::from_utf8_lossy(&answer));
    Ok(())
}

#[tokio::test]
async fn the_file_with_the_first_password_goes_when_that_is_changed() -> anyhow::Result<()> {
    let place = Place::new()?;
    Server::start(&place, &[]).await?.stop().await?;
    // As the founding writes it, where nobody gave a password.
    let file = place.data().join("first-password");
    fs::write(&file, format!("{PASSWORD}\n"))?;
    let server = Server::start(&place, &[]).await?;
    assert!(file.exists(), "it is of use");
    let client = Client::operator(&server).await?;
    client.post("/v1/users", json!({"logins": ["ada"], "passwords": {"ada": "somebody else's"}})).await?.done()?;
    assert!(file.exists(), "another user's password is none of it");
    client.post("/v1/password", json!({"current": PASSWORD, "password": "quite another"})).await?.done()?;
    let gone = async {
        while file.exists() {
            client.get("/livez").await?;
        }
        anyhow::Ok(())
    };
    timeout(LIMIT, gone).await.context("it stays")??;
    server.kill().await?;
    // As it is left by a crash between the change and the removal.
    fs::write(&file, format!("{PASSWORD}\n"))?;
    let server = Server::start(&place, &[]).await?;
    assert!(!file.exists(), "it was of no use before anybody could ask");
    assert!(server.stop().await?.success());
    Ok(())
}

/// A request whose body does not come.
async fn half_body(address: &str) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let head = "POST /v1/session HTTP/1.1\r\nHost: dkube\r\nContent-Type: application/json\r\n\
                Content-Length: 100\r\nConnection: close\r\n\r\n{";
    stream.write_all(head.as_bytes()).await?;
    Ok(stream)
}

#[tokio::test]
async fn with_too_many_requests_of_one_address_it_says_so_and_lives() -> anyhow::Result<()> {
    overload(&[], 128, (429, "request.too_many")).await
}

#[tokio::test]
async fn with_too_many_requests_at_a_time_it_says_so_and_lives() -> anyhow::Result<()> {
    overload(&["--requests-per-address", "1024"], 1024, (503, "server.overloaded")).await
}

/// Holds so many requests, and expects this refusal of one more.
async fn overload(settings: &[&str], requests: usize, (status, code): (u16, &str)) -> anyhow::Result<()> {
    // Each connection is an open file here, and one there.
    let files = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files })?;
    let place = Place::new()?;
    let server = Server::start(&place, settings).await?;
    let client = Client::operator(&server).await?;
    let mut held = JoinSet::new();
    for _ in 0..requests {
        let address = server.address().to_owned();
        held.spawn(async move { half_body(&address).await });
    }
    let mut held: Vec<TcpStream> = held.join_all().await.into_iter().collect::<anyhow::Result<_>>()?;
    let refused = async {
        loop {
            // The question before this one may have had the place of one that was held, which was refused then.
            held.push(half_body(server.address()).await?);
            let reply = client.get("/v1/pools").await?;
            if reply.status != 200 {
                return anyhow::Ok(reply);
            }
        }
    };
    let refused = timeout(LIMIT, refused).await.context("it takes on and on")??;
    refused.refused(status, code);
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(client.get("/livez").await?.status, 200);
    drop(held);
    let recovered = async {
        while client.get("/v1/pools").await?.status != 200 {}
        anyhow::Ok(())
    };
    timeout(LIMIT, recovered).await.context("it does not recover")??;
    assert!(server.stop().await?.success());
    Ok(())
}
