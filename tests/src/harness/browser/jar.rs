//! The cookies of a browser: RFC 6265bis, as far as a site on one host needs it.
//!
//! A port of 127.0.0.1 is a site of its own here. For a real browser it is not; but the servers that stand on ports in
//! a test have hosts of their own everywhere else.
use bus::clock::{Clock, SystemClock};
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::{
    Method, Url,
    header::{HeaderMap, SET_COOKIE},
};

/// A cookie that a browser keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    /// Its name, with its prefix.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Below which path it is sent.
    pub path: String,
    /// Whether it is kept from scripts.
    pub http_only: bool,
    /// Whether it is kept from plain HTTP; not from that of the machine itself.
    pub secure: bool,
    /// Whether it goes along with what other sites have the browser ask for.
    pub same_site: SameSite,
    origin: String,
    /// In seconds since 1970; none: until the browser ends.
    until: Option<i64>,
}

/// `SameSite`; a cookie without it is taken to be lax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// Never sent for other sites.
    Strict,
    /// Sent where another site leads to with a `GET`.
    Lax,
    /// Always sent.
    None,
}

#[derive(Debug, Default)]
pub(super) struct Jar {
    cookies: Vec<Cookie>,
}

impl Jar {
    /// What is sent with a request. `same_site`: no other site had a hand in it.
    pub(super) fn of(&self, method: &Method, url: &Url, same_site: bool) -> Vec<&Cookie> {
        let (origin, now) = (url.origin().ascii_serialization(), now());
        let goes = |cookie: &&Cookie| {
            let site = match cookie.same_site {
                SameSite::Strict => same_site,
                SameSite::Lax => same_site || *method == Method::GET,
                SameSite::None => true,
            };
            let alive = cookie.until.is_none_or(|until| until > now);
            site && alive && cookie.origin == origin && below(url.path(), &cookie.path)
        };
        self.cookies.iter().filter(goes).collect()
    }

    /// Keeps what an answer sets, unless a browser would refuse it.
    pub(super) fn take(&mut self, url: &Url, headers: &HeaderMap) {
        for line in headers.get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok()) {
            let Some(cookie) = parsed(line, url) else { continue };
            let key = |cookie: &Cookie| (cookie.origin.clone(), cookie.path.clone(), cookie.name.clone());
            self.cookies.retain(|known| key(known) != key(&cookie));
            if cookie.until.is_none_or(|until| until > now()) {
                self.cookies.push(cookie);
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.cookies.clear();
    }
}

fn parsed(line: &str, url: &Url) -> Option<Cookie> {
    let mut parts = line.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let directory = url.path().rsplit_once('/').map_or("", |(directory, _)| directory);
    let mut cookie = Cookie {
        name: name.trim().to_owned(),
        value: value.trim().to_owned(),
        path: if directory.is_empty() { "/".to_owned() } else { directory.to_owned() },
        http_only: false,
        secure: false,
        same_site: SameSite::Lax,
        origin: url.origin().ascii_serialization(),
        until: None,
    };
    let (mut domain, mut age) = (None, None);
    for part in parts {
        let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
        match attribute.to_ascii_lowercase().as_str() {
            "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
            "domain" => domain = Some(value.trim_start_matches('.')),
            "secure" => cookie.secure = true,
            "httponly" => cookie.http_only = true,
            "samesite" if value.eq_ignore_ascii_case("strict") => cookie.same_site = SameSite::Strict,
            "samesite" if value.eq_ignore_ascii_case("none") => cookie.same_site = SameSite::None,
            "max-age" => age = value.parse::<i64>().ok(),
            "expires" => cookie.until = seconds(value),
            _ => {}
        }
    }
    if let Some(age) = age {
        cookie.until = Some(now().saturating_add(age));
    }
    allowed(&cookie, domain, url).then_some(cookie)
}

fn allowed(cookie: &Cookie, domain: Option<&str>, url: &Url) -> bool {
    let prefix = |prefix: &str| cookie.name.get(..prefix.len()).is_some_and(|is| is.eq_ignore_ascii_case(prefix));
    let secure = if prefix("__Host-") {
        cookie.secure && cookie.path == "/" && domain.is_none()
    } else {
        cookie.secure || !prefix("__Secure-") && cookie.same_site != SameSite::None
    };
    secure && (!cookie.secure || trustworthy(url)) && domain.is_none_or(|domain| url.host_str() == Some(domain))
}

/// Whether nobody on the way can listen: what browsers take for a place of secure cookies.
fn trustworthy(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let loopback = host.trim_matches(['[', ']']).parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    url.scheme() == "https" || host == "localhost" || loopback
}

fn below(path: &str, of: &str) -> bool {
    path.strip_prefix(of).is_some_and(|rest| of.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
}

fn seconds(date: &str) -> Option<i64> {
    DateTimeParser::new().parse_timestamp(date).ok().map(jiff::Timestamp::as_second)
}

fn now() -> i64 {
    SystemClock.now().micros() / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jar(from: &str, lines: &[&str]) -> Jar {
        let mut jar = Jar::default();
        for line in lines {
            let headers = HeaderMap::from_iter([(SET_COOKIE, line.parse().expect("a header"))]);
            jar.take(&from.parse().expect("a URL"), &headers);
        }
        jar
    }

    fn sent(jar: &Jar, method: &Method, url: &str, same_site: bool) -> String {
        let cookies = jar.of(method, &url.parse().expect("a URL"), same_site);
        cookies.iter().map(|cookie| cookie.name.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_a_browser_refuses_is_not_kept() {
        let lines = [
            "__Host-a=1; Secure; Path=/",
            "__Host-b=1; Path=/",
            "__Host-c=1; Secure; Path=/; Domain=127.0.0.1",
            "__host-d=1; Secure; Path=/sub",
            "__Secure-e=1",
            "f=1; SameSite=None",
            "g=1; Domain=example.org",
            "h=1; Domain=127.0.0.1",
        ];
        let here = "http://127.0.0.1:80/sub/page";
        assert_eq!(sent(&jar(here, &lines), &Method::GET, here, true), "__Host-a h");
        let elsewhere = "http://192.0.2.1/";
        assert_eq!(sent(&jar(elsewhere, &["a=1; Secure", "b=1"]), &Method::GET, elsewhere, true), "b");
    }

    #[test]
    fn where_and_for_whom_a_cookie_is_sent() {
        let lines =
            ["s=1; SameSite=Strict", "l=1; SameSite=Lax; Path=/", "n=1; SameSite=None; Secure; Path=/", "d=1; Path=/"];
        let jar = jar("http://127.0.0.1:1/in/callback", &lines);
        assert_eq!(sent(&jar, &Method::GET, "http://127.0.0.1:1/in/x", true), "s l n d");
        assert_eq!(sent(&jar, &Method::GET, "http://127.0.0.1:1/inner", true), "l n d");
        assert_eq!(sent(&jar, &Method::GET, "http://127.0.0.1:1/in", false), "l n d");
        assert_eq!(sent(&jar, &Method::POST, "http://127.0.0.1:1/in", false), "n");
        assert_eq!(sent(&jar, &Method::GET, "http://127.0.0.1:2/in", true), "");
    }

    #[test]
    fn a_cookie_ends_when_it_is_told_to() {
        let here = "http://127.0.0.1/";
        for end in ["a=; Max-Age=0", "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"] {
            assert_eq!(sent(&jar(here, &["a=1; Max-Age=60", "b=1", end]), &Method::GET, here, true), "b");
        }
    }
}
