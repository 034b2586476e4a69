//! What a browser shows, how it came there, and where that leads.
use super::form::refresh;
use anyhow::Context;
use reqwest::{
    Method, Url,
    header::{HeaderMap, LOCATION},
};
use serde_json::Value;

/// What a browser shows in the end.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its address.
    pub url: Url,
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its text.
    pub body: String,
    /// All requests that led to it, its own the last.
    pub hops: Vec<Hop>,
}

/// A request on the way to a page.
#[derive(Debug, Clone)]
pub struct Hop {
    /// How it was asked.
    pub method: Method,
    /// What was asked for.
    pub url: Url,
    /// The names of the cookies that went along.
    pub cookies: Vec<String>,
    /// The answer's status.
    pub status: u16,
    /// The answer's headers.
    pub headers: HeaderMap,
}

/// Somewhere to go.
pub(super) struct Visit {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<String>,
    /// The site whose page leads there; none where the person has typed the address.
    pub(super) from: Option<String>,
    /// The sites that have redirected since.
    pub(super) over: Vec<String>,
}

impl Page {
    pub(super) fn of(hop: Hop, body: String, mut hops: Vec<Hop>) -> Self {
        let (url, status, headers) = (hop.url.clone(), hop.status, hop.headers.clone());
        hops.push(hop);
        Self { url, status, headers, body, hops }
    }

    /// Where it redirects to, of a redirect that was not followed.
    pub fn location(&self) -> Option<&str> {
        self.headers.get(LOCATION).and_then(|location| location.to_str().ok())
    }

    /// A parameter of its address.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    /// Its text as JSON.
    ///
    /// # Errors
    /// It is something else.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("{} is not JSON: {}", self.url, self.body))
    }

    /// Where the browser goes on to by itself.
    pub(super) fn next(&self, visit: &Visit) -> anyhow::Result<Option<Visit>> {
        let again = match self.status {
            301 | 302 if visit.method == Method::POST => false,
            301 | 302 | 307 | 308 => true,
            303 => false,
            _ => {
                let to = refresh(&self.body).map(|to| self.url.join(&to)).transpose().context("refresh a page")?;
                let from = Some(site(&self.url));
                return Ok(to.map(|url| Visit { method: Method::GET, url, body: None, from, over: vec![] }));
            }
        };
        let Some(location) = self.location() else { return Ok(None) };
        let url = self.url.join(location).with_context(|| format!("{location} is no address"))?;
        let (method, body) = if again { (visit.method.clone(), visit.body.clone()) } else { (Method::GET, None) };
        let over = visit.over.iter().cloned().chain([site(&self.url)]).collect();
        Ok(Some(Visit { method, url, body, from: visit.from.clone(), over }))
    }
}

/// The site of an address: see [`jar`](super::jar).
pub(super) fn site(url: &Url) -> String {
    url.origin().ascii_serialization()
}
