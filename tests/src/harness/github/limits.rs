//! How many requests are answered, and what goes wrong when it is told to.
use super::problem::{Problem, status};
use axum::{
    http::{HeaderName, HeaderValue},
    response::{Html, IntoResponse, Response},
};
use bus::clock::{Clock, SystemClock};
use std::{collections::HashMap, time::Duration};

/// An hour's requests of one user, as GitHub has it for OAuth apps.
const LIMIT: u64 = 5000;
const HOUR_SECS: u64 = 3600;

/// What goes wrong, until it is told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The API answers with 403 or 429 that the requests are used up, and when there are more (`x-ratelimit-reset`).
    Exceeded {
        /// 403 or 429.
        status: u16,
        /// How long it takes.
        reset_in: Duration,
    },
    /// The API answers with 403 or 429 that it was asked too much at once (`retry-after`).
    Secondary {
        /// 403 or 429.
        status: u16,
        /// How long to wait.
        retry_after: Duration,
    },
    /// Everything, OAuth too, is answered with this status and a page.
    Down {
        /// 500, 502 or 503.
        status: u16,
    },
}

#[derive(Debug)]
pub(super) struct Limits {
    pub(super) trouble: Option<Trouble>,
    limit: u64,
    reset: u64,
    /// By user; none: by who has no token.
    used: HashMap<Option<u64>, u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { trouble: None, limit: LIMIT, reset: now() + HOUR_SECS, used: HashMap::new() }
    }
}

impl Limits {
    /// Begins an hour with this many requests of each user.
    pub(super) fn allow(&mut self, limit: u64) {
        *self = Self { trouble: self.trouble, limit, ..Self::default() };
    }

    /// The page of a site that is down.
    pub(super) fn down(&self) -> Option<Response> {
        let Some(Trouble::Down { status: code }) = self.trouble else { return None };
        Some((status(code), Html("<title>Unicorn!</title><p>No server is currently available.")).into_response())
    }

    /// Counts a request to the API; the answer of one that is too much.
    pub(super) fn count(&mut self, who: Option<u64>) -> Option<Problem> {
        let used = self.used.entry(who).or_default();
        *used += 1;
        let exceeded = |status| {
            let name = who.map_or_else(|| "127.0.0.1".to_owned(), |id| format!("user ID {id}"));
            Problem::new(status, format!("API rate limit exceeded for {name}."), "rate-limits-for-the-rest-api")
        };
        match self.trouble {
            Some(Trouble::Exceeded { status, .. }) => Some(exceeded(status)),
            Some(Trouble::Secondary { status, retry_after }) => {
                let said = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
                let problem = Problem::new(status, said, "about-secondary-rate-limits");
                Some(problem.with("retry-after", retry_after.as_secs().to_string()))
            }
            _ => (*used > self.limit).then(|| exceeded(403)),
        }
    }

    /// Says on an answer how many requests are left.
    pub(super) fn tell(&self, who: Option<u64>, answer: &mut Response) {
        let used = self.used.get(&who).copied().unwrap_or_default();
        let (used, reset) = match self.trouble {
            Some(Trouble::Exceeded { reset_in, .. }) => (self.limit, now() + reset_in.as_secs()),
            _ => (used.min(self.limit), self.reset),
        };
        let headers = answer.headers_mut();
        let told = [("limit", self.limit), ("remaining", self.limit - used), ("used", used), ("reset", reset)];
        for (name, value) in told {
            let name = format!("x-ratelimit-{name}");
            headers.insert(HeaderName::try_from(name).expect("it is a name"), HeaderValue::from(value));
        }
        headers.insert("x-ratelimit-resource", HeaderValue::from_static("core"));
    }
}

fn now() -> u64 {
    u64::try_from(SystemClock.now().micros() / 1_000_000).unwrap_or_default()
}
