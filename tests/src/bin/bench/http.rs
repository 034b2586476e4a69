//! The same over HTTP, on loopback. Server and client share the processors, so the client does as little as it can: one
//! connection a caller, a request that is written once, and of the answer only its length is read.
use crate::{closed_loop, table::Round};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A server in a process of its own, ended with this.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts it, and reads from its output where it listens.
    fn start(command: &mut Command) -> Result<Self> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("its output is piped")?).lines();
        while let Some(line) = lines.next().transpose()? {
            let address = line.split("http://").nth(1).and_then(|rest| rest.split_whitespace().next());
            if let Some(address) = address {
                let address = address.parse()?;
                // Whatever else it says is read, so that saying it never fails.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(Self { child, address });
            }
        }
        anyhow::bail!("the server ended before it listened")
    }
}

/// What `bench nothing` runs: a POST that reads JSON and answers JSON.
pub(crate) async fn serve_nothing() -> Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("nothing on http://{}", listener.local_addr()?);
    let nothing = axum::routing::any(|axum::Json(_): axum::Json<Value>| async { axum::Json(json!({"position": 1})) });
    Ok(axum::serve(listener, axum::Router::new().fallback(nothing)).await?)
}

/// Requests to a server that does nothing.
pub(crate) async fn nothing(callers: usize, lasting: Duration) -> Result<Round> {
    let server = Server::start(Command::new(std::env::current_exe()?).arg("nothing"))?;
    let wishes = (0..callers).map(|_| [wish("/", "", true), wish("/", "", false)]).collect();
    drive(server.address, wishes, lasting).await
}

/// A DKube server with a simulated fleet, on a folder that goes with it.
fn dkube(folder: &Path) -> Result<(tempfile::TempDir, Server)> {
    let folder = tempfile::tempdir_in(folder)?;
    let binary = std::env::current_exe()?.with_file_name("dkube");
    ensure!(binary.exists(), "build the server first: cargo build --release --bin dkube");
    let mut command = Command::new(binary);
    command.args(["serve", "--simulate", "4x64", "--listen", "127.0.0.1:0", "--log-level", "error"]);
    // All callers are one address.
    command.args(["--requests-per-address", "1024"]);
    command.env("DKUBE_OPERATOR_PASSWORD", "a benchmark's password").arg("--data").arg(folder.path());
    let server = Server::start(&mut command)?;
    Ok((folder, server))
}

/// How a read shows who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Showing {
    /// Not at all, since the route is open.
    Nothing,
    /// By a token.
    Token,
    /// By a session's cookie.
    Cookie,
}

/// Reads of the smallest answer that there is, for each of these ways to show who asks.
pub(crate) async fn reads(folder: &Path, callers: usize, lasting: Duration, ways: &[Showing]) -> Result<Vec<Round>> {
    let (_folder, server) = dkube(folder)?;
    let client = Client::sign_in(server.address).await?;
    let mut rounds = vec![];
    for way in ways {
        let (path, header) = match way {
            Showing::Nothing => ("/livez", String::new()),
            Showing::Token => ("/v1/session", format!("authorization: Bearer {}\r\n", client.token)),
            Showing::Cookie => ("/v1/session", format!("cookie: {}\r\n", client.cookie)),
        };
        let read = format!("GET {path} HTTP/1.1\r\nhost: bench\r\n{header}\r\n").into_bytes();
        let wishes = vec![[read.clone(), read]; callers];
        rounds.push(drive(server.address, wishes, lasting).await?);
    }
    Ok(rounds)
}

/// Commands to a DKube server with a device for every caller.
pub(crate) async fn commands(folder: &Path, callers: usize, lasting: Duration) -> Result<Round> {
    let (_folder, server) = dkube(folder)?;
    let client = Client::sign_in(server.address).await?;
    let devices = client.devices(callers).await?;
    let wishes = devices
        .iter()
        .map(|device| [true, false].map(|cordoned| wish(&format!("/v1/devices/{device}"), &client.token, cordoned)))
        .collect();
    drive(server.address, wishes, lasting).await
}

fn wish(path: &str, token: &str, cordoned: bool) -> Vec<u8> {
    let body = format!("{{\"cordoned\":{cordoned}}}");
    format!(
        "PATCH {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// One connection for each pair of requests, which are sent in turn.
async fn drive(address: SocketAddr, wishes: Vec<[Vec<u8>; 2]>, lasting: Duration) -> Result<Round> {
    let mut connections = vec![];
    for wish in wishes {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        connections.push(std::sync::Mutex::new(Some(Connection { stream, wish, turn: 0, read: vec![0; 64 * 1024] })));
    }
    Ok(closed_loop::tasks(connections.len(), lasting, |caller| {
        let connection = connections[caller].lock().expect("no panic").take().expect("a caller is started once");
        let shared = std::sync::Arc::new(tokio::sync::Mutex::new(connection));
        move || {
            let shared = std::sync::Arc::clone(&shared);
            async move { shared.lock().await.ask().await.expect("the server answers with success") }
        }
    })
    .await)
}

struct Connection {
    stream: TcpStream,
    wish: [Vec<u8>; 2],
    turn: usize,
    read: Vec<u8>,
}

impl Connection {
    async fn ask(&mut self) -> Result<()> {
        self.stream.write_all(&self.wish[self.turn % 2]).await?;
        self.turn += 1;
        let mut have = 0;
        loop {
            let more = self.stream.read(&mut self.read[have..]).await?;
            ensure!(more > 0, "the server closed the connection");
            have += more;
            let answer = &self.read[..have];
            let Some(head) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let text = std::str::from_utf8(&answer[..head])?.to_ascii_lowercase();
            ensure!(text.starts_with("http/1.1 200"), "{}", String::from_utf8_lossy(answer));
            let length = text.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            let length: usize = length.context("an answer says its length")?.trim().parse()?;
            if have >= head + 4 + length {
                return Ok(());
            }
        }
    }
}

/// What prepares a run.
struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
    cookie: String,
}

impl Client {
    async fn sign_in(address: SocketAddr) -> Result<Self> {
        let http = reqwest::Client::new();
        let base = format!("http://{address}");
        let session = http.post(format!("{base}/v1/session"));
        let session = session.json(&json!({"login": "operator", "password": "a benchmark's password"})).send().await?;
        let cookie = session.headers().get("set-cookie").context("a session has a cookie")?.to_str()?.to_owned();
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let session: Value = session.error_for_status()?.json().await?;
        let csrf = session["csrf_token"].as_str().context("a session has a CSRF token")?;
        let token = http.post(format!("{base}/v1/tokens")).header("cookie", &cookie).header("x-csrf-token", csrf);
        let token = token.json(&json!({"name": "bench", "scope": "full", "expires_in_days": 1})).send().await?;
        let token: Value = token.error_for_status()?.json().await?;
        let token = token["token"]["secret"].as_str().context("a token has a secret")?.to_owned();
        Ok(Self { http, base, token, cookie })
    }

    /// So many devices, once the fleet has reported them.
    async fn devices(&self, count: usize) -> Result<Vec<String>> {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(30) {
            let list = self.http.get(format!("{}/v1/devices?limit=1000", self.base)).bearer_auth(&self.token);
            let list: Value = list.send().await?.error_for_status()?.json().await?;
            let uuids = list["items"].as_array().context("a list has items")?.iter();
            let devices: Vec<String> = uuids.filter_map(|item| Some(item["uuid"].as_str()?.to_owned())).collect();
            if devices.len() >= 256.max(count) {
                return Ok(devices.into_iter().take(count).collect());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::bail!("the simulated fleet did not report in time")
    }
}
