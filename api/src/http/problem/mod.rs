//! Failures as clients see them: RFC 9457 problem documents, each with a stable code.
mod failure;
pub(crate) mod page;
mod table;

pub(crate) use failure::{Named, denied, failed};
pub(crate) use table::{TABLE, find};

use axum::{
    Json,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::Shortage;
use serde::Serialize;

/// The media type of problem documents.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// What an answer is marked with that refuses somebody what they may not.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    /// Its code.
    pub(crate) code: String,
}

/// A failure, ready to be answered.
#[derive(Debug, Clone)]
pub(crate) struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    document: Document,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// A problem document (RFC 9457).
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document {
    /// A page about this sort of failure.
    #[serde(rename = "type")]
    #[schema(example = "/problems/pool.busy")]
    page: String,
    /// What it is, the same for every occurrence.
    #[schema(example = "Jobs run on the pool's devices")]
    title: String,
    /// The HTTP status.
    #[schema(example = 409)]
    status: u16,
    /// What happened here.
    detail: String,
    /// The stable code of this sort of failure.
    #[schema(example = "pool.busy")]
    code: String,
    /// What stands in the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["job/0199c0de-0000-7000-8000-000000008000"]))]
    refs: Vec<String>,
    /// Why a claim found too few devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    shortage: Option<ShortageView>,
    /// For a failed condition: the revision now, if there is such a thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u64>,
}

/// Why a claim found too few devices.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Shortage)]
pub(crate) struct ShortageView {
    /// How many were asked for.
    asked: u32,
    /// With a job.
    busy: u32,
    /// Not reported by their node.
    missing: u32,
    /// Of unknown health.
    unknown: u32,
    /// With a critical or fatal condition.
    quarantined: u32,
    /// Held back by an operator.
    cordoned: u32,
    /// To be had.
    free: u32,
}

impl Problem {
    /// The failure of this code, which must be in the table.
    pub(crate) fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self::kept(code, None, detail.into())
    }

    /// The failure of a code that may be a later release's: then the status says the sort, and the title is the code.
    fn kept(code: &str, status: Option<u16>, detail: String) -> Self {
        let entry = find(code);
        let status = entry.map(|entry| entry.status).or(status).unwrap_or(500);
        let document = Document {
            page: format!("/problems/{code}"),
            title: entry.map_or_else(|| code.to_owned(), |entry| entry.title.to_owned()),
            status,
            detail,
            code: code.to_owned(),
            refs: vec![],
            shortage: None,
            revision: None,
        };
        Self(Box::new(Inner { document, headers: vec![] }))
    }

    /// The failure that goes with a bare status, such as a library answers.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            401 => Self::new("auth.required", "this needs a sign-in"),
            403 => Self::new("auth.forbidden", "this is not allowed"),
            404 => Self::new("request.not_found", "there is no such path"),
            405 => Self::new("request.method", "this path does not take this method"),
            408 => Self::new("request.slow", "the request came too slowly"),
            413 => Self::new("request.too_large", "the request is too large"),
            415 => Self::new("request.content_type", "the body is not JSON"),
            503 => Self::new("server.overloaded", "the server has too much to do").retry_after(1),
            400..=499 => Self::new("request.malformed", "the request is malformed"),
            _ => Self::new("server.fault", "the server failed"),
        }
    }

    /// A fault on our side: told to the log in full, to the client only as such.
    pub(crate) fn fault(what: &str, error: &dyn std::error::Error) -> Self {
        let chain = std::iter::successors(Some(error), |error| error.source());
        let told: Vec<String> = chain.map(ToString::to_string).collect();
        tracing::error!(error = told.join(": "), "{what}");
        Self::new("server.fault", "the server failed; its log says more")
    }

    pub(crate) fn refs(mut self, refs: Vec<String>) -> Self {
        self.0.document.refs = refs;
        self
    }

    pub(crate) fn shortage(mut self, shortage: Option<Shortage>) -> Self {
        self.0.document.shortage = shortage.map(|Shortage { asked, had }| ShortageView {
            asked,
            busy: had.busy,
            missing: had.missing,
            unknown: had.unknown,
            quarantined: had.quarantined,
            cordoned: had.cordoned,
            free: had.free,
        });
        self
    }

    pub(crate) fn revision(mut self, revision: Option<u64>) -> Self {
        self.0.document.revision = revision;
        self
    }

    /// Says in how many seconds to try again.
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// The headers that go with it, such as when to try again.
    pub(crate) fn headers(&self) -> HeaderMap {
        self.0.headers.iter().cloned().collect()
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.document.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The stable code.
    pub(crate) fn code(&self) -> &str {
        &self.0.document.code
    }

    /// What happened here.
    pub(crate) fn detail(&self) -> &str {
        &self.0.document.detail
    }

    /// What the reader should do.
    pub(crate) fn advice(&self) -> &'static str {
        find(&self.0.document.code).map_or("", |entry| entry.advice)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let Inner { document, headers } = *self.0;
        let refused = (status == StatusCode::FORBIDDEN).then(|| Refused { code: document.code.clone() });
        let mut response = (status, Json(document)).into_response();
        if let Some(refused) = refused {
            response.extensions_mut().insert(refused);
        }
        let fields = response.headers_mut();
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if status == StatusCode::UNAUTHORIZED {
            fields.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"dkube\""));
        }
        for (name, value) in headers {
            fields.append(name, value);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_entry_is_complete() {
        assert!(TABLE.windows(2).all(|pair| pair[0].code < pair[1].code), "codes must rise");
        for entry in TABLE {
            assert!((400..=599).contains(&entry.status), "{}", entry.code);
            let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            assert!(entry.code.split_once('.').is_some_and(|(noun, rest)| word(noun) && word(rest)), "{}", entry.code);
            assert!(!entry.title.ends_with('.') && entry.advice.ends_with('.'), "{}", entry.code);
        }
    }

    #[tokio::test]
    async fn every_code_answers_as_a_problem_document() {
        for entry in TABLE {
            let response = Problem::new(entry.code, "why").into_response();
            assert_eq!(response.status().as_u16(), entry.status, "{}", entry.code);
            assert_eq!(response.headers()[header::CONTENT_TYPE], MEDIA_TYPE);
            assert_eq!(response.headers().contains_key(header::WWW_AUTHENTICATE), entry.status == 401);
            let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
            let document: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(document["code"], entry.code);
            assert_eq!(document["type"], format!("/problems/{}", entry.code));
            assert_eq!(document["status"], entry.status);
            assert_eq!(document["title"], entry.title);
            assert_eq!(document["detail"], "why");
        }
    }

    #[test]
    fn a_bare_status_is_in_the_table() {
        for status in [400, 401, 403, 404, 405, 408, 413, 415, 418, 500, 502, 503] {
            let problem = Problem::of_status(StatusCode::from_u16(status).unwrap());
            assert!(find(problem.code()).is_some(), "{status}");
        }
    }
}
