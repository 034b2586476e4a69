//! Stand-ins of providers, on loopback.
mod signer;

pub(super) use signer::Signer;

use super::Outside;
use crate::egress::{Egress, Policy};
use axum::{
    Router,
    body::to_bytes,
    extract::Request,
    http::{HeaderMap, HeaderName, StatusCode},
    response::{IntoResponse, Response},
};
use bus::clock::{Clock, SystemEntropy};
use domain::Timestamp;
use reqwest::Url;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

/// When tests begin, in seconds since 1970.
pub(super) const NOW: i64 = 1_790_000_000;

/// A clock that stands until it is moved.
pub(super) struct At(AtomicI64);

impl At {
    pub(super) fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for At {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(0).plus_seconds(self.0.load(Ordering::SeqCst))
    }
}

/// What a provider on loopback is asked with, and its clock.
pub(super) fn outside() -> (Outside, Arc<At>) {
    let egress = Egress::new(Policy { insecure: true, ..Policy::default() });
    let clock = Arc::new(At(AtomicI64::new(NOW)));
    (Outside::new(Arc::new(egress), Arc::clone(&clock) as Arc<dyn Clock>, Arc::new(SystemEntropy)), clock)
}

/// What a query says.
pub(super) fn query(url: &Url) -> BTreeMap<String, String> {
    url.query_pairs().into_owned().collect()
}

/// What somebody asked.
#[derive(Clone)]
pub(super) struct Heard {
    pub(super) authorization: Option<String>,
    pub(super) body: String,
}

impl Heard {
    pub(super) fn form(&self) -> BTreeMap<String, String> {
        serde_urlencoded::from_str(&self.body).unwrap()
    }
}

#[derive(Default)]
struct Script {
    replies: BTreeMap<String, (StatusCode, HeaderMap, String)>,
    heard: Vec<(String, Heard)>,
}

/// A server that says what it is told to, and remembers what it was asked.
pub(super) struct StandIn {
    pub(super) url: Url,
    script: Arc<Mutex<Script>>,
}

impl StandIn {
    pub(super) async fn new() -> Self {
        let script: Arc<Mutex<Script>> = Arc::default();
        let shared = Arc::clone(&script);
        let router = Router::new().fallback(move |request: Request| answer(Arc::clone(&shared), request));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, script }
    }

    /// From now on, it says this to such a request: `GET /user`, with its query where that matters.
    pub(super) fn says(&self, what: &str, status: u16, body: &Value) {
        self.says_with(what, status, &[], body);
    }

    pub(super) fn says_with(&self, what: &str, status: u16, headers: &[(&str, &str)], body: &Value) {
        let header = |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        let reply = (StatusCode::from_u16(status).unwrap(), headers.iter().map(header).collect(), body.to_string());
        self.script.lock().unwrap().replies.insert(what.to_owned(), reply);
    }

    /// What it was asked of this kind.
    pub(super) fn heard(&self, what: &str) -> Vec<Heard> {
        let heard = &self.script.lock().unwrap().heard;
        heard.iter().filter(|(asked, _)| asked == what).map(|(_, heard)| heard.clone()).collect()
    }

    /// An address of it, as text.
    pub(super) fn at(&self, path: &str) -> String {
        self.url.join(path).unwrap().to_string()
    }
}

async fn answer(script: Arc<Mutex<Script>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 16).await.unwrap();
    let authorization = parts.headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    let heard = Heard { authorization, body: String::from_utf8(body.to_vec()).unwrap() };
    let place = format!("{} {}", parts.method, parts.uri.path());
    let exact = format!("{} {}", parts.method, parts.uri);
    let mut script = script.lock().unwrap();
    script.heard.push((place.clone(), heard));
    let reply = script.replies.get(&exact).or_else(|| script.replies.get(&place)).cloned();
    reply.unwrap_or((StatusCode::NOT_FOUND, HeaderMap::new(), "{}".to_owned())).into_response()
}
