//! A browser without scripts: cookies, redirects across sites, forms, and what it says of who had it ask.
mod form;
mod jar;
mod page;

pub use jar::{Cookie, SameSite};
pub use page::{Hop, Page};

use super::LIMIT;
use anyhow::{Context, bail, ensure};
use jar::Jar;
use page::{Visit, site};
use reqwest::{
    Method, Url,
    header::{CONTENT_TYPE, COOKIE},
    redirect::Policy,
};
use serde_json::Value;

/// More redirects than this are a loop, for browsers too.
const HOPS_MAX: usize = 20;

/// A browser with cookies of its own. Two of them are two people.
#[derive(Debug)]
pub struct Browser {
    http: reqwest::Client,
    jar: Jar,
    halt: Option<String>,
}

impl Browser {
    /// A new one, which knows no cookies.
    ///
    /// # Errors
    /// There is no HTTP client on this machine.
    pub fn new() -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).timeout(LIMIT);
        let http = http.user_agent("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
        Ok(Self { http: http.build().context("make a browser")?, jar: Jar::default(), halt: None })
    }

    /// Opens an address that was typed in, or is a bookmark.
    ///
    /// # Errors
    /// It is no address, is not answered, or leads in circles.
    pub async fn open(&mut self, url: &str) -> anyhow::Result<Page> {
        let url = url.parse().with_context(|| format!("{url} is no address"))?;
        self.visit(Visit { method: Method::GET, url, body: None, from: None, over: vec![] }).await
    }

    /// Follows a link of a page.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub async fn follow(&mut self, page: &Page, link: &str) -> anyhow::Result<Page> {
        let url = page.url.join(link).with_context(|| format!("{link} is no address"))?;
        self.visit(Visit { method: Method::GET, url, body: None, from: Some(site(&page.url)), over: vec![] }).await
    }

    /// Fills these in, presses these buttons, and sends the first form of a page that has all of them.
    ///
    /// # Errors
    /// There is no such form; or as for [`open`](Self::open).
    pub async fn submit(&mut self, page: &Page, values: &[(&str, &str)]) -> anyhow::Result<Page> {
        let forms = form::forms(&page.body);
        let form = forms.iter().find(|form| values.iter().all(|(name, _)| form.has(name)));
        let form = form.with_context(|| format!("{} has no form with {values:?}:\n{}", page.url, page.body))?;
        let mut url = page.url.join(&form.action).context("a form's action is no address")?;
        let sent = form.filled(values);
        let (method, body) = if form.post {
            (Method::POST, Some(encoded(&sent)))
        } else {
            url.query_pairs_mut().clear().extend_pairs(&sent);
            (Method::GET, None)
        };
        self.visit(Visit { method, url, body, from: Some(site(&page.url)), over: vec![] }).await
    }

    /// What a script of the page asks its own server for: redirects are not followed.
    ///
    /// # Errors
    /// The address is another server's, or is not answered.
    pub async fn fetch(
        &mut self,
        page: &Page,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> anyhow::Result<Page> {
        let url = page.url.join(path).with_context(|| format!("{path} is no address"))?;
        ensure!(site(&url) == site(&page.url), "{url} is not of {}", page.url);
        let mut request = self.http.request(method.clone(), url.clone());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request = request.header("sec-fetch-site", "same-origin").header("sec-fetch-mode", "cors");
        request = request.header("sec-fetch-dest", "empty");
        if method != Method::GET {
            request = request.header("origin", site(&url));
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let (hop, body) = self.ask(request, method, url, true).await?;
        Ok(Page::of(hop, body, vec![]))
    }

    /// Does not go to addresses that begin so: what would be redirected there ends with the redirect, whose
    /// [`location`](Page::location) is that address. None: goes everywhere.
    pub fn halt_before(&mut self, address: Option<&str>) {
        self.halt = address.map(str::to_owned);
    }

    /// The cookies that would go along with an address that is typed in.
    pub fn cookies(&self, url: &Url) -> Vec<Cookie> {
        self.jar.of(&Method::GET, url, true).into_iter().cloned().collect()
    }

    /// Forgets all cookies.
    pub fn forget(&mut self) {
        self.jar.clear();
    }

    async fn visit(&mut self, mut visit: Visit) -> anyhow::Result<Page> {
        let mut hops: Vec<Hop> = vec![];
        while hops.len() < HOPS_MAX {
            let (hop, body) = self.step(&visit).await?;
            let page = Page::of(hop, body, hops);
            let next = page.next(&visit)?;
            let halted = |next: &Visit| self.halt.as_ref().is_some_and(|halt| next.url.as_str().starts_with(halt));
            let Some(next) = next.filter(|next| !halted(next)) else { return Ok(page) };
            (hops, visit) = (page.hops, next);
        }
        bail!("redirected in circles: {:?}", hops.iter().map(|hop| hop.url.as_str()).collect::<Vec<_>>())
    }

    async fn step(&mut self, visit: &Visit) -> anyhow::Result<(Hop, String)> {
        let here = site(&visit.url);
        let same_site = visit.from.iter().chain(&visit.over).all(|site| *site == here);
        let said = match &visit.from {
            None if same_site => "none",
            _ if same_site => "same-origin",
            _ => "cross-site",
        };
        let request = self.http.request(visit.method.clone(), visit.url.clone());
        let mut request = request
            .header("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
            .header("sec-fetch-site", said)
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document");
        if visit.method != Method::GET {
            request = request.header("origin", visit.from.as_deref().unwrap_or("null"));
        }
        if let Some(body) = &visit.body {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.clone());
        }
        self.ask(request, visit.method.clone(), visit.url.clone(), same_site).await
    }

    async fn ask(
        &mut self,
        mut request: reqwest::RequestBuilder,
        method: Method,
        url: Url,
        same_site: bool,
    ) -> anyhow::Result<(Hop, String)> {
        let sent = self.jar.of(&method, &url, same_site);
        let cookies = sent.iter().map(|cookie| cookie.name.clone()).collect();
        let pairs: Vec<_> = sent.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        if !pairs.is_empty() {
            request = request.header(COOKIE, pairs.join("; "));
        }
        let answer = request.send().await.with_context(|| format!("{url} is not answered"))?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        self.jar.take(&url, &headers);
        let body = answer.text().await.with_context(|| format!("{url} is not answered in full"))?;
        Ok((Hop { method, url, cookies, status, headers }, body))
    }
}

fn encoded(pairs: &[(String, String)]) -> String {
    let mut url = Url::parse("form:").expect("this is an address");
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap_or_default().to_owned()
}
