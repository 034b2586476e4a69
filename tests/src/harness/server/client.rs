//! A client of the HTTP API: small, and strict about what it gets.
use super::{OPERATOR, PASSWORD, Server};
use crate::harness::LIMIT;
use anyhow::{Context, bail, ensure};
use reqwest::{
    Method, RequestBuilder, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Value, json};
use std::{path::Path, time::Instant};

/// Somebody who asks a server.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    /// What says who asks.
    identity: HeaderMap,
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null where there is none.
    pub body: Value,
}

impl Client {
    /// Nobody.
    ///
    /// # Errors
    /// There is no such client on this machine.
    pub fn nobody(server: &Server) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(LIMIT).build().context("make an HTTP client")?;
        Ok(Self { http, url: server.url().to_owned(), identity: HeaderMap::new() })
    }

    /// Nobody, who trusts this authority and no other.
    ///
    /// # Errors
    /// The file holds no certificate.
    pub fn trusting(server: &Server, authority: &Path) -> anyhow::Result<Self> {
        let pem = std::fs::read(authority).context("read an authority's certificate")?;
        let authority = reqwest::Certificate::from_pem(&pem)?;
        // A connection that is kept open keeps the certificate that it began with.
        let http = reqwest::Client::builder().no_proxy().timeout(LIMIT).pool_max_idle_per_host(0);
        let http = http.tls_certs_only([authority]).build().context("make an HTTPS client")?;
        Ok(Self { http, url: server.url().to_owned(), identity: HeaderMap::new() })
    }

    /// The first operator, with a session.
    ///
    /// # Errors
    /// The sign-in fails.
    pub async fn operator(server: &Server) -> anyhow::Result<Self> {
        Self::nobody(server)?.signed_in(OPERATOR, PASSWORD).await
    }

    /// The same client, with a session of this user.
    ///
    /// # Errors
    /// The sign-in fails.
    pub async fn signed_in(&self, login: &str, password: &str) -> anyhow::Result<Self> {
        let reply = self.post("/v1/session", json!({"login": login, "password": password})).await?.done()?;
        let cookie = reply.headers.get("set-cookie").and_then(|cookie| cookie.to_str().ok()?.split(';').next());
        let csrf = reply.body["csrf_token"].as_str().context("there is no csrf_token")?;
        let mut identity = HeaderMap::new();
        identity.insert("cookie", HeaderValue::from_str(cookie.context("there is no cookie")?)?);
        identity.insert("x-csrf-token", HeaderValue::from_str(csrf)?);
        Ok(Self { identity, ..self.clone() })
    }

    /// The same user with a token, which outlives the server's process.
    ///
    /// # Errors
    /// The token is not made.
    pub async fn with_token(&self, name: &str, scope: &str) -> anyhow::Result<Self> {
        let body = json!({"name": name, "scope": scope, "expires_in_days": 1});
        let reply = self.post("/v1/tokens", body).await?.done()?;
        let secret = reply.body["token"]["secret"].as_str().context("there is no secret")?;
        let bearer = HeaderValue::from_str(&format!("Bearer {secret}"))?;
        Ok(Self { identity: HeaderMap::from_iter([(AUTHORIZATION, bearer)]), ..self.clone() })
    }

    /// The same user at this server: who holds a token stays known to a server that was started anew.
    #[must_use]
    pub fn at(&self, server: &Server) -> Self {
        Self { url: server.url().to_owned(), ..self.clone() }
    }

    /// A request that says who asks, to be completed and [`send`](Self::send)-ed.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).headers(self.identity.clone())
    }

    /// Sends a request, and reads what comes.
    ///
    /// # Errors
    /// No answer, or one that is not JSON though it says so.
    pub async fn send(request: RequestBuilder) -> anyhow::Result<Reply> {
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = answer.bytes().await?;
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let body = if kind.ends_with("json") {
            serde_json::from_slice(&bytes).context("read the answer's JSON")?
        } else {
            Value::String(String::from_utf8_lossy(&bytes).into_owned())
        };
        Ok(Reply { status, headers, body })
    }

    /// Asks for something.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn get(&self, path: &str) -> anyhow::Result<Reply> {
        Self::send(self.request(Method::GET, path)).await
    }

    /// Asks for what is no JSON.
    ///
    /// # Errors
    /// As for [`send`](Self::send); or it is not answered with 200.
    pub async fn text(&self, path: &str) -> anyhow::Result<String> {
        Ok(self.request(Method::GET, path).send().await?.error_for_status()?.text().await?)
    }

    /// Gives a command with a body.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Reply> {
        Self::send(self.request(Method::POST, path).json(&body)).await
    }

    /// Gives a command that changes a part.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn patch(&self, path: &str, body: Value) -> anyhow::Result<Reply> {
        Self::send(self.request(Method::PATCH, path).json(&body)).await
    }

    /// Gives a command that takes something away.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn delete(&self, path: &str) -> anyhow::Result<Reply> {
        Self::send(self.request(Method::DELETE, path)).await
    }

    /// The last position that is shown.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn position(&self) -> anyhow::Result<u64> {
        self.get("/v1/overview").await?.done()?.position()
    }

    /// The last position that is durable: of what was recorded of this client's own doings too.
    ///
    /// # Errors
    /// As for [`text`](Self::text).
    pub async fn durable(&self) -> anyhow::Result<u64> {
        let metrics = self.text("/metrics").await?;
        let watermark = metrics.lines().find_map(|line| line.strip_prefix("dkube_watermark "));
        Ok(watermark.context("there is no watermark")?.parse()?)
    }

    /// Waits until all that is durable now is shown.
    ///
    /// # Errors
    /// As for [`shows`](Self::shows) and [`durable`](Self::durable); or it is not shown after a while.
    pub async fn settled(&self) -> anyhow::Result<()> {
        self.shows(self.durable().await?).await?.done().map(drop)
    }

    /// Everything that a list has at this position, over all of its pages.
    ///
    /// # Errors
    /// A page is not answered.
    pub async fn all(&self, path: &str, at: Option<u64>) -> anyhow::Result<Vec<Value>> {
        let field = if path.starts_with("/v1/audit") { "events" } else { "items" };
        let (mut items, mut after) = (vec![], None::<String>);
        loop {
            let mut url: Url = format!("{}{path}", self.url).parse()?;
            url.query_pairs_mut().append_pair("limit", "1000");
            if let Some(at) = at {
                url.query_pairs_mut().append_pair("as_of", &at.to_string());
            }
            if let Some(after) = &after {
                url.query_pairs_mut().append_pair("after", after);
            }
            let request = self.http.get(url).headers(self.identity.clone());
            let mut page = Self::send(request).await?.done()?;
            let Value::Array(found) = page.body[field].take() else { bail!("{path} has no {field}") };
            items.extend(found);
            after = page.body["next"].as_str().map(str::to_owned);
            if after.is_none() {
                return Ok(items);
            }
        }
    }

    /// Every event in the audit trail, the oldest first, at least up to this position.
    ///
    /// # Errors
    /// As for [`all`](Self::all); or that position is not shown after a while.
    pub async fn history(&self, at_least: u64) -> anyhow::Result<Vec<Value>> {
        self.shows(at_least).await?.done()?;
        self.all("/v1/audit?order=asc", None).await
    }

    /// Waits until what is answered is as wanted, and gives it. It is asked for anew whenever something is recorded.
    ///
    /// # Errors
    /// It does not come to that within [`LIMIT`].
    pub async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let reply = self.get(path).await?.done()?;
            if wanted(&reply.body) {
                return Ok(reply.body);
            }
            ensure!(Instant::now() < deadline, "{path} is still {}", reply.body);
            let next = self.shows(reply.position()? + 1).await?;
            ensure!(matches!(next.status, 200 | 503), "unexpected answer: {next:?}");
        }
    }

    /// Asks with `Dkube-Min-Position`: is answered once the read models have that position, or with 503 after a while.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn shows(&self, position: u64) -> anyhow::Result<Reply> {
        let header = (HeaderName::from_static("dkube-min-position"), HeaderValue::from(position));
        Self::send(self.request(Method::GET, "/v1/overview").header(header.0, header.1)).await
    }
}

impl Reply {
    /// Itself, if it is a success.
    ///
    /// # Errors
    /// It is a failure.
    pub fn done(self) -> anyhow::Result<Self> {
        ensure!(matches!(self.status, 200 | 201), "{} was answered: {}", self.status, self.body);
        Ok(self)
    }

    /// The problem's stable code; empty where it is none.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The position that it is true at.
    ///
    /// # Errors
    /// It says none.
    pub fn position(&self) -> anyhow::Result<u64> {
        let header = self.headers.get("dkube-position").and_then(|position| position.to_str().ok()?.parse().ok());
        header.with_context(|| format!("there is no position in {self:?}"))
    }

    /// Checks that this is a problem document of that status and code.
    ///
    /// # Panics
    /// It is not.
    pub fn refused(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.body);
        assert_eq!(self.headers[CONTENT_TYPE], "application/problem+json");
        for field in ["type", "title", "detail"] {
            assert!(self.body[field].as_str().is_some_and(|text| !text.is_empty()), "{field} in {}", self.body);
        }
        assert_eq!(self.body["status"], status);
    }
}
