//! What tests share: a place to write, and a server that plays recorded answers.
use super::{Cli, console::Console};
use crate::settings::Environment;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Response, Uri},
};
use clap::Parser;
use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{Arc, Mutex},
};

/// Keeps what is written.
#[derive(Clone, Default)]
pub(super) struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    /// What was written so far.
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) line: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A recorded answer.
pub(super) struct Played {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

/// JSON with that status.
pub(super) fn json(status: u16, body: &serde_json::Value) -> Played {
    let media_type = if status < 400 { "application/json" } else { "application/problem+json" };
    Played { status, headers: vec![], body: Body::from(body.to_string()) }.with("content-type", media_type)
}

/// Any other text.
pub(super) fn text(status: u16, media_type: &str, body: impl Into<Body>) -> Played {
    Played { status, headers: vec![], body: body.into() }.with("content-type", media_type)
}

impl Played {
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<Played>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A server that answers each request with the next recorded answer.
pub(super) struct Player {
    pub(super) address: String,
    script: Script,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Player {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Player {
    pub(super) async fn of(answers: impl IntoIterator<Item = Played>) -> Self {
        let script = Script { answers: Arc::new(Mutex::new(answers.into_iter().collect())), ..Script::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(play).with_state(script.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, script, task }
    }

    /// What was asked so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.script.asked.lock().unwrap().clone()
    }

    /// The first lines of what was asked so far.
    pub(super) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }

    /// Runs a command line against this server, signed in.
    pub(super) async fn run(&self, arguments: &[&str]) -> Ran {
        self.run_in(arguments, &Environment::of([("DKUBE_TOKEN", "token-of-ada")])).await
    }

    /// Runs a command line against this server, in this environment.
    pub(super) async fn run_in(&self, arguments: &[&str], environment: &Environment) -> Ran {
        let elsewhere = arguments.contains(&"--server");
        let server = ["--server", &self.address].into_iter().filter(|_| !elsewhere);
        let all = std::iter::once("dkube").chain(server).chain(arguments.iter().copied());
        let cli = Cli::try_parse_from(all).unwrap();
        let (out, err) = (Buffer::default(), Buffer::default());
        let mut console = Console::of(cli.output, out.clone(), err.clone());
        let mut connection = cli.connection.clone();
        connection.hurry();
        let code = match cli.command.ask(&connection, environment, &mut console).await {
            Ok(()) => 0,
            Err(error) => {
                error.report(&mut console);
                error.exit_code()
            }
        };
        let hidden = |text: String| text.replace(&self.address, "http://SERVER");
        Ran { code, out: hidden(out.text()), err: hidden(err.text()) }
    }
}

/// What a command line came to.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: u8,
    pub(super) out: String,
    pub(super) err: String,
}

async fn play(
    State(script): State<Script>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let asked = Asked { line: format!("{method} {uri}"), headers, body: String::from_utf8_lossy(&body).into_owned() };
    script.asked.lock().unwrap().push(asked);
    let Some(played) = script.answers.lock().unwrap().pop_front() else {
        return Response::builder().status(500).body(Body::from("nothing more was recorded")).unwrap();
    };
    let response = Response::builder().status(played.status);
    let response = played.headers.into_iter().fold(response, |response, (name, value)| response.header(name, value));
    response.body(played.body).unwrap()
}
