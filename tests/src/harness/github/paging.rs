//! Lists, a page at a time, with `Link` headers (RFC 8288) that lead to the others.
use axum::{
    Json,
    http::{HeaderValue, header::LINK},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Paging {
    #[serde(default = "thirty")]
    per_page: usize,
    #[serde(default = "first")]
    page: usize,
}

const fn thirty() -> usize {
    30
}

const fn first() -> usize {
    1
}

impl Paging {
    /// The page of a list that is wanted. The others are below `url`, which need not be what was asked for.
    pub(super) fn of(self, items: Vec<Value>, url: &str) -> Response {
        let (size, page) = (self.per_page.clamp(1, 100), self.page.max(1));
        let last = items.len().div_ceil(size).max(1);
        let mut links = vec![];
        if page > 1 {
            links.extend([("prev", (page - 1).min(last)), ("first", 1)]);
        }
        if page < last {
            links.extend([("next", page + 1), ("last", last)]);
        }
        let links: Vec<_> = links
            .iter()
            .map(|(relation, page)| format!("<{url}?per_page={size}&page={page}>; rel=\"{relation}\""))
            .collect();
        let shown: Vec<_> = items.into_iter().skip((page - 1) * size).take(size).collect();
        let mut answer = Json(shown).into_response();
        if let Some(links) = HeaderValue::try_from(links.join(", ")).ok().filter(|links| !links.is_empty()) {
            answer.headers_mut().insert(LINK, links);
        }
        answer
    }
}
